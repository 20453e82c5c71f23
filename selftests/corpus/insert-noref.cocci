// SPDX-License-Identifier: GPL-2.0
// bug: insert-noref
// what: the mapping of a THP in a hole holds no reference to it
// why: the end of the migration frees it while it is mapped
// source: derived
// file: mm/migrate_device.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: console, slot
// budget: 60s
// class: logic

@@
@@
migrate_vma_insert_huge_pmd_page(...)
{
<...
-folio_get(folio);
...>
}
