// SPDX-License-Identifier: GPL-2.0
// bug: smaps-device
// what: smaps counts base pages of the device as not present
// why: Rss and Pss there do not say what the process has
// source: derived
// file: fs/proc/task_mmu.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: reader
// budget: 120s
// class: logic

@@
@@
smaps_pte_entry(...)
{
<...
-if (softleaf_is_device_private(entry))
-	present = true;
...>
}
