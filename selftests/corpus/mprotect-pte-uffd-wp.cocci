// SPDX-License-Identifier: GPL-2.0
// bug: mprotect-pte-uffd-wp
// what: mprotect of a device PTE loses the write protection of userfaultfd
// why: see equivalent
// source: derived
// file: mm/mprotect.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: none
// budget: 120s
// class: logic
// equivalent: no writable device PTE is write-protected by userfaultfd: this function makes those
//	readable that it protects, and a page that was protected before is collected as readable

@@
@@
change_softleaf_pte(...)
{
<...
-if (pte_swp_uffd_wp(oldpte))
-	newpte = pte_swp_mkuffd_wp(newpte);
...>
}
