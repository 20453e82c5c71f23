// SPDX-License-Identifier: GPL-2.0
// bug: pvmw-migration
// what: a walk for migration entries takes a device PMD for one
// why: a mapping is replaced that was never taken away
// source: derived
// file: mm/page_vma_mapped.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: console, test
// budget: 300s
// class: race

@@
@@
page_vma_mapped_walk(...)
{
<...
 if (pmd_is_migration_entry(pmde)) { ... } else if (pmd_is_device_private_entry(pmde)) {
 	softleaf_t entry;
-	if (pvmw->flags & PVMW_MIGRATION)
-		return not_found(pvmw);
 	...
 } else if (...) { ... }
...>
}
