// SPDX-License-Identifier: GPL-2.0
// bug: mig-write-always
// what: a read-only device PMD gets a writable migration entry
// why: after the migration a shared or protected THP can be written
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
set_pmd_migration_entry(...)
{
<...
-writable = softleaf_is_device_private_write(old_entry);
+writable = true;
...>
}
