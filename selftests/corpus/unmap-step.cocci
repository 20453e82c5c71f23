// SPDX-License-Identifier: GPL-2.0
// bug: unmap-step
// what: the unmap looks at each of the 512 entries of a THP
// why: see equivalent
// source: derived
// file: mm/migrate_device.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: none
// budget: 60s
// class: logic
// equivalent: the other 511 entries are 0 then, whoever filled the array

@@
@@
migrate_device_unmap(...)
{
<...
-i += nr;
+i++;
...>
}
