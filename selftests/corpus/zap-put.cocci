// SPDX-License-Identifier: GPL-2.0
// bug: zap-put
// what: munmap of a device THP does not drop its reference
// why: device memory is never freed
// source: derived
// file: mm/huge_memory.c
// changes: -4 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: conservation
// budget: 60s
// class: logic

@@
@@
zap_huge_pmd_folio(...)
{
<...
-if (is_device_private)
-	folio_put(folio);
...>
}
