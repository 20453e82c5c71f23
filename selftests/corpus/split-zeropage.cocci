// SPDX-License-Identifier: GPL-2.0
// bug: split-zeropage
// what: after the split of a device folio its pages are looked at for zeroes
// why: the CPU reads memory that it cannot reach
// source: derived
// file: mm/huge_memory.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console
// budget: 60s
// class: logic

@@
expression a;
@@
__folio_split(...)
{
<...
 if (a
-    && !folio_is_device_private(folio)
    ) ttu_flags = TTU_USE_SHARED_ZEROPAGE;
...>
}
