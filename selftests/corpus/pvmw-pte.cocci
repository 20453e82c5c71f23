// SPDX-License-Identifier: GPL-2.0
// bug: pvmw-pte
// what: an rmap walk does not see device PTEs
// why: a page shared after fork can never come back from the device
// source: derived
// file: mm/page_vma_mapped.c
// changes: -2 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: progress
// budget: 120s
// class: logic

@@
@@
check_pte(...)
{
<...
 if (
-    !softleaf_is_device_private(entry) && !softleaf_is_device_exclusive(entry)
+    !softleaf_is_device_exclusive(entry)
    ) return false;
...>
}
