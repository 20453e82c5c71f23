// SPDX-License-Identifier: GPL-2.0
// bug: rmap-deferred
// what: a device folio that is partly unmapped is queued for a deferred split
// why: the shrinker and the driver both think that it is theirs
// source: derived
// file: mm/rmap.c
// changes: -2 +1
// kernels: 7.2.*
// flavour: LIGHT
// scenario: mremap
// oracle: console
// budget: 120s
// class: logic

@@
expression a;
@@
__folio_remove_rmap(...)
{
<...
 if (a
-    && !folio_is_device_private(folio)
    ) deferred_split_folio(folio, true);
...>
}
