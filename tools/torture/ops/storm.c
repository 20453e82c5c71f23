// SPDX-License-Identifier: GPL-2.0
/*
 * Fault storms: one worker moves a block away and tells the others, who all
 * touch it at that moment.
 */
#include <errno.h>
#include <sys/mman.h>

#include "ops.h"

static int storm_aim(struct worker *w)
{
	struct span s = pick_mapped_block(w), part = s;
	int ret = 0;

	if (hmmt_rng_chance(&w->rng, 1, 3))
		ret = map_fresh(w, s, MADV_HUGEPAGE, true);
	if (ret)
		return ret;
	if (hmmt_is_open(&w->r->dev[0])) {
		step_begin(w, STEP_MIGRATE, page_addr(s.first));
		hmmt_migrate(&w->r->dev[0], page_addr(s.first), s.n * HMMT_PAGE_SIZE, 0, NULL);
		step_end(w);
	}
	/* A third of the time it is no longer mapped by a PMD when they come. */
	part.n = hmmt_rng_between(&w->rng, 1, HMMT_PMD_PAGES / 2);
	part.first += hmmt_rng_below(&w->rng, HMMT_PMD_PAGES - part.n);
	switch (hmmt_rng_below(&w->rng, 9)) {
	case 0:
		ret = protect_span(w, part, PROT_IS_R);
		break;
	case 1:
		ret = unmap_span(w, part);
		break;
	case 2:
		ret = discard_span(w, part);
		break;
	default:
		break;
	}
	if (ret && ret != -EAGAIN)
		return ret;
	atomic_store(&w->sh->hot, ((atomic_load(&w->sh->hot) >> 32) + 1) << 32 |
		     s.first / HMMT_PMD_PAGES);
	tally(w->sh, TALLY_SYNCS);
	return 0;
}

static int storm_hit(struct worker *w)
{
	uint64_t hot = atomic_load(&w->sh->hot);
	unsigned int base = (uint32_t)hot * HMMT_PMD_PAGES, page, i;
	int ret = 0;

	/* Half of them the same page, which all derive from the target's number. */
	page = base + hmmt_mix64(hot) % HMMT_PMD_PAGES;
	if (hmmt_rng_chance(&w->rng, 1, 2))
		page = base + hmmt_rng_below(&w->rng, HMMT_PMD_PAGES);
	op_arg(w, (uint64_t)page << 32 | 1);
	for (i = 0; i < 4 && (!ret || ret == -EAGAIN); i++) {
		if (hmmt_rng_chance(&w->rng, 1, 2))
			ret = page_write(w, page, VIA_CPU);
		else
			ret = page_read(w, page, hmmt_rng_below(&w->rng, w->r->nr_workers),
					VIA_CPU);
	}
	return ret;
}

static enum via any_way(struct worker *w)
{
	if (!hmmt_is_open(&w->r->dev[0]) || hmmt_rng_chance(&w->rng, 3, 4))
		return VIA_CPU;
	return VIA_DEV0;
}

/* The page that all derive from the target's number. */
static int storm_same(struct worker *w)
{
	uint64_t hot = atomic_load(&w->sh->hot);
	unsigned int page = (uint32_t)hot * HMMT_PMD_PAGES + hmmt_mix64(hot) % HMMT_PMD_PAGES;
	enum via via = any_way(w);
	unsigned int i;
	int ret = 0;

	op_arg(w, (uint64_t)page << 32 | 1);
	op_arg(w, 0);
	op_arg(w, via);
	for (i = 0; i < 4 && (!ret || ret == -EAGAIN); i++) {
		if (hmmt_rng_chance(&w->rng, 1, 2))
			ret = page_write(w, page, via);
		else
			ret = page_read(w, page, pick_slot(w), via);
	}
	return ret;
}

/* All of the block, each worker with steps of its own. */
static int storm_stride(struct worker *w)
{
	uint64_t hot = atomic_load(&w->sh->hot);
	unsigned int base = (uint32_t)hot * HMMT_PMD_PAGES;
	unsigned int step = 2 * w->idx + 1, page = w->idx * 64, i;
	int ret = 0;

	op_arg(w, (uint64_t)base << 32 | HMMT_PMD_PAGES);
	op_arg(w, 0);
	op_arg(w, step);
	for (i = 0; i < 48 && (!ret || ret == -EAGAIN); i++, page += step) {
		if (i & 1)
			ret = page_write(w, base + page % HMMT_PMD_PAGES, VIA_CPU);
		else
			ret = page_read(w, base + page % HMMT_PMD_PAGES, pick_slot(w), VIA_CPU);
	}
	return ret == -EAGAIN ? 0 : ret;
}

const struct op ops_storm[] = {
	{ "storm_aim", "migrate a block, make it the target", 0, OP_PLACE, 2, storm_aim },
	{ "storm_hit", "touch the target with all others", 0, OP_DATA, 4, storm_hit },
	{ "storm_same", "... one page of it", 0, OP_DATA, 2, storm_same },
	{ "storm_stride", "... page by page", 0, OP_DATA, 1, storm_stride },
	OP_TABLE_END
};
