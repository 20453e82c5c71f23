// SPDX-License-Identifier: GPL-2.0
// bug: rmpmd-exclusive
// what: every THP is mapped as exclusive after its migration
// why: one that is shared after fork is written in place instead of copied
// source: derived
// file: mm/huge_memory.c
// changes: -2 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: fork_isolation
// budget: 120s
// class: logic

@@
@@
remove_migration_pmd(...)
{
<...
-if (!softleaf_is_migration_read(entry))
 	rmap_flags |= RMAP_EXCLUSIVE;
...>
}
