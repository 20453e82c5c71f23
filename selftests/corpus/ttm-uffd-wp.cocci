// SPDX-License-Identifier: GPL-2.0
// bug: ttm-uffd-wp
// what: the rmap walk loses the write protection of userfaultfd of device PTEs
// why: a write goes by without the event that was asked for
// source: derived
// file: mm/rmap.c
// changes: -2 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: reader, test
// budget: 120s
// class: logic

@@
@@
try_to_migrate_one(...)
{
<...
-if (pte_swp_uffd_wp(pteval))
-	swp_pte = pte_swp_mkuffd_wp(swp_pte);
...>
}
