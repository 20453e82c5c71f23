// SPDX-License-Identifier: GPL-2.0
// bug: check-fault
// what: the reference of the fault handler counts as a pin
// why: a page that faults is never migrated and the fault never resolves
// source: derived
// file: mm/migrate_device.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: storm
// oracle: progress
// budget: 60s
// class: logic

@@
@@
migrate_vma_check_page(...)
{
<...
-1 + (page == fault_page)
+1
...>
}
