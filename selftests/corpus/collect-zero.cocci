// SPDX-License-Identifier: GPL-2.0
// bug: collect-zero
// what: the huge zero folio is collected like any other THP
// why: it has no rmap and no reference of the mapping; what never was is taken back
// source: derived
// file: mm/migrate_device.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: console
// budget: 120s
// class: logic

@@
@@
migrate_vma_collect_huge_pmd(...)
{
<...
 if (
-    is_huge_zero_folio(folio)
+    false
    ) { ... }
...>
}
