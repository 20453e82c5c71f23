// SPDX-License-Identifier: GPL-2.0
// bug: collect-noref
// what: collection of a PMD takes no reference to the folio
// why: the reference of the mapping goes with the mapping; the folio is freed under the
//	migration
// source: derived
// file: mm/migrate_device.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console
// budget: 60s
// class: logic

@@
@@
migrate_vma_collect_huge_pmd(...)
{
<...
-folio_get(folio);
 if (folio != fault_folio && ...) { ... }
...>
}
