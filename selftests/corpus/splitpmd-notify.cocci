// SPDX-License-Identifier: GPL-2.0
// bug: splitpmd-notify
// what: the mirrors are not told of the split of a PMD
// why: see equivalent
// source: derived
// file: mm/huge_memory.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: none
// budget: 60s
// class: race
// equivalent: the same pages stay mapped with the same rights; every later change of one of
//	them is told for itself

@@
@@
__split_huge_pmd(...)
{
<...
-mmu_notifier_invalidate_range_start(&range);
...
-mmu_notifier_invalidate_range_end(&range);
...>
}
