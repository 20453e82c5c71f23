// SPDX-License-Identifier: GPL-2.0
#include <linux/gfp.h>

struct folio *probe(struct vm_area_struct *vma);
struct folio *probe(struct vm_area_struct *vma)
{
	return vma_alloc_folio(GFP_KERNEL, 0, vma, 0);
}
