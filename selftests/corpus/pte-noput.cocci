// SPDX-License-Identifier: GPL-2.0
// bug: pte-noput
// what: the reference of a PTE that collection replaced is not dropped
// why: the page looks pinned; it is never migrated, and a fault on it never resolves
// source: derived
// file: mm/migrate_device.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: progress
// budget: 60s
// class: logic

@@
@@
migrate_vma_collect_pmd(...)
{
<...
 folio_remove_rmap_pte(...);
-folio_put(folio);
...>
}
