// SPDX-License-Identifier: GPL-2.0
// bug: ptefault-vma-lock
// what: a fault on a device PTE goes on under the lock of the VMA only
// why: the driver walks page tables without the mmap lock
// source: derived
// file: mm/memory.c
// changes: -10 +0
// kernels: 7.2.*
// flavour: DEBUG
// scenario: storm
// oracle: console
// budget: 60s
// class: logic

@@
@@
do_swap_page(...)
{
<...
-if (vmf->flags & FAULT_FLAG_VMA_LOCK) {
-	...
-	goto out;
-}
 vmf->page = softleaf_to_page(entry);
...>
}
