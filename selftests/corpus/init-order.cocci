// SPDX-License-Identifier: GPL-2.0
// bug: init-order
// what: a device page that is handed out again keeps the order of its last use
// why: a page that was the first tail of a THP is taken for a large folio
// source: derived
// file: mm/memremap.c
// changes: -2 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console
// budget: 120s
// class: logic

@@
@@
zone_device_page_init(...)
{
<...
-new_page->flags.f &= ~0xffUL;
...>
}
