// SPDX-License-Identifier: GPL-2.0
// bug: zap-order
// what: the reference of a device THP is dropped before RSS is counted down
// why: the freed folio is no longer anonymous: the wrong counter goes down
// source: commit, fix to zap_huge_pmd (zap-order)
// file: mm/huge_memory.c
// changes: -4 +2
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console
// budget: 60s
// class: logic

@@
@@
zap_huge_pmd_folio(...)
{
<...
+if (is_device_private)
+	folio_put(folio);
 if (folio_test_anon(folio)) { ... } else { ... }
-if (is_device_private)
-	folio_put(folio);
...>
}
