// SPDX-License-Identifier: GPL-2.0
// bug: split-cb
// what: the driver is not told of the pages that the split of a device folio made
// why: they belong to no device
// source: derived
// file: mm/huge_memory.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console
// budget: 60s
// class: logic

@@
@@
__folio_freeze_and_split_unmapped(...)
{
<...
-zone_device_private_split_cb(folio, new_folio);
...>
}
