/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only place that knows that kernels differ. What the tree at hand offers
 * is found by compiling probes/NAME.c against it, never by its version number:
 * a tree in the middle of a bisect, or linux-next, lies about its version. A
 * probe that compiles defines HAVE_NAME in the generated probed.h.
 */
#ifndef _DMIRROR_COMPAT_H
#define _DMIRROR_COMPAT_H

#include <linux/hmm.h>
#include <linux/io_uring/cmd.h>
#include <linux/memremap.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/rmap.h>

#include <linux/slab.h>

#include "probed.h"

#ifdef HAVE_HMM_DMA_MAP
#include <linux/hmm-dma.h>
#include <linux/pci-p2pdma.h>
#endif
#ifndef HAVE_INSERT_PLAIN_PFN
#include <linux/pfn_t.h>
#endif

/* Typed allocation: macros, so that the preprocessor can tell */
#ifndef kzalloc_obj
#define kzalloc_obj(obj)	kzalloc(sizeof(obj), GFP_KERNEL)
#define kvmalloc_obj(obj)	kvmalloc(sizeof(obj), GFP_KERNEL)
#endif

/* Before whole THPs could be migrated: collect and hand out base pages only */
#ifdef HAVE_SELECT_COMPOUND
#define DMIRROR_SELECT_COMPOUND	MIGRATE_VMA_SELECT_COMPOUND
#define DMIRROR_PFN_COMPOUND	MIGRATE_PFN_COMPOUND
#else
#define DMIRROR_SELECT_COMPOUND	0
#define DMIRROR_PFN_COMPOUND	0
#endif

static inline bool dmirror_can_compound(void)
{
	return IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) && DMIRROR_SELECT_COMPOUND;
}

/*
 * Hand out a free device page: one reference, locked. A free page may still
 * look like the tail of the folio it last was in: no page_folio() before init.
 */
static inline void dmirror_folio_init(struct page *page,
				      struct dev_pagemap *pgmap,
				      unsigned int order)
{
#ifdef HAVE_ZONE_DEVICE_PAGE_INIT_ORDER
	zone_device_folio_init((struct folio *)page, pgmap, order);
#else
	zone_device_page_init(page);
#endif
}

/* The flags of @page itself, also where it is a tail; newer kernels have a struct for them */
static inline unsigned long dmirror_page_flags(const struct page *page)
{
	BUILD_BUG_ON(sizeof(page->flags) != sizeof(unsigned long));
	return READ_ONCE(*(const unsigned long *)&page->flags);
}

static inline struct dev_pagemap *dmirror_pgmap(struct page *page)
{
#ifdef HAVE_PAGE_PGMAP
	return page_pgmap(page);
#else
	return page->pgmap;
#endif
}

static inline struct folio *dmirror_alloc_system(gfp_t gfp, unsigned int order,
						 struct vm_area_struct *vma,
						 unsigned long addr)
{
	if (!vma)
		return folio_alloc(gfp, order);
#ifdef HAVE_VMA_ALLOC_FOLIO_4ARGS
	return vma_alloc_folio(gfp, order, vma, addr);
#else
	return vma_alloc_folio(gfp, order, vma, addr, order > 0);
#endif
}

/*
 * Take @addr out of the CPU page table for exclusive access by the device.
 * Returns the page, its folio locked and referenced, or an error pointer.
 */
static inline struct page *dmirror_make_exclusive(struct mm_struct *mm,
						  unsigned long addr,
						  void *owner,
						  struct folio **folio)
{
#ifdef HAVE_MAKE_DEVICE_EXCLUSIVE
	return make_device_exclusive(mm, addr, owner, folio);
#else
	struct page *page = NULL;
	int ret;

	ret = make_device_exclusive_range(mm, addr, addr + PAGE_SIZE, &page,
					  owner);
	if (ret < 0)
		return ERR_PTR(ret);
	if (!ret || !page)
		return ERR_PTR(-EBUSY);
	*folio = page_folio(page);
	return page;
#endif
}

/* hmm_range_fault() that takes the mmap lock itself and lets faults drop it */
static inline bool dmirror_can_fault_unlocked(void)
{
#ifdef HAVE_HMM_RANGE_FAULT_UNLOCKED
	return true;
#else
	return false;
#endif
}

static inline int dmirror_range_fault_unlocked(struct hmm_range *range,
					       unsigned long timeout)
{
#ifdef HAVE_HMM_RANGE_FAULT_UNLOCKED
	return hmm_range_fault_unlocked_timeout(range, timeout);
#else
	return -ENOTTY;
#endif
}

/* Collect the device pages whose numbers are in @src */
static inline int dmirror_device_pfns(unsigned long *src, unsigned long nr)
{
#ifdef HAVE_MIGRATE_DEVICE_PFNS
	return migrate_device_pfns(src, nr);
#else
	return -EOPNOTSUPP;
#endif
}

/* Map memory without struct pages, in an entry of @order: 0, PMD_ORDER or PUD_ORDER */
static inline vm_fault_t dmirror_insert_raw(struct vm_fault *vmf, unsigned long pfn,
					    unsigned int order)
{
	bool write = vmf->flags & FAULT_FLAG_WRITE;
#ifdef HAVE_INSERT_PLAIN_PFN
	unsigned long entry = pfn;
#else
	pfn_t entry = pfn_to_pfn_t(pfn);
#endif

	switch (order) {
	case 0:
		return vmf_insert_mixed(vmf->vma, vmf->address, entry);
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	case PMD_ORDER:
		return vmf_insert_pfn_pmd(vmf, entry, write);
#ifdef CONFIG_HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD
	case PUD_ORDER:
		return vmf_insert_pfn_pud(vmf, entry, write);
#endif
#endif
	default:
		return VM_FAULT_FALLBACK;
	}
}

static inline void dmirror_uring_done(struct io_uring_cmd *cmd, int ret,
				      unsigned int issue_flags)
{
#ifdef HAVE_IO_URING_CMD_DONE_3ARGS
	io_uring_cmd_done(cmd, ret, issue_flags);
#else
	io_uring_cmd_done(cmd, ret, 0, issue_flags);
#endif
}

static inline void dmirror_hrtimer_setup(struct hrtimer *timer,
					 enum hrtimer_restart (*fn)(struct hrtimer *timer),
					 enum hrtimer_mode mode)
{
#ifdef HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, mode);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, mode);
	timer->function = fn;
#endif
}

#ifdef HAVE_IO_URING_SQE_CMD_TYPED
#define dmirror_sqe_cmd(sqe, type)	io_uring_sqe_cmd(sqe, type)
#else
#define dmirror_sqe_cmd(sqe, type)	((const type *)io_uring_sqe_cmd(sqe))
#endif

#endif /* _DMIRROR_COMPAT_H */
