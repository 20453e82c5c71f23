// SPDX-License-Identifier: GPL-2.0
// bug: splitpmd-exclusive
// what: the PTEs made from a device PMD are all taken as exclusive
// why: a page shared after fork is reused for writing instead of copied
// source: derived
// file: mm/huge_memory.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: console, fork_isolation
// budget: 120s
// class: logic

@@
expression page;
@@
__split_huge_pmd_locked(...)
{
<...
 write = softleaf_is_device_private_write(...);
-anon_exclusive = PageAnonExclusive(page);
+anon_exclusive = true;
...>
}
