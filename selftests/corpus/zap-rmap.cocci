// SPDX-License-Identifier: GPL-2.0
// bug: zap-rmap
// what: munmap of a device THP does not remove its rmap
// why: a folio without mappings counts one
// source: derived
// file: mm/huge_memory.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console, conservation
// budget: 60s
// class: logic

@@
@@
zap_huge_pmd_folio(...)
{
<...
 if (
-    is_present || is_device_private
+    is_present
    ) { ... }
...>
}
