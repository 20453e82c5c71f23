// SPDX-License-Identifier: GPL-2.0
// bug: fork-rmap
// what: the child's mapping of a device PMD is not counted as one
// why: the count goes below zero, and a mapped folio looks unmapped
// source: derived
// file: mm/huge_memory.c
// changes: -6 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: console, progress
// budget: 60s
// class: logic

@@
@@
copy_huge_non_present_pmd(...)
{
<...
-folio_try_dup_anon_rmap_pmd(...);
...>
}
