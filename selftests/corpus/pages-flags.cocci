// SPDX-License-Identifier: GPL-2.0
// bug: pages-flags
// what: the flags of the folio and its memcg charge are not moved to the new one
// why: the new folio belongs to nobody, and dirty data looks clean
// source: derived
// file: mm/migrate_device.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console, slot
// budget: 60s
// class: logic

@@
@@
__migrate_device_pages(...)
{
<...
 if (r) { ... }
-else folio_migrate_flags(...);
...>
}
