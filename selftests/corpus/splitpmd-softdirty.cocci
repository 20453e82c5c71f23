// SPDX-License-Identifier: GPL-2.0
// bug: splitpmd-softdirty
// what: the split of a device PMD loses soft-dirty
// why: who dumps what was written since the last dump misses the pages
// source: derived
// file: mm/huge_memory.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: SOFTDIRTY
// scenario: everything
// oracle: reader, test
// budget: 120s
// class: logic

@@
@@
__split_huge_pmd_locked(...)
{
<...
-soft_dirty = pmd_swp_soft_dirty(old_pmd);
+soft_dirty = false;
 uffd_wp = pmd_swp_uffd_wp(old_pmd);
 write = softleaf_is_device_private_write(entry);
...>
}
