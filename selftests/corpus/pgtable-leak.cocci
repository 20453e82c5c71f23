// SPDX-License-Identifier: GPL-2.0
// bug: pgtable-leak
// what: the page table made for a THP is not freed when the THP cannot be inserted
// why: PageTables grows with each lost race
// source: commit, fix to migrate_vma_insert_huge_pmd_page (pgtable-leak)
// file: mm/migrate_device.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: conservation, test
// budget: 300s
// class: race

@@
@@
migrate_vma_insert_huge_pmd_page(...)
{
<...
 free_abort:
-pte_free(vma->vm_mm, pgtable);
...>
}
