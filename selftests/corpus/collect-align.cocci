// SPDX-License-Identifier: GPL-2.0
// bug: collect-align
// what: a THP is collected whole although the range ends within it
// why: the driver is asked for pages outside of its range, and the arrays are overrun
// source: derived
// file: mm/migrate_device.c
// changes: -3 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: slot, console, hmm
// budget: 120s
// class: logic

@@
expression f;
@@
migrate_vma_collect_huge_pmd(...)
{
<...
 if (thp_migration_supported() && f
-    && (IS_ALIGNED(start, HPAGE_PMD_SIZE) && IS_ALIGNED(end, HPAGE_PMD_SIZE))
    ) { ... }
...>
}
