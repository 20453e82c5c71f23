// SPDX-License-Identifier: GPL-2.0
// bug: unmap-ignored
// what: a page that is still mapped after the unmap is migrated all the same
// why: its writers go on with the old page while the new one is filled
// source: derived
// file: mm/migrate_device.c
// changes: -12 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: slot, console
// budget: 300s
// class: race

@@
@@
migrate_device_unmap(...)
{
<...
-if (folio_mapped(folio) || !migrate_vma_check_page(page, fault_page)) {
-	...
-	goto next;
-}
...>
}
