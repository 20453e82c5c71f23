// SPDX-License-Identifier: GPL-2.0
// bug: rmpmd-write
// what: the device PMD that replaces a read-only migration entry is writable
// why: a shared or protected THP can be written
// source: derived
// file: mm/huge_memory.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: console, fork_isolation
// budget: 60s
// class: logic

@@
@@
remove_migration_pmd(...)
{
<...
 if (
-    pmd_write(pmde)
+    true
    ) entry = make_writable_device_private_entry(...);
 else entry = make_readable_device_private_entry(...);
...>
}
