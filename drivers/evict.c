// SPDX-License-Identifier: GPL-2.0
/* Eviction: device pages by number, whoever has them mapped, back to system memory. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "step.h"

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
	dmirror_step_point(step, HMMT_HOLD_COLLECTED);
	dmirror_step_alloc_all(step);
	dmirror_step_copy_all(step);
	dmirror_step_point(step, HMMT_HOLD_COPIED);
	migrate_device_pages(step->src, step->dst, step->npages);
	dmirror_step_count(step);
	dmirror_step_point(step, HMMT_HOLD_MOVED);
	migrate_device_finalize(step->src, step->dst, step->npages);
	dmirror_step_account(step, "evict", DMIRROR_COUNTER(evict_thp));
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
