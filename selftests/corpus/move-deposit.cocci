// SPDX-License-Identifier: GPL-2.0
// bug: move-deposit
// what: mremap moves a PMD without the page table that was deposited for it
// why: whoever splits or zaps it withdraws one that is not there
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
move_huge_pmd(...)
{
<...
 if (
-    pmd_move_must_withdraw(...)
+    false
    ) { ... }
...>
}
