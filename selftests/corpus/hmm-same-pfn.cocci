// SPDX-License-Identifier: GPL-2.0
// bug: hmm-same-pfn
// what: hmm_range_fault gives the first page number of a device PMD for all of it
// why: the device reads and writes one page for 512
// source: derived
// file: mm/hmm.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: hmm, slot, test
// budget: 60s
// class: logic

@@
@@
hmm_vma_handle_absent_pmd(...)
{
<...
-pfn++
+pfn += 0
...>
}
