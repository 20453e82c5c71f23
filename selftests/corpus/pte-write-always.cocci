// SPDX-License-Identifier: GPL-2.0
// bug: pte-write-always
// what: a read-only device page is collected as a writable one
// why: after the migration a shared or protected page can be written
// source: derived
// file: mm/migrate_device.c
// changes: -2 +1
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
-if (softleaf_is_device_private_write(entry))
	mpfn |= MIGRATE_PFN_WRITE;
...>
}
