// SPDX-License-Identifier: GPL-2.0
// bug: free-uncharge
// what: a device folio is freed without giving back its memcg charge
// why: the memcg never goes away; its charge only grows
// source: derived
// file: mm/memremap.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console, conservation
// budget: 120s
// class: logic

@@
@@
free_zone_device_folio(...)
{
<...
-mem_cgroup_uncharge(folio);
...>
}
