/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private interface between the parts of the extended test_hmm driver.
 *
 * Locks, outermost first:
 *   mdevice->plug_lock	written while a chunk comes or goes, read by who names
 *			device pages by number and so relies on their struct pages
 *   mmap_lock of the mirrored mm
 *   folio lock
 *   dmirror->lock	device page table; taken inside MMU notifiers, so nothing
 *			that may reclaim is allocated under it
 *   mdevice->lock	device memory allocator; taken in folio_free()
 * dmirror->pin_lock and dma_lock are outside of all of them, mdevice->mirror_lock inside.
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
#include <linux/rwsem.h>
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

#define dmirror_count_add(mdevice, name, n)				\
	atomic64_add(n, &(mdevice)->count[DMIRROR_COUNTER(name)])
#define dmirror_count(mdevice, name)	dmirror_count_add(mdevice, name, 1)

struct dentry;
struct dmirror_dma;
struct dmirror_region;
struct io_uring_cmd;

enum dmirror_chunk_state {
	CHUNK_PLUGGED = 0,
	CHUNK_LEAVING,		/* handed out no more, may have pages in use */
	CHUNK_UNPLUGGED,	/* has none, perhaps no struct pages either */
};

/* A PMD-sized piece of device memory */
struct dmirror_chunk {
	struct list_head	node;	/* free, carved, busy or barred list */
	struct dmirror_region	*region;
	struct page		*backing;	/* where the data really is; NULL if coherent */
	unsigned long		first_pfn;
	enum dmirror_chunk_state state;	/* changed under plug_lock and lock */
	unsigned int		nr_free;	/* clear bits in @used */
	bool			whole;		/* handed out as one folio */
	DECLARE_BITMAP(used, HPAGE_PMD_NR);
};

/* One dev_pagemap, made of chunks */
struct dmirror_region {
	struct list_head	node;
	struct dev_pagemap	pagemap;
	struct resource		*res;		/* its addresses; NULL if coherent */
	struct dmirror_device	*mdevice;
	unsigned int		nr_chunks;
	unsigned int		nr_plugged;	/* 0: has no struct pages */
	struct dmirror_chunk	chunks[] __counted_by(nr_chunks);
};

struct dmirror_device {
	struct cdev		cdev;
	struct device		dev;
	struct list_head	regions;	/* fixed after init */
	unsigned int		nr_chunks;
	unsigned int		id;
	bool			coherent;	/* the CPU may map the pages */
	struct dentry		*debugfs;

	struct rw_semaphore	plug_lock;
	spinlock_t		lock;		/* the allocator: */
	struct list_head	free;		/* chunks with all pages free */
	struct list_head	carved;		/* with some pages free */
	struct list_head	busy;		/* with none free */
	struct list_head	barred;		/* not plugged, whatever is free */
	unsigned long		pages_used;
	struct hmmt_check	violation;	/* the first one that was met */
	bool			bust_ref;	/* pretend a reference is missing */
	wait_queue_head_t	drained;	/* all, or a chunk that is leaving */

	spinlock_t		mirror_lock;	/* open files and their settings: */
	struct list_head	mirrors;
	unsigned int		nr_mirrors;
	unsigned int		tuned;		/* files with settings */

	unsigned int		perturb_max;
	atomic64_t		perturb_state;
	atomic64_t		count[DMIRROR_NR_COUNTERS];
};

/* Attached to an open file. May be shared after fork(). */
struct dmirror {
	struct dmirror_device	*mdevice;
	struct list_head	node;		/* of mdevice->mirrors */
	struct mmu_interval_notifier notifier;
	struct mutex		lock;		/* device page table */
	struct xarray		pt;		/* by virtual page number */
	struct mutex		exclusive_lock;	/* one EXCLUSIVE at a time */
	struct task_struct	*exclusive_task;	/* under @lock */
	unsigned long		foreign;	/* invalidations not by it */

	unsigned long		cpu_window;	/* under mdevice->mirror_lock: */
	struct hmmt_inject	inject;
	unsigned int		hold;		/* HMMT_HOLD_*, once */
	unsigned int		hold_ms;
	struct eventfd_ctx	*hold_event;	/* or NULL */
	unsigned long		dev_window;

	struct mutex		dma_lock;	/* one access by DMA at a time */
	struct dmirror_dma	*dma;		/* it, under @lock; NULL: nothing is mapped */

	struct mutex		pin_lock;	/* the list and the count: */
	struct list_head	pins;
	unsigned long		nr_pinned;
};

/* One command under way */
struct dmirror_call {
	struct dmirror		*dmirror;
	const bool		*cancelled;	/* NULL: no one will */
};

/* How an access gets what is not in the device page table */
enum dmirror_fill {
	FILL_FAULT,
	FILL_FAULT_UNLOCKED,	/* by the variant that takes the mmap lock itself */
	FILL_FROM_DEVICE,	/* not by faults: only what is in device memory */
};

/* All argument structs fit in here */
union dmirror_arg {
	struct hmm_dmirror_cmd	cmd;
	struct hmmt_migrate	migrate;
	struct hmmt_access	access;
	struct hmmt_snapshot	snapshot;
	struct hmmt_stats	stats;
	struct hmmt_check	check;
	struct hmmt_evict	evict;
	struct hmmt_tune	tune;
	struct hmmt_inject	inject;
	struct hmmt_checksum	checksum;
	struct hmmt_pin		pin;
	struct hmmt_perturb	perturb;
	struct hmmt_calls	calls;
	struct hmmt_unplug	unplug;
	struct hmmt_api		api;
	struct hmmt_catch	catch;
};

/* @min_size: of the first published version; the present one is in @cmd */
struct dmirror_command {
	unsigned int	cmd;
	size_t		min_size;
	int		(*handler)(struct dmirror_call *call, union dmirror_arg *arg);
	bool		uring;		/* also as an io_uring command */
};

/*
 * Entries of the device page table are xarray values. A PMD-order entry
 * stands in all its slots and holds the first pfn.
 */
#define DPTE_WRITE		BIT(0)
#define DPTE_EXCLUSIVE		BIT(1)
#define DPTE_PMD		BIT(2)
#define DPTE_PFN_SHIFT		3

/* A device fault, or an access, that does not get through in this time: EBUSY */
#define DMIRROR_FAULT_TIMEOUT	(10 * HZ)

#define DMIRROR_UNPLUG_MAX	10000	/* ms */

/* main.c */
extern unsigned int dmirror_poison;
extern bool dmirror_keep_flags;
extern bool dmirror_bust;
extern unsigned long long dmirror_api_addr;
struct dmirror_device *dmirror_device_get(unsigned int id);

/* control.c */
void dmirror_fault_attr_init(struct dentry *dir);
void dmirror_control_add(struct dmirror *dmirror);
void dmirror_control_del(struct dmirror *dmirror);
bool dmirror_should_fail(struct dmirror_device *mdevice, struct dmirror *dmirror,
			 struct mm_struct *mm, u32 site);
void *dmirror_array(struct dmirror *dmirror, size_t n, size_t size);
unsigned long dmirror_cpu_window(struct dmirror_device *mdevice,
				 struct mm_struct *mm);
int dmirror_tune(struct dmirror *dmirror, struct hmmt_tune *tune);
int dmirror_inject(struct dmirror *dmirror, struct hmmt_inject *inject);
void dmirror_hold(struct dmirror_device *mdevice, struct dmirror *dmirror,
		  struct mm_struct *mm, unsigned int point);

/* perturb.c */
int dmirror_perturb_set(struct dmirror_device *mdevice,
			struct hmmt_perturb *perturb);
void dmirror_perturb(struct dmirror_device *mdevice);
int dmirror_calls(struct hmmt_calls *arg);
int dmirror_catch(struct hmmt_catch *arg);
void dmirror_calls_exit(void);

/* devmem.c */
int dmirror_devmem_init(struct dmirror_device *mdevice, unsigned int chunks,
			unsigned int chunks_per_pagemap, u64 coherent_addr);
void dmirror_devmem_exit(struct dmirror_device *mdevice);
int dmirror_region_map(struct dmirror_region *region);
void dmirror_chunk_set(struct dmirror_chunk *chunk, enum dmirror_chunk_state state);
struct page *dmirror_devmem_alloc(struct dmirror_device *mdevice,
				  unsigned int order);
struct page *dmirror_backing(struct page *page);
bool dmirror_devmem_in_use(struct page *page);
struct dmirror_device *dmirror_page_device(struct page *page);
struct dmirror_chunk *dmirror_devmem_chunk(struct dmirror_device *mdevice,
					   u64 pfn);
void dmirror_devmem_state(struct dmirror_device *mdevice,
			  struct hmmt_stats *stats);
struct page *dmirror_devmem_free_page(struct dmirror_device *mdevice);
struct dmirror_chunk *dmirror_page_chunk(struct page *page);
/* these two with the allocator's lock held */
struct list_head *dmirror_chunk_list(struct dmirror_device *mdevice,
				     struct dmirror_chunk *chunk);
struct page *dmirror_devmem_find(struct dmirror_device *mdevice, bool used);

/* check.c */
void dmirror_poison_pages(struct page *page, unsigned long nr);
void dmirror_poison_check(struct dmirror_device *mdevice, struct page *page,
			  unsigned long nr);
void dmirror_flags_check(struct dmirror_device *mdevice, struct page *page,
			 unsigned long nr);
void dmirror_freed_check(struct page *page);
bool dmirror_check_failed(struct hmmt_check *check, u32 which, u64 pfn,
			  u64 expected, u64 found);
int dmirror_devmem_check(struct dmirror_device *mdevice, struct hmmt_check *check,
			 unsigned int bust);

/* mirror.c */
int dmirror_mirror_init(struct dmirror *dmirror, struct mm_struct *mm);
void dmirror_mirror_exit(struct dmirror *dmirror);
int dmirror_stop(const struct dmirror_call *call);
int dmirror_range_fault(struct dmirror_call *call, struct hmm_range *range,
			bool unlocked);
int dmirror_pt_fill(struct dmirror *dmirror, struct hmm_range *range);
int dmirror_exclusive(struct dmirror *dmirror, unsigned long start,
		      unsigned long end);
bool dmirror_is_exclusive(struct dmirror *dmirror, unsigned long start,
			  unsigned long end);
int dmirror_mirror_check(struct dmirror *dmirror, struct hmmt_check *check,
			 unsigned int bust);

/* access.c */
int dmirror_access(struct dmirror_call *call, struct hmmt_access *access,
		   enum dmirror_fill fill);
int dmirror_checksum(struct dmirror_call *call, struct hmmt_checksum *checksum);
void dmirror_copy_words(u64 *to, const u64 *from, size_t len);

/* dma.c */
void dmirror_dma_init(struct dmirror_device *mdevice, unsigned int bits);
int dmirror_dma(struct dmirror_call *call, struct hmmt_access *access);
void dmirror_dma_invalidate(struct dmirror *dmirror, unsigned long start, unsigned long end);

/* api.c */
int dmirror_api(struct dmirror *dmirror, struct hmmt_api *api);

/* mmap.c */
int dmirror_mmap(struct file *file, struct vm_area_struct *vma);
int dmirror_mmap_init(void);
void dmirror_mmap_exit(void);

/* snapshot.c */
int dmirror_snapshot(struct dmirror_call *call, struct hmmt_snapshot *snap,
		     bool stock);

/* migrate.c */
int dmirror_migrate(struct dmirror_call *call, struct hmmt_migrate *migrate);
vm_fault_t dmirror_migrate_to_ram(struct vm_fault *vmf);

/* evict.c */
int dmirror_evict(struct dmirror_device *mdevice, struct dmirror *dmirror,
		  struct hmmt_evict *evict);
int dmirror_evict_chunk(struct dmirror *dmirror, struct dmirror_chunk *chunk,
			u64 *migrated);

/* plug.c */
int dmirror_unplug(struct dmirror *dmirror, struct hmmt_unplug *unplug);

/* pin.c */
int dmirror_pin(struct dmirror *dmirror, struct hmmt_pin *arg);
void dmirror_pin_exit(struct dmirror *dmirror);

/* ioctl.c */
long dmirror_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
const struct dmirror_command *dmirror_command_find(unsigned int cmd);
int dmirror_command_read(const struct dmirror_command *command,
			 union dmirror_arg *arg, void __user *user, size_t usize);
int dmirror_command_run(const struct dmirror_command *command,
			struct dmirror_call *call, union dmirror_arg *arg,
			void __user *user, size_t usize);

/* uring.c */
#ifdef CONFIG_IO_URING
int dmirror_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags);
#endif

/* The finaliser of splitmix64 */
static inline u64 dmirror_mix(u64 x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static inline unsigned int dmirror_page_index(struct dmirror_chunk *chunk,
					      struct page *page)
{
	return page_to_pfn(page) - chunk->first_pfn;
}

static inline unsigned long dpte_pfn(unsigned long dpte, unsigned long vpn)
{
	unsigned long pfn = dpte >> DPTE_PFN_SHIFT;

	return dpte & DPTE_PMD ? pfn + (vpn & (HPAGE_PMD_NR - 1)) : pfn;
}

/* @page is a ZONE_DEVICE page: is it of this device? */
static inline bool dmirror_is_local(struct dmirror *dmirror, struct page *page)
{
	return dmirror_page_device(page) == dmirror->mdevice;
}

#endif /* _DMIRROR_H */
