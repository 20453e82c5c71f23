// SPDX-License-Identifier: GPL-2.0
// bug: pte-softdirty
// what: collection of a present PTE loses soft-dirty
// why: who dumps what was written since the last dump misses the page
// source: derived
// file: mm/migrate_device.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: SOFTDIRTY
// scenario: everything
// oracle: reader
// budget: 120s
// class: logic

@@
@@
migrate_vma_collect_pmd(...)
{
<...
-if (pte_soft_dirty(pte))
-	swp_pte = pte_swp_mksoft_dirty(swp_pte);
...>
}
