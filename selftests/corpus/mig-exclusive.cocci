// SPDX-License-Identifier: GPL-2.0
// bug: mig-exclusive
// what: a THP that gets a migration entry stays marked as exclusive
// why: the mark outlives the mapping that it speaks of
// source: derived
// file: mm/huge_memory.c
// changes: -4 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console, hmm
// budget: 120s
// class: logic

@@
@@
set_pmd_migration_entry(...)
{
<...
-if (anon_exclusive && folio_try_share_anon_rmap_pmd(...)) {
-	...
-}
...>
}
