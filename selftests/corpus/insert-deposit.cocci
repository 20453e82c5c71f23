// SPDX-License-Identifier: GPL-2.0
// bug: insert-deposit
// what: no page table is deposited for a THP in a hole
// why: whoever zaps, splits or moves it withdraws one that is not there
// source: derived
// file: mm/migrate_device.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: console
// budget: 60s
// class: logic

@@
@@
migrate_vma_insert_huge_pmd_page(...)
{
<...
-pgtable_trans_huge_deposit(...);
...>
}
