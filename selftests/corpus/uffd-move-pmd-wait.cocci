// SPDX-License-Identifier: GPL-2.0
// bug: uffd-move-pmd-wait
// what: UFFDIO_MOVE says that a THP under migration is not there
// why: the caller gives up what would have been there a moment later
// source: derived
// file: mm/huge_memory.c
// changes: -4 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: reader
// budget: 120s
// class: race

@@
@@
move_pages_huge_pmd(...)
{
<...
-if (pmd_is_migration_entry(src_pmdval)) {
-	...
-}
...>
}
