// SPDX-License-Identifier: GPL-2.0
// bug: mig-rmap
// what: a PMD that gets a migration entry keeps its rmap
// why: the folio counts one mapping too many and cannot be migrated
// source: derived
// file: mm/huge_memory.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: progress, console
// budget: 60s
// class: logic

@@
@@
set_pmd_migration_entry(...)
{
<...
-folio_remove_rmap_pmd(...);
...>
}
