// SPDX-License-Identifier: GPL-2.0
// bug: pte-select-device
// what: base pages of the device are collected although only system memory was asked for
// why: a migration to the device takes what is there already, and reads it by the CPU
// source: derived
// file: mm/migrate_device.c
// changes: -3 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: hmm, slot
// budget: 120s
// class: logic

@@
expression e;
@@
migrate_vma_collect_pmd(...)
{
<...
 if (
-    !(migrate->flags & MIGRATE_VMA_SELECT_DEVICE_PRIVATE) || e
+    e
    ) goto next;
...>
}
