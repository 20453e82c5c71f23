// SPDX-License-Identifier: GPL-2.0
// bug: fork-pte-noref
// what: the child's mapping of a device PTE holds no reference
// why: the page is freed when one side lets go
// source: derived
// file: mm/memory.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: console, slot
// budget: 60s
// class: logic

@@
@@
copy_nonpresent_pte(...)
{
<...
-folio_get(folio);
...>
}
