// SPDX-License-Identifier: GPL-2.0
// bug: pte-spin
// what: a fault on a device PTE does not wait for the lock of the page
// why: it is taken again and again, and keeps the holder of the lock from running
// source: commit, fix to do_swap_page (pte-spin)
// file: mm/memory.c
// changes: -2 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: storm
// oracle: progress
// budget: 300s
// class: race

@@
@@
do_swap_page(...)
{
<...
-pte_unmap(vmf->pte);
-softleaf_entry_wait_on_locked(entry, vmf->ptl);
+pte_unmap_unlock(vmf->pte, vmf->ptl);
...>
}
