// SPDX-License-Identifier: GPL-2.0
// bug: mig-put
// what: a PMD that gets a migration entry keeps its reference
// why: the folio looks pinned and cannot be migrated
// source: derived
// file: mm/huge_memory.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: progress, conservation
// budget: 60s
// class: logic

@@
@@
set_pmd_migration_entry(...)
{
<...
-folio_put(folio);
...>
}
