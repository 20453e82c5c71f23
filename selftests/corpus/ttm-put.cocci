// SPDX-License-Identifier: GPL-2.0
// bug: ttm-put
// what: the rmap walk keeps the reference of a PTE that it replaced
// why: the page looks pinned and cannot be migrated
// source: derived
// file: mm/rmap.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: progress, conservation
// budget: 120s
// class: logic

@@
@@
try_to_migrate_one(...)
{
<...
 if (vma->vm_flags & VM_LOCKED) mlock_drain_local();
-folio_put(folio);
...>
}
