// SPDX-License-Identifier: GPL-2.0
// bug: splitpmd-uffd-wp
// what: the split of a device PMD loses the write protection of userfaultfd
// why: a write goes by without the event that was asked for
// source: derived
// file: mm/huge_memory.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: reader, test
// budget: 120s
// class: logic

@@
@@
__split_huge_pmd_locked(...)
{
<...
 soft_dirty = pmd_swp_soft_dirty(old_pmd);
-uffd_wp = pmd_swp_uffd_wp(old_pmd);
 write = softleaf_is_device_private_write(entry);
...>
}
