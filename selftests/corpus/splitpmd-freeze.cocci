// SPDX-License-Identifier: GPL-2.0
// bug: splitpmd-freeze
// what: a device PMD that is split for a migration gets device PTEs, not migration entries
// why: the folio is taken apart while it is mapped
// source: derived
// file: mm/huge_memory.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console
// budget: 120s
// class: logic

@@
@@
__split_huge_pmd_locked(...)
{
<...
 if (
-    freeze || pmd_is_migration_entry(old_pmd)
+    pmd_is_migration_entry(old_pmd)
    ) { ... } else if (...) { ... } else { ... }
...>
}
