// SPDX-License-Identifier: GPL-2.0
// bug: insert-uffd
// what: a hole that userfaultfd watches is filled by a migration
// why: the event for the missing page is never delivered
// source: derived
// file: mm/migrate_device.c
// changes: -7 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: slot, test
// budget: 120s
// class: logic

@@
@@
migrate_vma_insert_huge_pmd_page(...)
{
<...
-if (userfaultfd_missing(vma))
-	goto unlock_abort;
...>
}
