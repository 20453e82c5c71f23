// SPDX-License-Identifier: GPL-2.0
// bug: insert-pte-none
// what: a base page is inserted without another look whether there still is a hole
// why: what was faulted in meanwhile is overwritten
// source: derived
// file: mm/migrate_device.c
// changes: -4 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: console, slot
// budget: 300s
// class: race

@@
@@
migrate_vma_insert_page(...)
{
<...
 if (pte_present(orig_pte)) { ...
-	if (!is_zero_pfn(pfn)) goto unlock_abort;
 	... }
-else if (!pte_none(orig_pte)) goto unlock_abort;
...>
}
