// SPDX-License-Identifier: GPL-2.0
// bug: pvmw-recheck
// what: an rmap walk does not look again under the lock whether the PMD is a device one
// why: it may have been split or moved meanwhile
// source: commit, fix to page_vma_mapped_walk (pvmw-device)
// file: mm/page_vma_mapped.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: console, test
// budget: 300s
// class: race

@@
@@
page_vma_mapped_walk(...)
{
<...
 pvmw->ptl = pmd_lock(mm, pvmw->pmd);
-pmde = *pvmw->pmd;
...>
}
