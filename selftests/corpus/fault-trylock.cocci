// SPDX-License-Identifier: GPL-2.0
// bug: fault-trylock
// what: collection of a PMD tries to lock the folio that the fault handler has locked already
// why: the trylock fails each time, so the fault never resolves
// source: mail, review of the series that added THP migration of device memory (fault-trylock)
// file: mm/migrate_device.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: storm
// oracle: progress
// budget: 60s
// class: logic

@@
expression e;
@@
migrate_vma_collect_huge_pmd(...)
{
<...
 if (
-    folio != fault_folio && e
+    e
    ) { ... }
...>
}
