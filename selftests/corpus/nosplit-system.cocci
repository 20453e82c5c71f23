// SPDX-License-Identifier: GPL-2.0
// bug: nosplit-system
// what: a large system folio that collection finds behind a PTE is not split
// why: one part of a folio is given a migration entry and treated as the whole of it
// source: mail, review of the series that added THP migration of device memory (nosplit)
// file: mm/migrate_device.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: progress, slot
// budget: 120s
// class: logic

@@
@@
migrate_vma_collect_pmd(...)
{
<...
 if (
-    folio && folio_test_large(folio)
+    false
    ) { ... }
...>
}
