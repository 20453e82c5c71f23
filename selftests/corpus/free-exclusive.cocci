// SPDX-License-Identifier: GPL-2.0
// bug: free-exclusive
// what: device pages stay marked as exclusive when they are freed
// why: who gets them next is taken to own them alone
// source: derived
// file: mm/memremap.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console
// budget: 120s
// class: logic

@@
@@
free_zone_device_folio(...)
{
<...
-__ClearPageAnonExclusive(...);
...>
}
