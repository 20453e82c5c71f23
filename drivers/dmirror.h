/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private interface between the parts of the extended test_hmm driver.
 *
 * Locks, outermost first:
 *   mmap_lock of the mirrored mm
 *   folio lock
 *   dmirror->lock	device page table; taken inside MMU notifiers, so nothing
 *			that may reclaim is allocated under it
 *   mdevice->lock	device memory allocator; taken in folio_free()
 */
#ifndef _DMIRROR_H
#define _DMIRROR_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/hmm.h>
#include <linux/huge_mm.h>
#include <linux/memremap.h>
#include <linux/migrate.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include "compat.h"
#include "test_hmm_uapi.h"

/*
 * The counters are the fields of struct hmmt_stats from to_dev_thp on, in that
 * order: a new one is a new field there and nothing else.
 */
#define DMIRROR_COUNTERS_OFFSET	offsetof(struct hmmt_stats, to_dev_thp)
#define DMIRROR_NR_COUNTERS						\
	((sizeof(struct hmmt_stats) - DMIRROR_COUNTERS_OFFSET) / sizeof(u64))
#define DMIRROR_COUNTER(name)						\
	((offsetof(struct hmmt_stats, name) - DMIRROR_COUNTERS_OFFSET) / sizeof(u64))

#define dmirror_count(mdevice, name)					\
	atomic64_inc(&(mdevice)->count[DMIRROR_COUNTER(name)])

struct dmirror_region;

/* A PMD-sized piece of device memory */
struct dmirror_chunk {
	struct list_head	node;	/* free, carved or busy list */
	struct dmirror_region	*region;
	struct page		*backing;	/* where the data really is */
	unsigned long		first_pfn;
	unsigned int		nr_free;	/* clear bits in @used */
	bool			whole;		/* handed out as one folio */
	DECLARE_BITMAP(used, HPAGE_PMD_NR);
};

/* One dev_pagemap, made of chunks */
struct dmirror_region {
	struct list_head	node;
	struct dev_pagemap	pagemap;
	struct dmirror_device	*mdevice;
	unsigned int		nr_chunks;
	struct dmirror_chunk	chunks[] __counted_by(nr_chunks);
};

struct dmirror_device {
	struct cdev		cdev;
	struct device		dev;
	struct list_head	regions;	/* fixed after init */
	unsigned int		nr_chunks;

	spinlock_t		lock;		/* the allocator: */
	struct list_head	free;		/* chunks with all pages free */
	struct list_head	carved;		/* with some pages free */
	struct list_head	busy;		/* with none free */
	unsigned long		pages_used;
	wait_queue_head_t	drained;	/* pages_used reached 0 */

	atomic_t		mirrors;
	atomic64_t		perturb;	/* random state */
	atomic64_t		count[DMIRROR_NR_COUNTERS];
};

/* Attached to an open file. May be shared after fork(). */
struct dmirror {
	struct dmirror_device	*mdevice;
	struct mmu_interval_notifier notifier;
	struct mutex		lock;		/* device page table */
	struct xarray		pt;		/* by virtual page number */
	struct mutex		exclusive_lock;	/* one EXCLUSIVE at a time */
	struct task_struct	*exclusive_task;	/* under @lock */
	unsigned long		foreign;	/* invalidations not by it */
	unsigned long		fail_alloc;	/* bit 0, atomic bitops */
};

/*
 * Entries of the device page table are xarray values. A PMD-order entry
 * stands in all its slots and holds the first pfn.
 */
#define DPTE_WRITE		BIT(0)
#define DPTE_EXCLUSIVE		BIT(1)
#define DPTE_PMD		BIT(2)
#define DPTE_PFN_SHIFT		3

/* main.c */
extern unsigned int dmirror_perturb_max;
void dmirror_perturb(struct dmirror_device *mdevice);

/* devmem.c */
extern const struct dev_pagemap_ops dmirror_pagemap_ops;
int dmirror_devmem_init(struct dmirror_device *mdevice, unsigned int chunks,
			unsigned int chunks_per_pagemap);
void dmirror_devmem_exit(struct dmirror_device *mdevice);
struct page *dmirror_devmem_alloc(struct dmirror_device *mdevice,
				  unsigned int order);
struct page *dmirror_backing(struct page *page);
struct dmirror_device *dmirror_page_device(struct page *page);
int dmirror_devmem_check(struct dmirror_device *mdevice,
			 struct hmmt_check *check);

/* mirror.c */
int dmirror_mirror_init(struct dmirror *dmirror, struct mm_struct *mm);
void dmirror_mirror_exit(struct dmirror *dmirror);
int dmirror_access(struct dmirror *dmirror, struct hmmt_access *access);
int dmirror_snapshot(struct dmirror *dmirror, struct hmmt_snapshot *snap,
		     bool stock);
int dmirror_exclusive(struct dmirror *dmirror, unsigned long start,
		      unsigned long end);
bool dmirror_is_exclusive(struct dmirror *dmirror, unsigned long start,
			  unsigned long end);

/* migrate.c */
int dmirror_migrate(struct dmirror *dmirror, struct hmmt_migrate *migrate);
vm_fault_t dmirror_migrate_to_ram(struct vm_fault *vmf);
void dmirror_evict(struct dmirror_device *mdevice, struct hmmt_evict *evict);

/* ioctl.c */
long dmirror_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

static inline unsigned int dmirror_page_index(struct dmirror_chunk *chunk,
					      struct page *page)
{
	return page_to_pfn(page) - chunk->first_pfn;
}

#endif /* _DMIRROR_H */
