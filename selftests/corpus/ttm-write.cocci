// SPDX-License-Identifier: GPL-2.0
// bug: ttm-write
// what: the rmap walk gives read-only device PTEs writable migration entries
// why: after the migration a shared or protected page can be written
// source: derived
// file: mm/rmap.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: fork_isolation, negative, console
// budget: 120s
// class: logic

@@
@@
try_to_migrate_one(...)
{
<...
-writable = softleaf_is_device_private_write(entry);
+writable = true;
...>
}
