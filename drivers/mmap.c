// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings of the node itself: memory that is not anonymous. At offset 0 they are
 * ordinary pages, as the stock driver has them. HMMT_MMAP_RAW has no struct pages,
 * as the registers of a device, in entries as large as fit: what a mirror must
 * refuse.
 */
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "dmirror.h"

/* Addresses that nothing is at; aligned to a PUD, which a second one makes room for */
#define RAW_SIZE	(2 * (u64)PUD_SIZE)

static struct resource *raw_memory;

static int map_pages(struct vm_area_struct *vma)
{
	unsigned long addr;
	int ret = 0;

	for (addr = vma->vm_start; !ret && addr < vma->vm_end; addr += PAGE_SIZE) {
		struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

		if (!page)
			return -ENOMEM;
		ret = vm_insert_page(vma, addr, page);
		put_page(page);
		cond_resched();
		/* may be the victim of an OOM that it is the reason of */
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return ret;
}

/* Its place in a PUD is that of the address */
static unsigned long raw_pfn(unsigned long addr)
{
	return PHYS_PFN(ALIGN(raw_memory->start, PUD_SIZE) + (addr & (PUD_SIZE - 1)));
}

static vm_fault_t raw_fault(struct vm_fault *vmf)
{
	return dmirror_insert_raw(vmf, raw_pfn(vmf->address), 0);
}

static vm_fault_t raw_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	unsigned long size = PAGE_SIZE << order, addr = ALIGN_DOWN(vmf->address, size);

	if (addr < vmf->vma->vm_start || addr + size > vmf->vma->vm_end)
		return VM_FAULT_FALLBACK;
	return dmirror_insert_raw(vmf, raw_pfn(addr), order);
}

static const struct vm_operations_struct raw_vm_ops = {
	.fault		= raw_fault,
	.huge_fault	= raw_huge_fault,
};

static int map_raw(struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	/* large entries, whatever the policy is for others */
	vm_flags_set(vma, VM_MIXEDMAP | VM_HUGEPAGE | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &raw_vm_ops;
	return 0;
}

int dmirror_mmap(struct file *file, struct vm_area_struct *vma)
{
	return vma->vm_pgoff == PHYS_PFN(HMMT_MMAP_RAW) ? map_raw(vma) : map_pages(vma);
}

int dmirror_mmap_init(void)
{
	struct resource *res = request_free_mem_region(&iomem_resource, RAW_SIZE,
						       "hmm_dmirror raw");

	if (IS_ERR(res))
		return PTR_ERR(res);
	raw_memory = res;
	return 0;
}

void dmirror_mmap_exit(void)
{
	release_mem_region(raw_memory->start, RAW_SIZE);
}
