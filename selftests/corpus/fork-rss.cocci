// SPDX-License-Identifier: GPL-2.0
// bug: fork-rss
// what: a device PMD is not counted in the RSS of the child
// why: the counter is wrong until the child ends, which says so
// source: derived
// file: mm/huge_memory.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: console
// budget: 60s
// class: logic

@@
@@
copy_huge_non_present_pmd(...)
{
<...
-add_mm_counter(...);
...>
}
