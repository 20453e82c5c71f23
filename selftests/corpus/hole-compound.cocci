// SPDX-License-Identifier: GPL-2.0
// bug: hole-compound
// what: a hole of PMD size is not offered as a compound one
// why: the driver can only fill it with base pages; a THP that was promised is never made
// source: derived
// file: mm/migrate_device.c
// changes: -2 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: layout, test
// budget: 120s
// class: logic

@@
@@
migrate_vma_collect_hole(...)
{
<...
-MIGRATE_PFN_MIGRATE | MIGRATE_PFN_COMPOUND
+MIGRATE_PFN_MIGRATE
...>
}
