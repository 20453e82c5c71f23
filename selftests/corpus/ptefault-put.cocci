// SPDX-License-Identifier: GPL-2.0
// bug: ptefault-put
// what: a fault on a device PTE does not give back its reference
// why: the device page is never freed
// source: derived
// file: mm/memory.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: storm
// oracle: conservation
// budget: 60s
// class: logic

@@
@@
do_swap_page(...)
{
<...
 unlock_page(vmf->page);
-put_page(vmf->page);
...>
}
