// SPDX-License-Identifier: GPL-2.0
// bug: uffd-wp-set
// what: userfaultfd does not write-protect PMDs that are not present
// why: a write goes by without the event that was asked for
// source: derived
// file: mm/huge_memory.c
// changes: -3 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: reader, test
// budget: 120s
// class: logic

@@
@@
change_non_present_huge_pmd(...)
{
<...
-if (uffd_wp)
-	newpmd = pmd_swp_mkuffd_wp(newpmd);
-else if (uffd_wp_resolve)
+if (uffd_wp_resolve)
 	newpmd = pmd_swp_clear_uffd_wp(newpmd);
...>
}
