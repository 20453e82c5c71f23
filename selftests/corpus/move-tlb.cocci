// SPDX-License-Identifier: GPL-2.0
// bug: move-tlb
// what: mremap of a THP does not flush the TLB
// why: other CPUs go on using the old address
// source: derived
// file: mm/huge_memory.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: negative, slot, test
// budget: 300s
// class: race

@@
@@
move_huge_pmd(...)
{
<...
-if (pmd_present(pmd))
-	force_flush = true;
...>
}
