// SPDX-License-Identifier: GPL-2.0
// bug: rmpmd-uffd-wp
// what: the migration of a THP to the device loses the write protection of userfaultfd
// why: a write goes by without the event that was asked for
// source: derived
// file: mm/huge_memory.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: reader, test
// budget: 120s
// class: logic

@@
@@
remove_migration_pmd(...)
{
<...
-if (pmd_swp_uffd_wp(*pvmw->pmd))
-	pmde = pmd_swp_mkuffd_wp(pmde);
...>
}
