// SPDX-License-Identifier: GPL-2.0
// bug: finalize-lru
// what: device folios are put on the LRU
// why: reclaim finds pages that it can neither read nor write
// source: derived
// file: mm/migrate_device.c
// changes: -2 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console
// budget: 60s
// class: logic

@@
@@
__migrate_device_finalize(...)
{
<...
-if (!folio_is_zone_device(dst))
 	folio_add_lru(dst);
...>
}
