// SPDX-License-Identifier: GPL-2.0
// bug: collect-select-device
// what: device THPs are collected although only system memory was asked for
// why: a migration to the device takes what is there already, and reads it by the CPU
// source: derived
// file: mm/migrate_device.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: hmm, slot
// budget: 120s
// class: logic

@@
expression a, b;
@@
migrate_vma_collect_huge_pmd(...)
{
<...
 a
-|| !(migrate->flags & MIGRATE_VMA_SELECT_DEVICE_PRIVATE)
 || b
...>
}
