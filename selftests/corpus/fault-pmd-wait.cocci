// SPDX-License-Identifier: GPL-2.0
// bug: fault-pmd-wait
// what: a fault on a PMD migration entry does not wait, but is taken again
// why: who needs a THP that is being migrated uses up its CPU until that is done
// source: derived
// file: mm/memory.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: storm
// oracle: progress
// budget: 60s
// class: race

@@
@@
__handle_mm_fault(...)
{
<...
-if (pmd_is_migration_entry(vmf.orig_pmd))
-	pmd_migration_entry_wait(...);
...>
}
