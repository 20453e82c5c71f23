// SPDX-License-Identifier: GPL-2.0
// bug: pte-present-write
// what: a read-only system page is collected as a writable one
// why: after the migration a shared or protected page can be written
// source: derived
// file: mm/migrate_device.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: fork_isolation, negative, console
// budget: 120s
// class: logic

@@
@@
migrate_vma_collect_pmd(...)
{
<...
-mpfn |= pte_write(pte) ? MIGRATE_PFN_WRITE : 0;
+mpfn |= MIGRATE_PFN_WRITE;
...>
}
