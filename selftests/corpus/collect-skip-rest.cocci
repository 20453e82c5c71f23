// SPDX-License-Identifier: GPL-2.0
// bug: collect-skip-rest
// what: after a THP the entries of its other 511 pages are not filled in
// why: what is collected behind it lands at the wrong place of the arrays
// source: derived
// file: mm/migrate_device.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: slot, hang, hmm
// budget: 120s
// class: logic

@@
@@
migrate_vma_collect_huge_pmd(...)
{
<...
 ret = set_pmd_migration_entry(...);
 if (ret) { ... }
-migrate_vma_collect_skip(start + PAGE_SIZE, end, walk);
...>
}
