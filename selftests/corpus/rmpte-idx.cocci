// SPDX-License-Identifier: GPL-2.0
// bug: rmpte-idx
// what: every PTE of a large folio is pointed at its first page after a migration
// why: the other pages read as the first
// source: derived
// file: mm/migrate.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: slot, console
// budget: 120s
// class: logic

@@
@@
remove_migration_pte(...)
{
<...
-if (folio_test_large(folio) && !folio_test_hugetlb(folio))
-	idx = ...;
...>
}
