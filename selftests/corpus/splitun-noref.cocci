// SPDX-License-Identifier: GPL-2.0
// bug: splitun-noref
// what: the split of a THP on its way takes no reference for the split of its PMD
// why: that drops one, which then was the migration's
// source: derived
// file: mm/migrate_device.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console
// budget: 120s
// class: logic

@@
@@
migrate_vma_split_unmapped_folio(...)
{
<...
-folio_get(folio);
...>
}
