// SPDX-License-Identifier: GPL-2.0
// bug: fault-pmd-wait
// what: a fault on a PMD migration entry does not wait, but is taken again
// why: see equivalent
// source: derived
// file: mm/memory.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: storm
// oracle: none
// budget: 60s
// class: race
// equivalent: the fault handler returns in any case and the CPU faults again until the entry is
//	gone; it only costs time

@@
@@
__handle_mm_fault(...)
{
<...
-if (pmd_is_migration_entry(vmf.orig_pmd))
-	pmd_migration_entry_wait(...);
...>
}
