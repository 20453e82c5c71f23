// SPDX-License-Identifier: GPL-2.0
// bug: finalize-fault-lock
// what: the page that faulted is unlocked by the migration and again by the fault handler
// why: in between it belongs to somebody else
// source: derived
// file: mm/migrate_device.c
// changes: -2 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: storm
// oracle: console
// budget: 60s
// class: logic

@@
@@
__migrate_device_finalize(...)
{
<...
-if (fault_folio != src)
 	folio_unlock(src);
...>
}
