// SPDX-License-Identifier: GPL-2.0
// bug: hmm-owner
// what: hmm_range_fault gives a device the PMDs of any other one
// why: a device page number means nothing to another device
// source: derived
// file: mm/hmm.c
// changes: -3 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: slot, hmm, test
// budget: 120s
// class: logic

@@
expression e;
@@
hmm_vma_handle_absent_pmd(...)
{
<...
 if (softleaf_is_device_private(entry)
-    && e
    ) { ... }
...>
}
