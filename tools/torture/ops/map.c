// SPDX-License-Identifier: GPL-2.0
/* New mappings, also over old ones, and unmapping. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "ops.h"

int layout_result(struct worker *w, const char *what, struct span s, int ret)
{
	atomic_fetch_add_explicit(&w->sh->checked[ORACLE_LAYOUT], 1, memory_order_relaxed);
	ret = bust_errno(w, ret);
	if (!ret)
		return 0;
	if (err_transient(ret)) {
		tally(w->sh, TALLY_NOMEM);
		return ret;
	}
	fail_add(w->sh, ORACLE_LAYOUT, "layout: unexpected error", "%s of %#lx+%#lx: %s", what,
		 page_addr(s.first), s.n * HMMT_PAGE_SIZE, strerror(-ret));
	return -EUCLEAN;
}

int map_fresh(struct worker *w, struct span s, int advice, bool fill)
{
	uint64_t blocks;
	int ret;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	blocks = model_lock(w->m, &s, 1);
	ops_warm(w, page_addr(s.first), s.n * HMMT_PAGE_SIZE);
	flux_begin(w->m, s);
	ret = arena_map(w, s, PROT_IS_RW, advice);
	if (ret)
		arena_resync(w, s);
	flux_end(w->m, s);
	if (!ret && fill)
		page_fill_locked(w, s, page_addr(s.first));
	model_unlock(w->m, blocks);
	return layout_result(w, "mmap()", s, ret);
}

/* A block that is a hole, if one is found quickly. */
static struct span pick_hole(struct worker *w)
{
	struct span s = pick_block(w);
	unsigned int tries;

	for (tries = 0; tries < 6; tries++) {
		if (!word_mapped(atomic_load(&w->m->page[s.first].word)))
			break;
		s = pick_block(w);
	}
	return s;
}

static int map_thp(struct worker *w)
{
	return map_fresh(w, pick_hole(w), MADV_HUGEPAGE, true);
}

static int map_base(struct worker *w)
{
	return map_fresh(w, pick_hole(w), MADV_NOHUGEPAGE, true);
}

/* Too small, or not aligned, for a PMD: the kernel takes a smaller size. */
static int map_mthp(struct worker *w)
{
	struct span s = pick_hole(w);

	s.n = 16U << hmmt_rng_below(&w->rng, 5);
	s.first += 16 * hmmt_rng_below(&w->rng, (HMMT_PMD_PAGES - s.n) / 16 + 1);
	return map_fresh(w, s, MADV_HUGEPAGE, true);
}

/* Read before it is written: the huge zero page, where there is one. */
static int map_zero(struct worker *w)
{
	struct span s = pick_hole(w);
	int ret = map_fresh(w, s, MADV_HUGEPAGE, false);
	unsigned int i;

	for (i = 0; i < 4 && !ret; i++)
		ret = page_read(w, s.first + hmmt_rng_below(&w->rng, s.n), w->idx, VIA_CPU);
	return ret;
}

/* Some pages populated one by one, between them holes, then advised. */
static int map_sparse(struct worker *w)
{
	struct span s = pick_hole(w);
	int ret = map_fresh(w, s, MADV_NOHUGEPAGE, false);
	unsigned int i;

	for (i = 0; i < 48 && !ret; i++) {
		ret = page_write(w, s.first + hmmt_rng_below(&w->rng, s.n), VIA_CPU);
		if (ret == -EAGAIN)
			ret = 0;
	}
	/* Advice changes no content: it needs no lock. A hole gets ENOMEM. */
	if (!ret) {
		step_begin(w, STEP_MADVISE, page_addr(s.first));
		madvise((void *)page_addr(s.first), s.n * HMMT_PAGE_SIZE, MADV_HUGEPAGE);
		step_end(w);
	}
	return ret;
}

/* Over part of a mapping. */
static int map_part(struct worker *w)
{
	return map_fresh(w, pick_part(w), hmmt_rng_chance(&w->rng, 1, 2) ? MADV_HUGEPAGE : -1,
			 true);
}

int unmap_span(struct worker *w, struct span s)
{
	uint64_t blocks;
	int ret;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	blocks = model_lock(w->m, &s, 1);
	ops_warm(w, page_addr(s.first), s.n * HMMT_PAGE_SIZE);
	flux_begin(w->m, s);
	step_begin(w, STEP_MUNMAP, page_addr(s.first));
	ret = munmap((void *)page_addr(s.first), s.n * HMMT_PAGE_SIZE) ? -errno : 0;
	step_end(w);
	if (ret)
		arena_resync(w, s);
	else
		model_unmap(w->m, s);
	flux_end(w->m, s);
	model_unlock(w->m, blocks);
	return layout_result(w, "munmap()", s, ret);
}

static int munmap_block(struct worker *w)
{
	return unmap_span(w, pick_mapped_block(w));
}

static int munmap_part(struct worker *w)
{
	return unmap_span(w, pick_part(w));
}

const struct op ops_map[] = {
	{ "map_thp", "a new block, THP allowed", 0, OP_LAYOUT, 10, map_thp },
	{ "map_base", "a new block, base pages only", 0, OP_LAYOUT, 2, map_base },
	{ "map_mthp", "a new range for a smaller folio", NEED_MTHP, OP_LAYOUT, 4, map_mthp },
	{ "map_zero", "a new block, read first", 0, OP_LAYOUT, 2, map_zero },
	{ "map_sparse", "a new block, partly populated", 0, OP_LAYOUT, 2, map_sparse },
	{ "map_part", "MAP_FIXED over part of a block", 0, OP_LAYOUT, 3, map_part },
	{ "munmap", "a block", 0, OP_LAYOUT, 2, munmap_block },
	{ "munmap_part", "part of a block", 0, OP_LAYOUT, 3, munmap_part },
	OP_TABLE_END
};
