// SPDX-License-Identifier: GPL-2.0
// bug: fork-nrptes
// what: the page table deposited for a device PMD is not counted in the child
// why: the count is wrong until the child ends, which says so
// source: derived
// file: mm/huge_memory.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: console
// budget: 60s
// class: logic

@@
@@
copy_huge_non_present_pmd(...)
{
<...
-mm_inc_nr_ptes(...);
...>
}
