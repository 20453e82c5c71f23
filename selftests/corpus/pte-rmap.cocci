// SPDX-License-Identifier: GPL-2.0
// bug: pte-rmap
// what: collection of a PTE does not remove its rmap
// why: the page counts one mapping too many with every migration
// source: derived
// file: mm/migrate_device.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console, progress
// budget: 60s
// class: logic

@@
@@
migrate_vma_collect_pmd(...)
{
<...
-folio_remove_rmap_pte(...);
...>
}
