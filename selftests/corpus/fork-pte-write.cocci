// SPDX-License-Identifier: GPL-2.0
// bug: fork-pte-write
// what: fork leaves a device PTE writable on both sides
// why: what one process writes the other one reads
// source: derived
// file: mm/memory.c
// changes: -2 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: fork_isolation, console
// budget: 60s
// class: logic

@@
expression e;
@@
copy_nonpresent_pte(...)
{
<...
 if (
-    softleaf_is_device_private_write(entry) && e
+    false
    ) { ... }
...>
}
