// SPDX-License-Identifier: GPL-2.0
// bug: mig-tlb
// what: the TLB is not flushed when a THP gets a migration entry
// why: other CPUs go on writing to the old page while it is copied
// source: derived
// file: mm/huge_memory.c
// changes: -1 +2
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: slot, test
// budget: 300s
// class: race

@@
@@
set_pmd_migration_entry(...)
{
<...
-pmdval = pmdp_invalidate(vma, address, pvmw->pmd);
+pmdval = pmdp_huge_get_and_clear(vma->vm_mm, address, pvmw->pmd);
...>
}
