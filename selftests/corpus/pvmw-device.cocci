// SPDX-License-Identifier: GPL-2.0
// bug: pvmw-device
// what: an rmap walk takes every device PMD for the one that it looks for
// why: mappings of other folios are changed
// source: commit, fix to page_vma_mapped_walk (pvmw-device)
// file: mm/page_vma_mapped.c
// changes: -0 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: console, slot, test
// budget: 300s
// class: race

@@
@@
page_vma_mapped_walk(...)
{
<...
 if (pmd_is_migration_entry(pmde)) { ... } else if (pmd_is_device_private_entry(pmde)) {
	softleaf_t entry;
+	return true;
	...
 } else if (...) { ... }
...>
}
