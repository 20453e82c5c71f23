// SPDX-License-Identifier: GPL-2.0
// bug: rmpte-noref
// what: the mapping that replaces a PTE migration entry holds no reference
// why: the end of the migration frees the page while it is mapped
// source: derived
// file: mm/migrate.c
// changes: -1 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console, slot
// budget: 60s
// class: logic

@@
@@
remove_migration_pte(...)
{
<...
-folio_get(folio);
...>
}
