// SPDX-License-Identifier: GPL-2.0
/*
 * Migration to the device, to system memory, on CPU fault, and eviction.
 *
 * All go through the same steps: collect (by the kernel), give destinations
 * and copy, migrate_*_pages(), count, finalize.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/highmem.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "dmirror.h"
#include "trace.h"

enum dmirror_direction { TO_DEVICE, TO_SYSTEM };

/* One step of a migration: not more than one PMD */
struct dmirror_step {
	struct dmirror_device	*mdevice;
	struct dmirror		*dmirror;	/* of the command; NULL: fault, unload */
	struct dmirror_device	*from;		/* whose pages; NULL: system memory */
	enum dmirror_direction	direction;
	u32			flags;		/* HMMT_MIGRATE_* */
	bool			unused;		/* HMMT_EVICT_UNUSED */
	struct vm_area_struct	*vma;		/* NULL: eviction */
	unsigned long		addr;
	unsigned long		npages;
	/* out */
	unsigned long		migrated;	/* pages */
	unsigned long		thp;		/* folios */
	unsigned long		split;		/* folios */
	unsigned long		nomem;		/* pages or folios */
	unsigned long		src[HPAGE_PMD_NR];
	unsigned long		dst[HPAGE_PMD_NR];
};

static bool step_fail_injected(struct dmirror_step *step, unsigned int order)
{
	u32 site;

	if (step->direction == TO_DEVICE)
		site = order ? HMMT_SITE_DEV_THP : HMMT_SITE_DEV_BASE;
	else
		site = order ? HMMT_SITE_SYS_THP : HMMT_SITE_SYS_BASE;
	return dmirror_should_fail(step->mdevice, step->dmirror,
				   step->vma ? step->vma->vm_mm : NULL, site);
}

/* Between two phases */
static void step_point(struct dmirror_step *step, unsigned int point)
{
	dmirror_perturb(step->mdevice);
	dmirror_hold(step->mdevice, step->dmirror,
		     step->vma ? step->vma->vm_mm : NULL, point);
}

/* A locked destination folio, or NULL */
static struct page *step_alloc(struct dmirror_step *step, unsigned long i,
			       unsigned int order)
{
	struct folio *folio;
	gfp_t gfp;

	if (step_fail_injected(step, order))
		goto nomem;
	if (step->direction == TO_DEVICE) {
		struct page *page = dmirror_devmem_alloc(step->mdevice, order);

		if (!page)
			goto nomem;
		return page;
	}

	/* a THP is worth a compaction, but not an OOM kill: base pages do too */
	gfp = order ? GFP_TRANSHUGE | __GFP_NOWARN | __GFP_NORETRY :
		      GFP_HIGHUSER_MOVABLE | __GFP_NOWARN;
	folio = dmirror_alloc_system(gfp, order, step->vma,
				     step->addr + i * PAGE_SIZE);
	if (!folio) {
		dmirror_count(step->mdevice, nomem_sys);
		goto nomem;
	}
	folio_lock(folio);
	return folio_page(folio, 0);

nomem:
	step->nomem++;
	return NULL;
}

/* The page in which the data of @page really is */
static struct page *data_page(struct page *page)
{
	return is_device_private_page(page) ? dmirror_backing(page) : page;
}

/*
 * Copy @nr pages; a hole (no source) reads as zeros. Device memory needs 64 bits,
 * so there is no highmem.
 */
static void step_copy(struct page *dst, struct page *src, unsigned long nr)
{
	void *to = page_address(data_page(dst));
	void *from = src ? page_address(data_page(src)) : NULL;

	for (; nr; nr--, to += PAGE_SIZE) {
		if (!from) {
			clear_page(to);
			continue;
		}
		copy_page(to, from);
		from += PAGE_SIZE;
	}
}

static bool step_give(struct dmirror_step *step, unsigned long i,
		      unsigned int order)
{
	struct page *dpage = step_alloc(step, i, order);

	if (!dpage)
		return false;
	step->dst[i] = migrate_pfn(page_to_pfn(dpage));
	if (order)
		step->dst[i] |= DMIRROR_PFN_COMPOUND;
	return true;
}

/*
 * Give back the destinations of a PMD-sized hole that cannot be filled whole:
 * migrate_vma_pages() oopses on a missing one (docs/findings/partial-hole.md).
 */
static void step_take_back(struct dmirror_step *step, unsigned long i,
			   unsigned long nr)
{
	for (; nr; nr--, i++) {
		struct folio *folio = page_folio(migrate_pfn_to_page(step->dst[i]));

		folio_unlock(folio);
		folio_put(folio);
		step->dst[i] = 0;
	}
}

/* Is the page of the memory that the command selected? */
static bool source_selected(struct dmirror_step *step, struct page *spage)
{
	if (!is_zone_device_page(spage))
		return !step->from;
	return step->from && dmirror_page_device(spage) == step->from;
}

/*
 * A compound source is a hole or a folio of PMD order, all of it and aligned;
 * any other source is a base page. Its memory is the one that was selected. What is
 * not so gets no destination: to copy it would read and replace other pages.
 */
static bool source_ok(struct dmirror_step *step, unsigned long i,
		      struct page *spage)
{
	bool compound = step->src[i] & DMIRROR_PFN_COMPOUND;
	unsigned long addr = step->addr + i * PAGE_SIZE;
	bool ok = true;

	dmirror_count(step->mdevice, source_checked);
	if (compound)
		ok = i + HPAGE_PMD_NR <= step->npages &&
		     (!step->vma || IS_ALIGNED(addr, HPAGE_PMD_SIZE));
	if (ok && spage)
		ok = folio_order(page_folio(spage)) == (compound ? HPAGE_PMD_ORDER : 0) &&
		     folio_page(page_folio(spage), 0) == spage;
	if (!ok) {
		dmirror_count(step->mdevice, source_wrong);
		/*
		 * The kernel may not survive what it does with such a source,
		 * so it has to be said now. The judge knows this line.
		 */
		pr_err_once("FAIL hmm: %s: source %lu at %#lx is page %lu of an order %u folio\n",
			    "migrate_vma_setup: wrong slot, neither base page nor whole THP",
			    i, addr,
			    spage ? folio_page_idx(page_folio(spage), spage) : 0,
			    spage ? folio_order(page_folio(spage)) : 0);
	} else if (spage && !source_selected(step, spage)) {
		dmirror_count(step->mdevice, source_alien);
		pr_err_once("FAIL hmm: %s: source %lu at %#lx\n",
			    "migrate_vma_setup: a page of memory that was not selected",
			    i, addr);
		ok = false;
	}
	return ok;
}

/*
 * One compound destination for base page sources that fill a PMD. Not what a
 * driver may do: the kernel has to say no, and to leave the sources as they are.
 */
static bool step_join(struct dmirror_step *step)
{
	unsigned long i;

	if (!(step->flags & HMMT_MIGRATE_JOIN) || step->npages != HPAGE_PMD_NR ||
	    !IS_ALIGNED(step->addr, HPAGE_PMD_SIZE) || !DMIRROR_PFN_COMPOUND)
		return false;
	for (i = 0; i < step->npages; i++)
		if (!(step->src[i] & MIGRATE_PFN_MIGRATE) ||
		    step->src[i] & DMIRROR_PFN_COMPOUND)
			return false;
	if (!step_give(step, 0, HPAGE_PMD_ORDER))
		return false;
	dmirror_count_add(step->mdevice, joined, HPAGE_PMD_NR);
	return true;
}

/*
 * An eviction may meet what its migration has just given up: a destination that was
 * refused, or a source that was moved and whose charge moved with it. Nobody maps it,
 * and a copy of it, without a charge as well, may not get onto an LRU list.
 */
static bool source_unused(struct dmirror_step *step, struct page *spage)
{
#ifdef CONFIG_MEMCG
	if (step->vma || !spage || step->unused || mem_cgroup_disabled() ||
	    page_folio(spage)->memcg_data)
		return false;
	dmirror_count(step->mdevice, source_unused);
	return true;
#else
	return false;
#endif
}

/* Give a destination to each source the kernel collected */
static void step_alloc_all(struct dmirror_step *step)
{
	unsigned long i, j, nr;

	if (step->flags & HMMT_MIGRATE_DROP || step_join(step))
		return;

	for (i = 0; i < step->npages; i += nr) {
		struct page *spage = migrate_pfn_to_page(step->src[i]);

		nr = 1;
		if (!(step->src[i] & MIGRATE_PFN_MIGRATE) ||
		    !source_ok(step, i, spage) || source_unused(step, spage))
			continue;
		if (!(step->src[i] & DMIRROR_PFN_COMPOUND)) {
			step_give(step, i, 0);
			continue;
		}

		nr = HPAGE_PMD_NR;
		if (!(step->flags & HMMT_MIGRATE_SPLIT) &&
		    step_give(step, i, HPAGE_PMD_ORDER))
			continue;
		/* without a vma the kernel cannot split the source: it has to refuse */
		if (!step->vma) {
			if (step->flags & HMMT_MIGRATE_SPLIT)
				step_give(step, i, 0);
			continue;
		}
		for (j = 0; j < nr; j++) {
			if (step_give(step, i + j, 0))
				continue;
			if (!spage && step->flags & HMMT_MIGRATE_PARTIAL_HOLE)
				continue;
			/* no destination for the head: nothing will move */
			if (!j)
				break;
			if (!spage) {
				step_take_back(step, i, j);
				j = 0;
				break;
			}
		}
		if (j) {
			step->split++;
			dmirror_count(step->mdevice, split_dst);
		}
	}
}

/* Fill the destinations. The pages of a THP source have no slots of their own. */
static void step_copy_all(struct dmirror_step *step)
{
	unsigned long i, thp = 0, nr;
	struct page *head = NULL;

	for (i = 0; i < step->npages; i += nr) {
		struct page *spage = migrate_pfn_to_page(step->src[i]);

		if (step->src[i] & DMIRROR_PFN_COMPOUND) {
			head = spage;
			thp = i;
		} else if (!spage && head && i - thp < HPAGE_PMD_NR) {
			spage = head + (i - thp);
		}
		nr = step->dst[i] & DMIRROR_PFN_COMPOUND ? HPAGE_PMD_NR : 1;
		/* joined: the sources are anywhere, and it will be refused */
		if (nr > 1 && !(step->src[i] & DMIRROR_PFN_COMPOUND))
			spage = NULL;
		if (step->dst[i] & MIGRATE_PFN_VALID)
			step_copy(migrate_pfn_to_page(step->dst[i]), spage, nr);
	}
}

/* After migrate_*_pages(): src tells what really moved */
static void step_count(struct dmirror_step *step)
{
	unsigned long i, nr;

	for (i = 0; i < step->npages; i += nr) {
		nr = step->dst[i] & DMIRROR_PFN_COMPOUND ? HPAGE_PMD_NR : 1;
		if (!(step->dst[i] & MIGRATE_PFN_VALID))
			continue;
		if (!(step->src[i] & MIGRATE_PFN_MIGRATE)) {
			dmirror_count(step->mdevice, refused);
			continue;
		}
		step->thp += nr > 1;
		step->migrated += nr;
	}
}

/* Add to the counter of THPs at @thp and that of base pages behind it */
static void step_account(struct dmirror_step *step, const char *why,
			 unsigned int thp)
{
	atomic64_t *count = step->mdevice->count;

	trace_dmirror_migrate(step->mdevice->id, why, step->addr, step->npages,
			      step->migrated, step->thp, step->nomem);

	atomic64_add(step->thp, &count[thp]);
	atomic64_add(step->migrated - step->thp * HPAGE_PMD_NR, &count[thp + 1]);
}

/* Add what passed since @start to a counter; returns the present time */
static u64 step_time(struct dmirror_step *step, unsigned int counter, u64 start)
{
	u64 now = ktime_get_ns();

	atomic64_add(now - start, &step->mdevice->count[counter]);
	return now;
}

/*
 * Migrate [step->addr, + npages) of step->vma. The mmap lock is held for
 * reading. @collected: pages that were unmapped for it.
 */
static int step_migrate_vma(struct dmirror_step *step, struct page *fault_page,
			    unsigned long *collected)
{
	struct migrate_vma args = {
		.vma		= step->vma,
		.src		= step->src,
		.dst		= step->dst,
		.start		= step->addr,
		.end		= step->addr + step->npages * PAGE_SIZE,
		.pgmap_owner	= step->from ?: step->mdevice,
		.fault_page	= fault_page,
	};
	unsigned long i, nr;
	u64 start, now;
	int ret;

	if (!step->from)
		args.flags = MIGRATE_VMA_SELECT_SYSTEM;
	else if (step->from->coherent)
		args.flags = MIGRATE_VMA_SELECT_DEVICE_COHERENT;
	else
		args.flags = MIGRATE_VMA_SELECT_DEVICE_PRIVATE;
	/*
	 * No kernel collects coherent THPs whole: what went there as one could
	 * not come back.
	 */
	if (!(step->flags & HMMT_MIGRATE_BASE) && !step->mdevice->coherent &&
	    !(step->from && step->from->coherent))
		args.flags |= DMIRROR_SELECT_COMPOUND;

	memset(step->dst, 0, step->npages * sizeof(*step->dst));
	start = ktime_get_ns();
	ret = migrate_vma_setup(&args);
	if (ret)
		return ret;
	now = step_time(step, DMIRROR_COUNTER(time_setup), start);
	for (i = 0; i < step->npages; i += nr) {
		nr = step->src[i] & DMIRROR_PFN_COMPOUND ? HPAGE_PMD_NR : 1;
		if (step->src[i] & MIGRATE_PFN_MIGRATE)
			*collected += nr;
	}
	*collected = min(*collected, step->npages);

	step_point(step, HMMT_HOLD_COLLECTED);
	step_alloc_all(step);
	now = step_time(step, DMIRROR_COUNTER(time_alloc), now);
	step_copy_all(step);
	now = step_time(step, DMIRROR_COUNTER(time_copy), now);
	step_point(step, HMMT_HOLD_COPIED);
	migrate_vma_pages(&args);
	now = step_time(step, DMIRROR_COUNTER(time_pages), now);
	step_count(step);
	step_point(step, HMMT_HOLD_MOVED);
	migrate_vma_finalize(&args);
	step_time(step, DMIRROR_COUNTER(time_finalize), now);
	return 0;
}

static void migrate_account(struct dmirror_step *step)
{
	if (step->direction == TO_SYSTEM)
		step_account(step, "to_sys", DMIRROR_COUNTER(to_sys_thp));
	else if (step->from)
		step_account(step, "to_peer", DMIRROR_COUNTER(to_peer_thp));
	else
		step_account(step, "to_dev", DMIRROR_COUNTER(to_dev_thp));
}

/* One step: [step->addr, end) or less. Returns its end, or an error. */
static long migrate_step(struct dmirror_step *step, struct mm_struct *mm,
			 unsigned long end, struct hmmt_migrate *migrate)
{
	unsigned long next, collected = 0;
	int ret = -EFAULT;

	/* the lock is not kept: others want to change the mappings too */
	mmap_read_lock(mm);
	step->vma = vma_lookup(mm, step->addr);
	if (step->vma) {
		next = min3(end, ALIGN(step->addr + 1, HPAGE_PMD_SIZE),
			    step->vma->vm_end);
		step->npages = (next - step->addr) >> PAGE_SHIFT;
		ret = step_migrate_vma(step, NULL, &collected);
	}
	mmap_read_unlock(mm);
	if (ret)
		return ret;

	migrate->collected += collected;
	migrate->migrated += step->migrated;
	migrate->thp += step->thp;
	migrate->split += step->split;
	migrate->nomem += step->nomem;
	migrate->done = next - migrate->addr;
	migrate_account(step);
	return next;
}

int dmirror_migrate(struct dmirror_call *call, struct hmmt_migrate *migrate)
{
	struct dmirror *dmirror = call->dmirror;
	struct mm_struct *mm = dmirror->notifier.mm;
	bool to_sys = migrate->flags & HMMT_MIGRATE_TO_SYS;
	struct dmirror_device *from = to_sys ? dmirror->mdevice : NULL;
	unsigned long end = migrate->addr + migrate->len;
	struct dmirror_step *step;
	long addr;

	if (migrate->flags & HMMT_MIGRATE_PEER) {
		from = dmirror_device_get(migrate->peer);
		if (!from)
			return -ENODEV;
	}
	if (!mmget_not_zero(mm))
		return -ESRCH;
	step = dmirror_array(dmirror, 1, sizeof(*step));
	if (!step) {
		mmput(mm);
		return -ENOMEM;
	}

	for (addr = migrate->addr; addr >= 0 && addr < end;) {
		int ret = dmirror_stop(call);

		if (ret) {
			addr = ret;
			break;
		}
		memset(step, 0, offsetof(struct dmirror_step, src));
		step->mdevice = dmirror->mdevice;
		step->dmirror = dmirror;
		step->from = from;
		step->direction = to_sys ? TO_SYSTEM : TO_DEVICE;
		step->flags = migrate->flags;
		step->addr = addr;
		addr = migrate_step(step, mm, end, migrate);
	}
	kvfree(step);
	mmput(mm);
	return min(addr, 0);
}

/* A CPU touched device memory. The page is locked and referenced for us. */
vm_fault_t dmirror_migrate_to_ram(struct vm_fault *vmf)
{
	struct dmirror_device *mdevice = dmirror_page_device(vmf->page);
	struct vm_area_struct *vma = vmf->vma;
	unsigned long window = dmirror_cpu_window(mdevice, vma->vm_mm);
	unsigned long collected = 0, end;
	struct dmirror_step *step = NULL;
	vm_fault_t ret = 0;

	dmirror_count(mdevice, cpu_faults);
	if (!dmirror_should_fail(mdevice, NULL, vma->vm_mm, HMMT_SITE_ARRAY))
		step = kvmalloc_obj(*step);
	if (!step) {
		dmirror_count(mdevice, cpu_faults_failed);
		return VM_FAULT_OOM;
	}
	/* mapped by a PMD: bring all of it, the folio is then of PMD order */
	if (!window)
		window = vmf->pte ? PAGE_SIZE : HPAGE_PMD_SIZE;
	memset(step, 0, offsetof(struct dmirror_step, src));
	step->mdevice = mdevice;
	step->from = mdevice;
	step->direction = TO_SYSTEM;
	step->vma = vma;
	step->addr = max(ALIGN_DOWN(vmf->address, window), vma->vm_start);
	end = min(ALIGN_DOWN(vmf->address, window) + window, vma->vm_end);
	step->npages = (end - step->addr) >> PAGE_SHIFT;

	if (step_migrate_vma(step, vmf->page, &collected)) {
		ret = VM_FAULT_SIGBUS;
	} else if (!step->migrated) {
		/*
		 * For want of memory: the fault must fail. Else somebody was
		 * in the way: it is retaken.
		 */
		if (step->nomem)
			ret = VM_FAULT_OOM;
		dmirror_count(mdevice, cpu_faults_failed);
	}
	step_account(step, "fault", DMIRROR_COUNTER(fault_thp));
	kvfree(step);
	return ret;
}

/*
 * Evict step->npages pages from page number step->addr on, or, if that is 0,
 * those whose numbers are in step->src.
 */
static int evict_step(struct dmirror_step *step)
{
	int ret;

	memset(step->dst, 0, sizeof(step->dst));
	ret = step->addr ? migrate_device_range(step->src, step->addr, step->npages) :
			   dmirror_device_pfns(step->src, step->npages);
	if (ret)
		return ret;
	step_point(step, HMMT_HOLD_COLLECTED);
	step_alloc_all(step);
	step_copy_all(step);
	step_point(step, HMMT_HOLD_COPIED);
	migrate_device_pages(step->src, step->dst, step->npages);
	step_count(step);
	step_point(step, HMMT_HOLD_MOVED);
	migrate_device_finalize(step->src, step->dst, step->npages);
	step_account(step, "evict", DMIRROR_COUNTER(evict_thp));
	return 0;
}

static void step_init_evict(struct dmirror_step *step,
			    struct dmirror_device *mdevice, struct dmirror *dmirror,
			    const struct hmmt_evict *evict)
{
	memset(step, 0, offsetof(struct dmirror_step, src));
	step->mdevice = mdevice;
	step->dmirror = dmirror;
	step->from = mdevice;
	step->direction = TO_SYSTEM;
	step->unused = evict->flags & HMMT_EVICT_UNUSED;
	step->flags = evict->flags & HMMT_EVICT_BASE ? HMMT_MIGRATE_SPLIT : 0;
}

static int evict_range(struct dmirror_step *step, struct dmirror_device *mdevice,
		       struct dmirror *dmirror, struct hmmt_evict *evict,
		       unsigned long pfn, unsigned long nr)
{
	int ret;

	step_init_evict(step, mdevice, dmirror, evict);
	step->addr = pfn;
	step->npages = nr;
	ret = evict_step(step);
	evict->migrated += step->migrated;
	return ret;
}

static int evict_all(struct dmirror_step *step, struct dmirror_device *mdevice,
		     struct dmirror *dmirror, struct hmmt_evict *evict)
{
	struct dmirror_region *region;
	unsigned int i;
	int ret = 0;

	list_for_each_entry(region, &mdevice->regions, node) {
		for (i = 0; !ret && i < region->nr_chunks; i++) {
			struct dmirror_chunk *chunk = &region->chunks[i];

			cond_resched();
			if (READ_ONCE(chunk->nr_free) == HPAGE_PMD_NR)
				continue;
			if (dmirror && fatal_signal_pending(current))
				return -EINTR;
			ret = evict_range(step, mdevice, dmirror, evict,
					  chunk->first_pfn, HPAGE_PMD_NR);
		}
	}
	return ret;
}

/* The chunk of a page that may be named: it has struct pages */
static struct dmirror_chunk *evictable(struct dmirror_device *mdevice, u64 pfn)
{
	struct dmirror_chunk *chunk = dmirror_devmem_chunk(mdevice, pfn);

	return chunk && chunk->state != CHUNK_UNPLUGGED ? chunk : NULL;
}

/* The page numbers are in step->src */
static int evict_pfns(struct dmirror_step *step, struct dmirror_device *mdevice,
		      struct dmirror *dmirror, struct hmmt_evict *evict)
{
	unsigned long i, j;
	int ret;

	step_init_evict(step, mdevice, dmirror, evict);
	step->npages = evict->nr;
	/* a page that is named twice would be locked twice */
	for (i = 0; i < evict->nr; i++) {
		if (!evictable(mdevice, step->src[i]))
			return -EINVAL;
		for (j = 0; j < i; j++)
			if (step->src[j] == step->src[i])
				return -EINVAL;
	}
	ret = evict_step(step);
	evict->migrated += step->migrated;
	return ret;
}

static int evict_mode(struct dmirror_step *step, struct dmirror_device *mdevice,
		      struct dmirror *dmirror, struct hmmt_evict *evict)
{
	struct dmirror_chunk *chunk = evictable(mdevice, evict->pfn);

	switch (evict->mode) {
	case HMMT_EVICT_ALL:
		return evict_all(step, mdevice, dmirror, evict);
	case HMMT_EVICT_CHUNK:
		if (chunk)
			return evict_range(step, mdevice, dmirror, evict,
					   chunk->first_pfn, HPAGE_PMD_NR);
		break;
	case HMMT_EVICT_RANGE:
		if (chunk && evict->nr &&
		    evict->nr <= HPAGE_PMD_NR - (evict->pfn - chunk->first_pfn))
			return evict_range(step, mdevice, dmirror, evict, evict->pfn,
					   evict->nr);
		break;
	case HMMT_EVICT_PFNS:
		return evict_pfns(step, mdevice, dmirror, evict);
	}
	return -EINVAL;
}

/* Not while the lock is held: a user decides how long it takes */
static int evict_read_pfns(struct dmirror_step *step, struct hmmt_evict *evict)
{
	if (evict->mode != HMMT_EVICT_PFNS)
		return 0;
	if (!evict->nr || evict->nr > HPAGE_PMD_NR)
		return -EINVAL;
	BUILD_BUG_ON(sizeof(*step->src) != sizeof(u64));
	if (copy_from_user(step->src, u64_to_user_ptr(evict->ptr),
			   evict->nr * sizeof(*step->src)))
		return -EFAULT;
	return 0;
}

static struct dmirror_step *evict_alloc(struct dmirror_device *mdevice,
					struct dmirror *dmirror)
{
	struct dmirror_step *step = NULL;

	if (!dmirror_should_fail(mdevice, dmirror, NULL, HMMT_SITE_ARRAY))
		step = kvmalloc_obj(*step);
	return step;
}

/*
 * @dmirror is NULL when the module is unloaded: that cannot be stopped half way,
 * also when who does it was killed.
 */
int dmirror_evict(struct dmirror_device *mdevice, struct dmirror *dmirror,
		  struct hmmt_evict *evict)
{
	struct dmirror_step *step;
	int ret;

	evict->migrated = 0;
	step = evict_alloc(mdevice, dmirror);
	if (!step)
		return -ENOMEM;
	ret = evict_read_pfns(step, evict);
	if (ret)
		goto free;
	if (!dmirror)
		down_read(&mdevice->plug_lock);
	else
		ret = down_read_killable(&mdevice->plug_lock);
	if (!ret) {
		ret = evict_mode(step, mdevice, dmirror, evict);
		up_read(&mdevice->plug_lock);
	}
free:
	kvfree(step);
	evict->left = READ_ONCE(mdevice->pages_used);
	return ret;
}

/* For who has plug_lock; adds to @migrated */
int dmirror_evict_chunk(struct dmirror *dmirror, struct dmirror_chunk *chunk,
			u64 *migrated)
{
	struct hmmt_evict evict = {};
	struct dmirror_step *step;
	int ret;

	step = evict_alloc(dmirror->mdevice, dmirror);
	if (!step)
		return -ENOMEM;
	ret = evict_range(step, dmirror->mdevice, dmirror, &evict,
			  chunk->first_pfn, HPAGE_PMD_NR);
	*migrated += evict.migrated;
	kvfree(step);
	return ret;
}
