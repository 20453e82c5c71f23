// SPDX-License-Identifier: GPL-2.0
// bug: rmpte-uffd-wp
// what: the migration of a page to the device loses the write protection of userfaultfd
// why: a write goes by without the event that was asked for
// source: derived
// file: mm/migrate.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: reader, test
// budget: 120s
// class: logic

@@
@@
remove_migration_pte(...)
{
<...
-if (pte_swp_uffd_wp(old_pte))
-	pte = pte_swp_mkuffd_wp(pte);
...>
}
