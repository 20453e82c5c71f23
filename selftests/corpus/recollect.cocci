// SPDX-License-Identifier: GPL-2.0
// bug: recollect
// what: after the split of a PTE-mapped folio collection starts again at the start of the
//	range, but goes on counting
// why: pages get a second entry in the arrays or none, migration entries are left behind, the
//	arrays are overrun
// source: mail, review of the series that added THP migration of device memory (recollect)
// file: mm/migrate_device.c
// changes: -0 +2
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: hang, slot
// budget: 120s
// class: logic

@@
@@
migrate_vma_collect_pmd(...)
{
<...
 ret = migrate_vma_split_folio(...);
 if (ret) { ... }
+addr = start;
 goto again;
...>
}
