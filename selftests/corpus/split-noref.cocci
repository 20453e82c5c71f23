// SPDX-License-Identifier: GPL-2.0
// bug: split-noref
// what: a PTE-mapped folio is split without a reference to it
// why: it may be freed before its lock is taken; and the split counts on one
// source: derived
// file: mm/migrate_device.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: progress, console
// budget: 120s
// class: race

@@
@@
migrate_vma_split_folio(...)
{
<...
-folio_get(folio);
 folio_lock(folio);
...>
}
