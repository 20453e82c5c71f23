// SPDX-License-Identifier: GPL-2.0
// bug: finalize-unlock
// what: the new page stays locked
// why: everybody who wants it waits for ever
// source: derived
// file: mm/migrate_device.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: hang
// budget: 60s
// class: logic

@@
@@
__migrate_device_finalize(...)
{
<...
 if (dst != src) {
 	...
-	folio_unlock(dst);
 	folio_put(dst);
 }
...>
}
