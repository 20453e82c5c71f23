// SPDX-License-Identifier: GPL-2.0
// bug: zap-pte-put
// what: munmap of a device PTE does not drop its reference
// why: device memory is never freed
// source: derived
// file: mm/memory.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: conservation
// budget: 60s
// class: logic

@@
@@
zap_nonpresent_ptes(...)
{
<...
-folio_put(folio);
...>
}
