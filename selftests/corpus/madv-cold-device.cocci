// SPDX-License-Identifier: GPL-2.0
// bug: madv-cold-device
// what: MADV_COLD and MADV_PAGEOUT take a device PMD for a present one
// why: a page number is used as an address; the wrong folio is reclaimed
// source: derived
// file: mm/madvise.c
// changes: -6 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: slot, console, test
// budget: 300s
// class: race

@@
@@
madvise_cold_or_pageout_pte_range(...)
{
<...
-if (unlikely(!pmd_present(orig_pmd))) {
-	...
-}
...>
}
