// SPDX-License-Identifier: GPL-2.0
// bug: split-lru
// what: the pages that the split of a device folio made are put on the LRU
// why: reclaim finds pages that it can neither read nor write
// source: derived
// file: mm/huge_memory.c
// changes: -3 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console
// budget: 60s
// class: logic

@@
@@
lru_add_split_folio(...)
{
<...
-if (folio_is_device_private(folio))
-	return;
...>
}
