// SPDX-License-Identifier: GPL-2.0
// bug: madv-free-device
// what: MADV_FREE takes a device PMD for a present one
// why: a page number is used as an address; the wrong folio is freed
// source: derived
// file: mm/huge_memory.c
// changes: -6 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: slot, console, test
// budget: 300s
// class: race

@@
@@
madvise_free_huge_pmd(...)
{
<...
-if (unlikely(!pmd_present(orig_pmd))) {
-	...
-}
...>
}
