// SPDX-License-Identifier: GPL-2.0
// bug: splitpmd-put
// what: the split of a PMD for a migration keeps the reference of the mapping
// why: the folio looks pinned and cannot be split
// source: derived
// file: mm/huge_memory.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: progress, conservation
// budget: 120s
// class: logic

@@
@@
__split_huge_pmd_locked(...)
{
<...
-if (freeze)
-	put_page(page);
...>
}
