// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/memremap.h>

void probe(struct dev_pagemap_ops *ops,
	   void (*fn)(struct folio *head, struct folio *tail));
void probe(struct dev_pagemap_ops *ops,
	   void (*fn)(struct folio *head, struct folio *tail))
{
	ops->folio_split = fn;
}
