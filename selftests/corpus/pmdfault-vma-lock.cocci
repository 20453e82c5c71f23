// SPDX-License-Identifier: GPL-2.0
// bug: pmdfault-vma-lock
// what: a fault on a device PMD goes on under the lock of the VMA only
// why: the driver walks page tables without the mmap lock
// source: derived
// file: mm/huge_memory.c
// changes: -5 +0
// kernels: 7.2.*
// flavour: DEBUG
// scenario: storm
// oracle: console
// budget: 60s
// class: logic

@@
@@
do_huge_pmd_device_private(...)
{
<...
-if (vmf->flags & FAULT_FLAG_VMA_LOCK) {
-	...
-}
...>
}
