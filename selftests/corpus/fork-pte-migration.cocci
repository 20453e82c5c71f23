// SPDX-License-Identifier: GPL-2.0
// bug: fork-pte-migration
// what: fork leaves a PTE migration entry writable on both sides
// why: what one process writes the other one reads
// source: derived
// file: mm/memory.c
// changes: -2 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: fork_isolation, console
// budget: 300s
// class: race

@@
expression e;
@@
copy_nonpresent_pte(...)
{
<...
 if (
-    !softleaf_is_migration_read(entry) && e
+    false
    ) { ... }
...>
}
