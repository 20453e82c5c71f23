// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/memremap.h>

void probe(struct dev_pagemap_ops *ops, void (*fn)(struct folio *folio));
void probe(struct dev_pagemap_ops *ops, void (*fn)(struct folio *folio))
{
	ops->folio_free = fn;
}
