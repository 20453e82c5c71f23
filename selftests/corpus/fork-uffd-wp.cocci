// SPDX-License-Identifier: GPL-2.0
// bug: fork-uffd-wp
// what: fork takes the write protection of userfaultfd from the parent's device PMD
// why: a write of the parent goes by without the event that was asked for
// source: derived
// file: mm/huge_memory.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: reader
// budget: 120s
// class: logic
// equivalent: no device PMD is writable and protected at once: what protects it makes it
//	readable first, and what is protected becomes a readable one

@@
@@
copy_huge_non_present_pmd(...)
{
<...
 if (softleaf_is_device_private_write(entry)) {
 	...
-	if (pmd_swp_uffd_wp(*src_pmd))
-		pmd = pmd_swp_mkuffd_wp(pmd);
 	...
 }
...>
}
