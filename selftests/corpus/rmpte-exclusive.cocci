// SPDX-License-Identifier: GPL-2.0
// bug: rmpte-exclusive
// what: every page is mapped as exclusive after its migration
// why: one that is shared after fork is written in place instead of copied
// source: derived
// file: mm/migrate.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: fork_isolation
// budget: 120s
// class: logic

@@
@@
remove_migration_pte(...)
{
<...
-if (folio_test_anon(folio) && !softleaf_is_migration_read(entry))
+if (folio_test_anon(folio))
 	rmap_flags |= RMAP_EXCLUSIVE;
...>
}
