// SPDX-License-Identifier: GPL-2.0
// bug: fault-pmd-device
// what: a fault on a device PMD is taken for one on a migration entry
// why: nobody brings the page back; the fault is taken for ever
// source: derived
// file: mm/memory.c
// changes: -3 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: storm
// oracle: progress
// budget: 60s
// class: logic

@@
@@
__handle_mm_fault(...)
{
<...
-if (pmd_is_device_private_entry(...))
-	return do_huge_pmd_device_private(...);
...>
}
