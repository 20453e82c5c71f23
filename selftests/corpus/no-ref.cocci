// SPDX-License-Identifier: GPL-2.0
// bug: no-ref
// what: a fault on a device PTE takes neither reference nor lock
// why: the page is migrated or freed while the driver works on it
// source: commit, fix to do_swap_page (no-ref)
// file: mm/memory.c
// changes: -4 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: storm
// oracle: console, progress
// budget: 300s
// class: race

@@
@@
do_swap_page(...)
{
<...
 if (
-    trylock_page(vmf->page)
+    true
    ) {
 	...
-	get_page(vmf->page);
 	...
-	unlock_page(vmf->page);
-	put_page(vmf->page);
 } else { ... }
...>
}
