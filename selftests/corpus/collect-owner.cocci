// SPDX-License-Identifier: GPL-2.0
// bug: collect-owner
// what: collection takes THPs of any device, whoever asked
// why: a driver is handed the memory of another one as its own
// source: derived
// file: mm/migrate_device.c
// changes: -3 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: hmm, slot, test
// budget: 120s
// class: logic

@@
expression e;
@@
migrate_vma_collect_huge_pmd(...)
{
<...
-e || (folio->pgmap->owner != migrate->pgmap_owner)
+e
...>
}
