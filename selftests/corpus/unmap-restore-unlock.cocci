// SPDX-License-Identifier: GPL-2.0
// bug: unmap-restore-unlock
// what: a page that cannot be migrated stays locked
// why: everybody who touches it waits for ever
// source: derived
// file: mm/migrate_device.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: hang
// budget: 300s
// class: race

@@
@@
migrate_device_unmap(...)
{
<...
-if (fault_folio != folio)
-	folio_unlock(folio);
...>
}
