// SPDX-License-Identifier: GPL-2.0
// bug: mprotect-pte-uffd-wp
// what: mprotect of a device PTE loses the write protection of userfaultfd
// why: a write goes by without the event that was asked for
// source: derived
// file: mm/mprotect.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: reader
// budget: 120s
// class: logic

@@
@@
change_softleaf_pte(...)
{
<...
-if (pte_swp_uffd_wp(oldpte))
-	newpte = pte_swp_mkuffd_wp(newpte);
...>
}
