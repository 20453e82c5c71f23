// SPDX-License-Identifier: GPL-2.0
// bug: collect-notify
// what: collection does not tell the mirrors that the range changes
// why: the device goes on writing to pages that have been copied
// source: derived
// file: mm/migrate_device.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: slot
// budget: 120s
// class: race

@@
@@
migrate_vma_collect(...)
{
<...
-mmu_notifier_invalidate_range_start(&range);
...
-mmu_notifier_invalidate_range_end(&range);
...>
}
