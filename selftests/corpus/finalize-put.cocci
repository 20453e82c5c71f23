// SPDX-License-Identifier: GPL-2.0
// bug: finalize-put
// what: the reference of the migration to the new page is not dropped
// why: the page can neither be freed nor migrated again
// source: derived
// file: mm/migrate_device.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: conservation, progress
// budget: 60s
// class: logic

@@
@@
__migrate_device_finalize(...)
{
<...
 if (dst != src) {
 	...
-	folio_put(dst);
 }
...>
}
