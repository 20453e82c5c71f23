// SPDX-License-Identifier: GPL-2.0
// bug: pte-owner
// what: collection takes base pages of any device, whoever asked
// why: a driver is handed the memory of another one as its own
// source: derived
// file: mm/migrate_device.c
// changes: -2 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: hmm, slot
// budget: 120s
// class: logic

@@
expression e;
@@
migrate_vma_collect_pmd(...)
{
<...
 if (!(
	migrate->flags & MIGRATE_VMA_SELECT_DEVICE_PRIVATE)
-     || e
    ) goto next;
...>
}
