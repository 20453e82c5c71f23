// SPDX-License-Identifier: GPL-2.0
// bug: dirty-lost
// what: the dirty bit of a PTE is not carried over to the folio
// why: data that was written is lost when the page is reclaimed
// source: commit, "mm/migrate_device.c: copy pte dirty bit to page" (dirty-lost)
// file: mm/migrate_device.c
// changes: -4 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: slot, test
// budget: 300s
// class: logic

@@
@@
migrate_vma_collect_pmd(...)
{
<...
-if (pte_present(pte) && pte_dirty(pte))
-	folio_mark_dirty(folio);
...>
}
