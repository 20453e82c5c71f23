// SPDX-License-Identifier: GPL-2.0
// bug: splitpmd-noref
// what: the split of a device PMD takes no references for its PTEs
// why: 511 mappings have none; the folio is freed under them
// source: derived
// file: mm/huge_memory.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console
// budget: 60s
// class: logic

@@
@@
__split_huge_pmd_locked(...)
{
<...
 write = softleaf_is_device_private_write(entry);
 anon_exclusive = PageAnonExclusive(page);
 if (...) freeze = false;
 if (!freeze) {
 	...
-	folio_ref_add(...);
 	...
 }
...>
}
