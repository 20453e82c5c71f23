// SPDX-License-Identifier: GPL-2.0
// bug: finalize-failed
// what: a page that was not migrated in the end is replaced by its destination all the same
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
__migrate_device_finalize(...)
{
<...
 if (
-    !(src_pfns[i] & MIGRATE_PFN_MIGRATE) || !dst
+    !dst
    ) { ... }
...>
}
