// SPDX-License-Identifier: GPL-2.0
// bug: splitpmd-write
// what: the split of a read-only device PMD makes writable PTEs
// why: a shared or protected page can be written
// source: derived
// file: mm/huge_memory.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: fork_isolation, negative, console
// budget: 120s
// class: logic

@@
@@
__split_huge_pmd_locked(...)
{
<...
-write = softleaf_is_device_private_write(entry);
+write = true;
...>
}
