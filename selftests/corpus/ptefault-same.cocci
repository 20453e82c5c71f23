// SPDX-License-Identifier: GPL-2.0
// bug: ptefault-same
// what: a fault on a device PTE does not look again whether the PTE is still the same
// why: it migrates a page that has gone elsewhere
// source: derived
// file: mm/memory.c
// changes: -3 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: storm
// oracle: console, slot
// budget: 300s
// class: race

@@
@@
do_swap_page(...)
{
<...
 vmf->page = softleaf_to_page(entry);
 vmf->pte = pte_offset_map_lock(...);
 if (unlikely(!vmf->pte
-    || !pte_same(ptep_get(vmf->pte), vmf->orig_pte)
    )) goto unlock;
...>
}
