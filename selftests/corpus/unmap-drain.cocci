// SPDX-License-Identifier: GPL-2.0
// bug: unmap-drain
// what: the per-CPU LRU caches are not drained for a page that is not on the LRU
// why: see equivalent
// source: derived
// file: mm/migrate_device.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: none
// budget: 60s
// class: logic
// equivalent: migration is best effort and the page is only skipped; device folios, which a
//	fault must bring back, are never on the LRU

@@
@@
migrate_device_unmap(...)
{
<...
-lru_add_drain_all();
...>
}
