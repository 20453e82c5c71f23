// SPDX-License-Identifier: GPL-2.0
// bug: hmm-migration
// what: hmm_range_fault fails on a PMD migration entry instead of waiting for it
// why: the device is told that mapped memory is not
// source: derived
// file: mm/hmm.c
// changes: -9 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: storm
// oracle: negative
// budget: 300s
// class: race

@@
@@
hmm_vma_walk_pmd(...)
{
<...
-if (thp_migration_supported() && pmd_is_migration_entry(pmd)) {
-	...
-}
...>
}
