// SPDX-License-Identifier: GPL-2.0
// bug: insert-zero-leak
// what: the page table made for a THP is not freed when it replaces the huge zero folio
// why: PageTables grows with each of them
// source: derived
// file: mm/migrate_device.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: conservation
// budget: 120s
// class: logic

@@
@@
migrate_vma_insert_huge_pmd_page(...)
{
<...
-pte_free(vma->vm_mm, pgtable);
 flush_cache_page(...);
...>
}
