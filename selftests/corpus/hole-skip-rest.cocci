// SPDX-License-Identifier: GPL-2.0
// bug: hole-skip-rest
// what: after a hole of PMD size the entries of its other pages are not filled in
// why: what is collected behind it lands at the wrong place of the arrays
// source: derived
// file: mm/migrate_device.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: slot, hmm
// budget: 120s
// class: logic

@@
@@
migrate_vma_collect_hole(...)
{
<...
-return migrate_vma_collect_skip(start + PAGE_SIZE, end, walk);
+return 0;
...>
}
