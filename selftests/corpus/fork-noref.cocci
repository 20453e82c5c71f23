// SPDX-License-Identifier: GPL-2.0
// bug: fork-noref
// what: the child's mapping of a device PMD holds no reference
// why: the folio is freed when one side lets go
// source: derived
// file: mm/huge_memory.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: console, slot
// budget: 60s
// class: logic

@@
@@
copy_huge_non_present_pmd(...)
{
<...
-folio_get(src_folio);
...>
}
