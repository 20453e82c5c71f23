// SPDX-License-Identifier: GPL-2.0
// bug: fallback-put
// what: the reference taken for the split of a THP is never dropped
// why: the first page of it can neither be migrated nor freed
// source: derived
// file: mm/migrate_device.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: conservation
// budget: 120s
// class: logic

@@
@@
migrate_vma_collect_huge_pmd(...)
{
<...
 ret = split_folio(folio);
 if (...) folio_unlock(folio);
-folio_put(folio);
...>
}
