// SPDX-License-Identifier: GPL-2.0
// bug: splitun-noflags
// what: after a THP is split on its way only its first page goes on migrating
// why: the others are given destinations that nobody uses or takes back
// source: derived
// file: mm/migrate_device.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: slot, hang
// budget: 120s
// class: logic

@@
expression e;
@@
migrate_vma_split_unmapped_folio(...)
{
<...
 migrate->src[i + idx] = e
-	| flags
 ;
...>
}
