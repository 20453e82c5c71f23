// SPDX-License-Identifier: GPL-2.0
// bug: mig-dirty
// what: the dirty bit of a THP is not carried over to the folio
// why: data that was written is lost when the folio is reclaimed
// source: derived, after dirty-lost
// file: mm/huge_memory.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: slot, test
// budget: 300s
// class: logic

@@
@@
set_pmd_migration_entry(...)
{
<...
 if (present && pmd_dirty(pmdval)) {
-	folio_mark_dirty(folio);
 	...
 }
...>
}
