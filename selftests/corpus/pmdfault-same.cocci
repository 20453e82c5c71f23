// SPDX-License-Identifier: GPL-2.0
// bug: pmdfault-same
// what: a fault on a device PMD does not look again whether the PMD is still the same
// why: it migrates a page that has gone elsewhere
// source: derived
// file: mm/huge_memory.c
// changes: -4 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: storm
// oracle: console, slot
// budget: 300s
// class: race

@@
@@
do_huge_pmd_device_private(...)
{
<...
-if (unlikely(!pmd_same(...))) {
-	...
-}
...>
}
