// SPDX-License-Identifier: GPL-2.0
// bug: mig-uffd-wp
// what: the migration entry of a PMD loses the write protection of userfaultfd
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
set_pmd_migration_entry(...)
{
<...
-if (uffd_wp)
-	pmdswp = pmd_swp_mkuffd_wp(pmdswp);
...>
}
