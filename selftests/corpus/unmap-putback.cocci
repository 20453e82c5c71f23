// SPDX-License-Identifier: GPL-2.0
// bug: unmap-putback
// what: a page that cannot be migrated is not put back on the LRU
// why: it is never reclaimed and never migrated again
// source: derived
// file: mm/migrate_device.c
// changes: -5 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: conservation
// budget: 120s
// class: logic

@@
@@
migrate_device_unmap(...)
{
<...
-if (!folio_is_zone_device(folio)) {
-	folio_get(folio);
-	folio_putback_lru(folio);
-}
...>
}
