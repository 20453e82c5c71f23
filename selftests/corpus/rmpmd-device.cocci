// SPDX-License-Identifier: GPL-2.0
// bug: rmpmd-device
// what: after its migration to the device a THP is mapped as if the CPU could reach it
// why: it reads and writes memory that is not there
// source: derived
// file: mm/huge_memory.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console, slot
// budget: 60s
// class: logic

@@
@@
remove_migration_pmd(...)
{
<...
 if (
-    folio_is_device_private(folio)
+    false
    ) { ... }
...>
}
