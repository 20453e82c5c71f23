// SPDX-License-Identifier: GPL-2.0
// bug: unmap-restore
// what: the migration entries of a page that cannot be migrated are not taken back
// why: everybody who touches it waits for ever
// source: derived
// file: mm/migrate_device.c
// changes: -1 +0
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
-remove_migration_ptes(folio, folio, 0);
...>
}
