// SPDX-License-Identifier: GPL-2.0
// bug: pages-failed
// what: a page whose mapping could not be moved counts as migrated
// why: page tables are pointed at a page that never took over
// source: derived
// file: mm/migrate_device.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: slot, console
// budget: 300s
// class: race

@@
@@
__migrate_device_pages(...)
{
<...
 if (r)
-	src_pfns[i+j] &= ~MIGRATE_PFN_MIGRATE;
+	;
 else folio_migrate_flags(...);
...>
}
