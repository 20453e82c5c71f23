// SPDX-License-Identifier: GPL-2.0
// bug: pages-fault-ref
// what: the reference of the fault handler is forgotten when the mapping is moved
// why: a page that faults is never migrated and the fault never resolves
// source: derived
// file: mm/migrate_device.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: storm
// oracle: progress
// budget: 60s
// class: logic

@@
@@
__migrate_device_pages(...)
{
<...
-if (migrate && migrate->fault_page == page)
-	extra_cnt = 1;
...>
}
