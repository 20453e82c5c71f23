// SPDX-License-Identifier: GPL-2.0
// bug: unmap-one-mm
// what: only the mapping that was asked for is replaced, not those of other address spaces
// why: a page shared after fork can never come back from the device
// source: derived
// file: mm/migrate_device.c
// changes: -3 +0
// kernels: 7.2.*
// flavour: LIGHT
// scenario: fork
// oracle: progress
// budget: 120s
// class: logic

@@
@@
migrate_device_unmap(...)
{
<...
-if (folio_mapped(folio))
-	try_to_migrate(folio, 0);
...>
}
