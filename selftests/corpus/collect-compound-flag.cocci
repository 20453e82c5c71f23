// SPDX-License-Identifier: GPL-2.0
// bug: collect-compound-flag
// what: a collected THP is not marked as compound
// why: see equivalent
// source: derived
// file: mm/migrate_device.c
// changes: -3 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: none
// budget: 60s
// class: logic
// equivalent: nothing reads the mark before migrate_device_unmap(), which sets it for every
//	large folio

@@
expression e;
@@
migrate_vma_collect_huge_pmd(...)
{
<...
-e | MIGRATE_PFN_COMPOUND
+e
...>
}
