// SPDX-License-Identifier: GPL-2.0
// bug: split-newfault
// what: after the split the page that faulted is neither locked nor referenced
// why: the fault handler unlocks and drops what it does not hold
// source: derived
// file: mm/migrate_device.c
// changes: -4 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console, hang
// budget: 120s
// class: logic

@@
@@
migrate_vma_split_folio(...)
{
<...
-if (new_fault_folio != fault_folio) {
-	folio_get(new_fault_folio);
-	folio_lock(new_fault_folio);
-}
...>
}
