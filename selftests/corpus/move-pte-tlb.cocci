// SPDX-License-Identifier: GPL-2.0
// bug: move-pte-tlb
// what: mremap of PTEs does not flush the TLB
// why: other CPUs go on using the old address
// source: derived
// file: mm/mremap.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: negative, slot, test
// budget: 300s
// class: race

@@
@@
move_ptes(...)
{
<...
-if (force_flush)
-	flush_tlb_range(...);
...>
}
