// SPDX-License-Identifier: GPL-2.0
// bug: zap-pte-rmap
// what: munmap of a device PTE does not remove its rmap
// why: a page without mappings counts one
// source: derived
// file: mm/memory.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console, conservation
// budget: 60s
// class: logic

@@
@@
zap_nonpresent_ptes(...)
{
<...
-folio_remove_rmap_pte(...);
...>
}
