// SPDX-License-Identifier: GPL-2.0
// bug: pages-nosplit
// what: a THP that is given base pages as its destination is not split
// why: a folio of 512 pages is migrated to the first of them
// source: derived
// file: mm/migrate_device.c
// changes: -3 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console, slot
// budget: 120s
// class: logic

@@
expression a, b;
@@
__migrate_device_pages(...)
{
<...
 if (
-    a && b && !(dst_pfns[i] & MIGRATE_PFN_COMPOUND)
+    false
    ) { ... } else if (...) { ... }
...>
}
