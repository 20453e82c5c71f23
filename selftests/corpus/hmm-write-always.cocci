// SPDX-License-Identifier: GPL-2.0
// bug: hmm-write-always
// what: hmm_range_fault says that every device PMD is writable
// why: the device writes to shared or protected memory
// source: derived
// file: mm/hmm.c
// changes: -2 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: fork_isolation, negative, test
// budget: 120s
// class: logic

@@
@@
hmm_vma_handle_absent_pmd(...)
{
<...
-if (softleaf_is_device_private_write(entry))
 	cpu_flags |= HMM_PFN_WRITE;
...>
}
