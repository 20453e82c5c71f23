// SPDX-License-Identifier: GPL-2.0
// bug: pmdfault-noref
// what: a fault on a device PMD takes no reference to the folio
// why: it may be freed while the driver migrates it
// source: derived, after the fix of the same for PTEs (no-ref)
// file: mm/huge_memory.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: storm
// oracle: progress, console
// budget: 120s
// class: race

@@
@@
do_huge_pmd_device_private(...)
{
<...
-folio_get(folio);
...
-folio_put(folio);
...>
}
