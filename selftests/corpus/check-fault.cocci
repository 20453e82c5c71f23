// SPDX-License-Identifier: GPL-2.0
// bug: check-fault
// what: the reference of the fault handler counts as a pin
// why: see equivalent
// source: derived
// file: mm/migrate_device.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: storm
// oracle: none
// budget: 60s
// class: logic
// equivalent: a page that faults is a device page, and of those one reference more than there is a
//	reason for is let pass anyway (it was that of the pagemap once), which makes up for the
//	fault's; where somebody else has one as well folio_migrate_mapping() refuses in both

@@
@@
migrate_vma_check_page(...)
{
<...
-1 + (page == fault_page)
+1
...>
}
