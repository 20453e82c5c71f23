// SPDX-License-Identifier: GPL-2.0
// bug: uffd-move-device
// what: UFFDIO_MOVE takes a device PTE for one in swap
// why: it is told as busy, for ever, and not as what cannot be moved
// source: derived
// file: mm/userfaultfd.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: reader, test
// budget: 120s
// class: logic

@@
@@
move_pages_ptes(...)
{
<...
 if (softleaf_is_migration(entry)) { ... } else if (
-    !softleaf_is_swap(entry)
+    false
    ) { ... }
...>
}
