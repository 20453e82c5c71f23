// SPDX-License-Identifier: GPL-2.0
// bug: mprotect-pte-write
// what: mprotect leaves a device PTE writable
// why: memory that is protected can be written
// source: derived
// file: mm/mprotect.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: negative, test
// budget: 120s
// class: logic

@@
@@
change_softleaf_pte(...)
{
<...
 if (softleaf_is_migration_write(entry)) { ... } else if (
-    softleaf_is_device_private_write(entry)
+    false
    ) { ... } else if (...) { ... } else { ... }
...>
}
