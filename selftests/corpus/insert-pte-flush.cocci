// SPDX-License-Identifier: GPL-2.0
// bug: insert-pte-flush
// what: the zero page is replaced without a flush of the TLB
// why: other CPUs go on reading zeroes
// source: derived
// file: mm/migrate_device.c
// changes: -4 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: slot, negative, test
// budget: 300s
// class: race

@@
@@
migrate_vma_insert_page(...)
{
<...
-if (flush) {
-	...
-}
...>
}
