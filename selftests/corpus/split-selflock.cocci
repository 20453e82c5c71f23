// SPDX-License-Identifier: GPL-2.0
// bug: split-selflock
// what: the split of the folio that is being faulted takes its lock again
// why: the thread waits for itself
// source: derived
// file: mm/migrate_device.c
// changes: -4 +2
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: hang
// budget: 120s
// class: logic

@@
@@
migrate_vma_split_folio(...)
{
<...
-if (folio != fault_folio) {
 	folio_get(folio);
 	folio_lock(folio);
-}
...>
}
