// SPDX-License-Identifier: GPL-2.0
// bug: splitpmd-rmap
// what: the split of a PMD does not remove the mapping of the whole
// why: the folio counts one mapping too many
// source: derived
// file: mm/huge_memory.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console, progress
// budget: 120s
// class: logic

@@
@@
__split_huge_pmd_locked(...)
{
<...
-if (!pmd_is_migration_entry(*pmd))
-	folio_remove_rmap_pmd(...);
...>
}
