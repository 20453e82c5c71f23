// SPDX-License-Identifier: GPL-2.0
// bug: uffd-wp-lost
// what: mprotect of a device PMD loses the write protection of userfaultfd
// why: a write goes by without the event that was asked for
// source: commit, fix to change_non_present_huge_pmd (uffd-wp-lost)
// file: mm/huge_memory.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: reader
// budget: 120s
// class: logic
// equivalent: no writable device PMD is write-protected by userfaultfd: this function makes those
//	readable that it protects, and a THP that was protected before is collected as readable

@@
@@
change_non_present_huge_pmd(...)
{
<...
-if (pmd_swp_uffd_wp(*pmd))
-	newpmd = pmd_swp_mkuffd_wp(newpmd);
...>
}
