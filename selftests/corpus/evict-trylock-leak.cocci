// SPDX-License-Identifier: GPL-2.0
// bug: evict-trylock-leak
// what: eviction does not give back the reference to a page that somebody else has locked
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
migrate_device_pfn_lock(...)
{
<...
 if (!folio_trylock(folio)) {
-	folio_put(folio);
 	return 0;
 }
...>
}
