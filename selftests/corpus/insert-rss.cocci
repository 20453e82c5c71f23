// SPDX-License-Identifier: GPL-2.0
// bug: insert-rss
// what: a THP inserted into a hole is not counted in RSS
// why: the counter is wrong until the process ends, which says so
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
-add_mm_counter(...);
...>
}
