// SPDX-License-Identifier: GPL-2.0
// bug: insert-none
// what: a THP is inserted without another look whether there still is a hole
// why: what was faulted in meanwhile is overwritten
// source: derived
// file: mm/migrate_device.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: console, slot
// budget: 300s
// class: race

@@
@@
migrate_vma_insert_huge_pmd_page(...)
{
<...
 if (is_huge_zero_pmd(*pmdp)) flush = true;
-else if (!pmd_none(*pmdp)) goto unlock_abort;
...>
}
