// SPDX-License-Identifier: GPL-2.0
// bug: pmdfault-unlock
// what: a fault on a device PMD leaves the folio locked
// why: everybody who wants it waits for ever
// source: derived
// file: mm/huge_memory.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: storm
// oracle: hang, console
// budget: 60s
// class: logic

@@
@@
do_huge_pmd_device_private(...)
{
<...
-folio_unlock(folio);
...>
}
