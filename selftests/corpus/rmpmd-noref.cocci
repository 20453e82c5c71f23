// SPDX-License-Identifier: GPL-2.0
// bug: rmpmd-noref
// what: the mapping that replaces a PMD migration entry holds no reference
// why: the end of the migration frees the folio while it is mapped
// source: derived
// file: mm/huge_memory.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console, slot
// budget: 60s
// class: logic

@@
@@
remove_migration_pmd(...)
{
<...
-folio_get(folio);
...>
}
