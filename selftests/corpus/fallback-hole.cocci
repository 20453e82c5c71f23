// SPDX-License-Identifier: GPL-2.0
// bug: fallback-hole
// what: nobody looks whether the PMD went away while its folio was split
// why: see equivalent
// source: derived
// file: mm/migrate_device.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: none
// budget: 60s
// class: logic
// equivalent: the caller then fails to map the page table, starts again at the PMD, finds it
//	empty and collects the hole there

@@
@@
migrate_vma_collect_huge_pmd(...)
{
<...
-if (pmd_none(pmdp_get_lockless(pmdp)))
-	return migrate_vma_collect_hole(...);
...>
}
