// SPDX-License-Identifier: GPL-2.0
// bug: free-mapping
// what: a freed device folio keeps its mapping
// why: see equivalent
// source: derived
// file: mm/memremap.c
// changes: -19 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: none
// budget: 60s
// class: logic
// equivalent: zone_device_page_init() clears it before anybody gets the pages again, and a
//	folio without references is nobody's

@@
expression a;
@@
free_zone_device_folio(...)
{
<...
-if (a && pgmap->type != MEMORY_DEVICE_GENERIC)
-	folio->mapping = NULL;
...>
}
