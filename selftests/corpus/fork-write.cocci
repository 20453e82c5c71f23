// SPDX-License-Identifier: GPL-2.0
// bug: fork-write
// what: fork leaves a device PMD writable on both sides
// why: what one process writes the other one reads
// source: derived
// file: mm/huge_memory.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: fork_isolation, console
// budget: 60s
// class: logic

@@
@@
copy_huge_non_present_pmd(...)
{
<...
 if (
-    softleaf_is_device_private_write(entry)
+    false
    ) { ... }
...>
}
