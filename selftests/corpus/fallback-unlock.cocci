// SPDX-License-Identifier: GPL-2.0
// bug: fallback-unlock
// what: the folio that had to be split for a partial migration stays locked
// why: everybody who wants it waits for ever
// source: derived
// file: mm/migrate_device.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: hang, progress
// budget: 120s
// class: logic

@@
@@
migrate_vma_collect_huge_pmd(...)
{
<...
 ret = split_folio(folio);
-if (fault_folio != folio)
-	folio_unlock(folio);
...>
}
