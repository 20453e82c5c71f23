// SPDX-License-Identifier: GPL-2.0
// bug: tlb-collect
// what: the TLB is not flushed after the PTEs of shared pages were replaced
// why: another CPU goes on reading a page that has moved
// source: commit, "mm/migrate_device.c: flush TLB while holding PTL"
// file: mm/migrate_device.c
// changes: -4 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: slot, negative, test
// budget: 300s
// class: race

@@
@@
migrate_vma_collect_pmd(...)
{
<...
-if (unmapped)
-	flush_tlb_range(...);
 lazy_mmu_mode_disable();
...>
}
