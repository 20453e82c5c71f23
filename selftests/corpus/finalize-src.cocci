// SPDX-License-Identifier: GPL-2.0
// bug: finalize-src
// what: at the end of a migration page tables are pointed at the old page again
// why: the new one is dropped with all that was copied
// source: derived
// file: mm/migrate_device.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: slot, console
// budget: 60s
// class: logic

@@
@@
__migrate_device_finalize(...)
{
<...
-remove_migration_ptes(src, dst, 0);
+remove_migration_ptes(src, src, 0);
...>
}
