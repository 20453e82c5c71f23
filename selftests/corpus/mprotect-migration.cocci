// SPDX-License-Identifier: GPL-2.0
// bug: mprotect-migration
// what: mprotect leaves a PMD migration entry writable
// why: once the migration is over memory that is protected can be written
// source: derived
// file: mm/huge_memory.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: negative, test
// budget: 300s
// class: race

@@
@@
change_non_present_huge_pmd(...)
{
<...
 if (
-    softleaf_is_migration_write(entry)
+    false
    ) { ... } else if (...) { ... } else { ... }
...>
}
