// SPDX-License-Identifier: GPL-2.0
// bug: pvmw-miss
// what: an rmap walk does not see device PMDs
// why: a THP shared after fork can never come back from the device
// source: derived
// file: mm/page_vma_mapped.c
// changes: -2 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: progress
// budget: 120s
// class: logic

@@
@@
page_vma_mapped_walk(...)
{
<...
 if (IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) && (pmd_trans_huge(pmde) || pmd_is_migration_entry(pmde)
-    || pmd_is_device_private_entry(pmde)
    )) { ... } else if (...) { ... }
...>
}
