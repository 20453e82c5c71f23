// SPDX-License-Identifier: GPL-2.0
// bug: mprotect-write
// what: mprotect leaves a device PMD writable
// why: memory that is protected can be written
// source: derived
// file: mm/huge_memory.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: negative
// budget: 120s
// class: logic

@@
@@
change_non_present_huge_pmd(...)
{
<...
 if (softleaf_is_migration_write(entry)) { ... } else if (
-    softleaf_is_device_private_write(entry)
+    false
    ) { ... } else { ... }
...>
}
