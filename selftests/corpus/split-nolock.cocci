// SPDX-License-Identifier: GPL-2.0
// bug: split-nolock
// what: a PTE-mapped folio is split without its lock
// why: it changes under everybody who holds the lock
// source: derived
// file: mm/migrate_device.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console
// budget: 120s
// class: race

@@
@@
migrate_vma_split_folio(...)
{
<...
 folio_get(folio);
-folio_lock(folio);
...>
}
