// SPDX-License-Identifier: GPL-2.0
// bug: rmpte-write
// what: the device PTE that replaces a read-only migration entry is writable
// why: a shared or protected page can be written
// source: derived
// file: mm/migrate.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: fork_isolation, negative, console, test
// budget: 120s
// class: logic

@@
@@
remove_migration_pte(...)
{
<...
 if (
-    pte_write(pte)
+    true
    ) entry = make_writable_device_private_entry(...);
 else entry = make_readable_device_private_entry(...);
...>
}
