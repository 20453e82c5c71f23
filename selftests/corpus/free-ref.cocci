// SPDX-License-Identifier: GPL-2.0
// bug: free-ref
// what: freeing a device THP gives back one reference of its pagemap, not 512
// why: the driver can never be unloaded
// source: derived
// file: mm/memremap.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: hang, driver
// budget: 120s
// class: logic

@@
expression r;
@@
free_zone_device_folio(...)
{
<...
-percpu_ref_put_many(r, nr);
+percpu_ref_put_many(r, 1);
...>
}
