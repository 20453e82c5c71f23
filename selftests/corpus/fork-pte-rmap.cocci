// SPDX-License-Identifier: GPL-2.0
// bug: fork-pte-rmap
// what: the child's mapping of a device PTE is not counted as one
// why: the count goes below zero, and a mapped page looks unmapped
// source: derived
// file: mm/memory.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: console, progress
// budget: 60s
// class: logic

@@
@@
copy_nonpresent_pte(...)
{
<...
-folio_try_dup_anon_rmap_pte(...);
...>
}
