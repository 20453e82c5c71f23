// SPDX-License-Identifier: GPL-2.0
// bug: fork-migration
// what: fork leaves a PMD migration entry writable on both sides
// why: what one process writes the other one reads
// source: derived
// file: mm/huge_memory.c
// changes: -2 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: fork_isolation, console, test
// budget: 300s
// class: race

@@
@@
copy_huge_non_present_pmd(...)
{
<...
 if (
-    softleaf_is_migration_write(entry) || softleaf_is_migration_read_exclusive(entry)
+    false
    ) { ... } else if (...) { ... }
...>
}
