// SPDX-License-Identifier: GPL-2.0
// bug: evict-nolock
// what: eviction takes a page without its lock
// why: it is migrated twice at the same time
// source: derived
// file: mm/migrate_device.c
// changes: -5 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: storm
// oracle: console
// budget: 120s
// class: race

@@
@@
migrate_device_pfn_lock(...)
{
<...
-if (!folio_trylock(folio)) {
-	...
-}
...>
}
