// SPDX-License-Identifier: GPL-2.0
// bug: pte-uffd-wp
// what: collection of a present PTE loses the write protection of userfaultfd
// why: a write goes by without the event that was asked for
// source: derived
// file: mm/migrate_device.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: reader, test
// budget: 120s
// class: logic

@@
@@
migrate_vma_collect_pmd(...)
{
<...
-if (pte_uffd_wp(pte))
-	swp_pte = pte_swp_mkuffd_wp(swp_pte);
...>
}
