// SPDX-License-Identifier: GPL-2.0
// bug: pte-trylock-leak
// what: when somebody else holds the lock of a page its reference is not given back
// why: the page is never freed and never migrated again
// source: derived
// file: mm/migrate_device.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: storm
// oracle: conservation, progress
// budget: 300s
// class: race

@@
@@
migrate_vma_collect_pmd(...)
{
<...
 if (fault_folio == folio || ...) { ... }
 else {
-	folio_put(folio);
	mpfn = 0;
 }
...>
}
