// SPDX-License-Identifier: GPL-2.0
// bug: zap-deposit
// what: munmap of a device THP leaves its deposited page table
// why: page tables leak, and the count says so at exit
// source: derived
// file: mm/huge_memory.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console
// budget: 60s
// class: logic

@@
@@
zap_huge_pmd(...)
{
<...
 if (
-    has_deposit
+    has_deposit && is_present
    ) { ... }
...>
}
