// SPDX-License-Identifier: GPL-2.0
// bug: move-uffd-wp
// what: mremap keeps the write protection of userfaultfd on a PMD that is not present
// why: the new mapping is not registered; a write there is reported to nobody and never
//	resolved
// source: derived
// file: mm/huge_memory.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: reader, test
// budget: 120s
// class: logic

@@
@@
clear_uffd_wp_pmd(...)
{
<...
 if (pmd_present(pmd)) { ... }
-else pmd = pmd_swp_clear_uffd_wp(pmd);
...>
}
