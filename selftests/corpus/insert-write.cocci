// SPDX-License-Identifier: GPL-2.0
// bug: insert-write
// what: a device THP inserted into a hole of a read-only mapping is writable
// why: memory that is protected can be written
// source: derived
// file: mm/migrate_device.c
// changes: -1 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: everything
// oracle: negative, test
// budget: 120s
// class: logic

@@
@@
migrate_vma_insert_huge_pmd_page(...)
{
<...
 if (
-    vma->vm_flags & VM_WRITE
+    true
    ) swp_entry = make_writable_device_private_entry(...);
 else swp_entry = make_readable_device_private_entry(...);
...>
}
