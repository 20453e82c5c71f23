// SPDX-License-Identifier: GPL-2.0
// bug: collect-select-system
// what: system THPs are collected although only device memory was asked for
// why: the driver reads a system page by its device address
// source: derived
// file: mm/migrate_device.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: hmm, slot
// budget: 120s
// class: logic

@@
@@
migrate_vma_collect_huge_pmd(...)
{
<...
 if (
-    !(migrate->flags & MIGRATE_VMA_SELECT_SYSTEM)
+    false
    ) { ... }
...>
}
