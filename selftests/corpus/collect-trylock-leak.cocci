// SPDX-License-Identifier: GPL-2.0
// bug: collect-trylock-leak
// what: when somebody else holds the lock of a THP its reference is not given back
// why: the folio is never freed and never migrated again
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
migrate_vma_collect_huge_pmd(...)
{
<...
 if (folio != fault_folio && ...) {
 	spin_unlock(ptl);
-	folio_put(folio);
 	return migrate_vma_collect_skip(...);
 }
...>
}
