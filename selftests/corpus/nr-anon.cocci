// SPDX-License-Identifier: GPL-2.0
// bug: nr-anon
// what: the count of anonymous THPs does not go down when a device folio is freed
// why: the statistics of that size only grow
// source: commit, fix to free_zone_device_folio (nr-anon)
// file: mm/memremap.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: conservation
// budget: 60s
// class: logic

@@
@@
free_zone_device_folio(...)
{
<...
-mod_mthp_stat(...);
...>
}
