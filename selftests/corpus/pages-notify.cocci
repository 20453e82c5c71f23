// SPDX-License-Identifier: GPL-2.0
// bug: pages-notify
// what: the mirrors are not told when a hole is filled
// why: the device goes on reading the zero page that it had mapped there
// source: derived
// file: mm/migrate_device.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: slot, test
// budget: 300s
// class: race

@@
@@
__migrate_device_pages(...)
{
<...
 if (
-    !notified
+    false
    ) { ... }
...>
}
