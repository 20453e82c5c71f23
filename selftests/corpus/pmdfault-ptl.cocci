// SPDX-License-Identifier: GPL-2.0
// bug: pmdfault-ptl
// what: the PMD lock is not released when the folio of a device PMD is locked by somebody else
// why: the next one who wants the lock spins for ever
// source: derived
// file: mm/huge_memory.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: DEBUG
// scenario: storm
// oracle: console
// budget: 300s
// class: race

@@
@@
do_huge_pmd_device_private(...)
{
<...
 if (folio_trylock(folio)) { ... }
 else {
-	spin_unlock(ptl);
 }
...>
}
