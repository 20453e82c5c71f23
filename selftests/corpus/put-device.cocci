// SPDX-License-Identifier: GPL-2.0
// bug: put-device
// what: a device folio whose last reference goes in a batch is freed to the buddy allocator
// why: memory that the CPU cannot reach is handed out to everybody
// source: derived
// file: mm/swap.c
// changes: -10 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console
// budget: 60s
// class: logic

@@
@@
folios_put_refs(...)
{
<...
-if (folio_is_zone_device(folio)) {
-	...
-}
...>
}
