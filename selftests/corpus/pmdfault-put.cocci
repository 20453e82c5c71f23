// SPDX-License-Identifier: GPL-2.0
// bug: pmdfault-put
// what: a fault on a device PMD does not give back its reference
// why: the device page is never freed
// source: derived
// file: mm/huge_memory.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: storm
// oracle: conservation
// budget: 60s
// class: logic

@@
@@
do_huge_pmd_device_private(...)
{
<...
-folio_put(folio);
...>
}
