// SPDX-License-Identifier: GPL-2.0
// bug: ptl-leak
// what: the PMD lock is not released when the address space is going away
// why: the next one who wants the lock spins for ever
// source: commit, fix to migrate_vma_insert_huge_pmd_page (ptl-leak)
// file: mm/migrate_device.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: DEBUG
// scenario: everything
// oracle: console
// budget: 300s
// class: race

@@
@@
migrate_vma_insert_huge_pmd_page(...)
{
<...
 if (csa_ret)
-	goto unlock_abort;
+	goto free_abort;
...>
}
