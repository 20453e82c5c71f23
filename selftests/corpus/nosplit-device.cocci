// SPDX-License-Identifier: GPL-2.0
// bug: nosplit-device
// what: a large device folio that collection finds behind a PTE is not split
// why: it is collected page by page as if it were small, the migration fails, and the fault
//	that asked for it is taken again and again
// source: mail, review of the series that added THP migration of device memory (nosplit)
// file: mm/migrate_device.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: progress
// budget: 120s
// class: logic

@@
@@
migrate_vma_collect_pmd(...)
{
<...
 if (
-    folio_test_large(folio)
+    false
    ) { ... }
...>
}
