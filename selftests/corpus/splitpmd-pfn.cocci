// SPDX-License-Identifier: GPL-2.0
// bug: splitpmd-pfn
// what: all PTEs made from a device PMD point to its first page
// why: 511 pages read as another one
// source: derived
// file: mm/huge_memory.c
// changes: -2 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: slot
// budget: 60s
// class: logic

@@
@@
__split_huge_pmd_locked(...)
{
<...
-make_writable_device_private_entry(page_to_pfn(page + i))
+make_writable_device_private_entry(page_to_pfn(page))
...>
}
