// SPDX-License-Identifier: GPL-2.0
// bug: hmm-other-device
// what: hmm_range_fault fails on a PMD of another device instead of faulting it in
// why: the device is told that mapped memory is not
// source: derived
// file: mm/hmm.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: negative
// budget: 120s
// class: logic

@@
@@
hmm_vma_handle_absent_pmd(...)
{
<...
 if (
-    softleaf_is_device_private(entry)
+    false
    ) return hmm_vma_fault(...);
 else return ...;
...>
}
