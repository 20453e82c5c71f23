// SPDX-License-Identifier: GPL-2.0
/* mremap(), in every way that should work. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "ops.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static int call_mremap(struct worker *w, unsigned long from, size_t old_len,
		       size_t new_len, unsigned long to, int flags)
{
	void *p;

	step_begin(w, STEP_MREMAP, from);
	p = mremap((void *)from, old_len, new_len, flags, (void *)to);
	step_end(w);
	if (p == MAP_FAILED)
		return -errno;
	return 0;
}

int move_span(struct worker *w, struct span s, unsigned int to, int grow, int flags)
{
	struct span both[2], d;
	uint64_t blocks;
	int ret;

	if (to >= w->m->nr_pages)
		return -EAGAIN;
	d = (struct span){ to, min_ul(s.n + (grow > 0 ? grow : 0), w->m->nr_pages - to) };
	op_arg(w, (uint64_t)s.first << 32 | s.n);
	op_arg(w, (uint64_t)d.first << 32 | d.n);
	op_arg(w, (uint64_t)(uint32_t)grow << 32 | flags);
	if (span_overlap(s, d))
		return -EAGAIN;
	both[0] = s;
	both[1] = d;
	blocks = model_lock(w->m, both, 2);
	s = vma_run(w, s);
	if (s.n > d.n)
		s.n = d.n;
	d.n = min_ul(d.n, s.n + grow);
	if (!s.n || (int)s.n + grow <= 0) {
		model_unlock(w->m, blocks);
		return -EAGAIN;
	}
	ops_warm(w, page_addr(s.first), s.n * HMMT_PAGE_SIZE);
	flux_begin(w->m, s);
	flux_begin(w->m, d);
	ret = call_mremap(w, page_addr(s.first), s.n * HMMT_PAGE_SIZE, d.n * HMMT_PAGE_SIZE,
			  page_addr(to), MREMAP_MAYMOVE | MREMAP_FIXED | flags);
	if (ret) {
		arena_resync(w, s);
		arena_resync(w, d);
	} else {
		uint64_t word = atomic_load(&w->m->page[s.first].word);

		model_unmap(w->m, d);
		if (d.n < s.n)		/* the tail is unmapped */
			model_unmap(w->m, (struct span){ s.first + d.n, s.n - d.n });
		model_move(w->m, (struct span){ s.first, min_ul(s.n, d.n) }, to,
			   flags & MREMAP_DONTUNMAP);
		if (d.n > s.n)		/* the tail is new */
			model_map(w->m, (struct span){ to + s.n, d.n - s.n }, word_prot(word));
	}
	flux_end(w->m, d);
	flux_end(w->m, s);
	if (!ret && w->r->cfg->bust == BUST_MOVED)
		bust_moved(w, d);
	if (!ret)
		ops_warm(w, page_addr(to), d.n * HMMT_PAGE_SIZE);
	model_unlock(w->m, blocks);
	return layout_result(w, "mremap()", s, ret);
}

/* A whole PMD to another, mapped or not: page tables move as they are. */
static int mremap_block(struct worker *w)
{
	return move_span(w, pick_mapped_block(w), pick_block(w).first, 0, 0);
}

static int mremap_over(struct worker *w)
{
	return move_span(w, pick_mapped_block(w), pick_mapped_block(w).first, 0, 0);
}

static int mremap_multi(struct worker *w)
{
	struct span s = pick_multi(w);

	return move_span(w, s, pick_block(w).first, 0, 0);
}

/* To an address that differs in its offset: the PMD has to be split. */
static int mremap_unaligned(struct worker *w)
{
	return move_span(w, pick_mapped_block(w), pick_unaligned(w).first, 0, 0);
}

static int mremap_from_unaligned(struct worker *w)
{
	return move_span(w, pick_unaligned(w), pick_block(w).first, 0, 0);
}

static int mremap_part(struct worker *w)
{
	struct span s = pick_part(w);

	/* Half of them to the same offset, elsewhere. */
	if (hmmt_rng_chance(&w->rng, 1, 2))
		return move_span(w, s, pick_block(w).first + s.first % HMMT_PMD_PAGES, 0, 0);
	return move_span(w, s, pick_page(w), 0, 0);
}

static int mremap_dontunmap(struct worker *w)
{
	if (hmmt_rng_chance(&w->rng, 1, 2))
		return move_span(w, pick_mapped_block(w), pick_block(w).first, 0,
				 MREMAP_DONTUNMAP);
	return move_span(w, pick_part(w), pick_page(w), 0, MREMAP_DONTUNMAP);
}

static int mremap_grow(struct worker *w)
{
	return move_span(w, hmmt_rng_chance(&w->rng, 1, 2) ? pick_part(w) : pick_mapped_block(w),
			 hmmt_rng_chance(&w->rng, 1, 2) ? pick_block(w).first : pick_page(w),
			 hmmt_rng_between(&w->rng, 1, HMMT_PMD_PAGES), 0);
}

static int mremap_shrink(struct worker *w)
{
	return move_span(w, hmmt_rng_chance(&w->rng, 1, 2) ? pick_part(w) : pick_mapped_block(w),
			 hmmt_rng_chance(&w->rng, 1, 2) ? pick_block(w).first : pick_page(w),
			 -(int)hmmt_rng_between(&w->rng, 1, HMMT_PMD_PAGES - 1), 0);
}

/* In place: shrink a block and grow it again. */
static int mremap_inplace(struct worker *w)
{
	struct span s = pick_mapped_block(w), tail;
	unsigned int keep = hmmt_rng_between(&w->rng, 1, HMMT_PMD_PAGES - 1);
	enum page_prot prot;
	uint64_t blocks;
	int ret;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	op_arg(w, (uint64_t)s.first << 32 | keep);
	blocks = model_lock(w->m, &s, 1);
	s = vma_run(w, s);
	if (s.n <= keep) {
		model_unlock(w->m, blocks);
		return -EAGAIN;
	}
	ops_warm(w, page_addr(s.first), s.n * HMMT_PAGE_SIZE);
	tail = (struct span){ s.first + keep, s.n - keep };
	prot = word_prot(atomic_load(&w->m->page[s.first].word));
	flux_begin(w->m, tail);
	ret = call_mremap(w, page_addr(s.first), s.n * HMMT_PAGE_SIZE, keep * HMMT_PAGE_SIZE, 0, 0);
	if (ret)
		arena_resync(w, tail);
	else
		model_unmap(w->m, tail);
	if (!ret && hmmt_rng_chance(&w->rng, 3, 4)) {
		ret = call_mremap(w, page_addr(s.first), keep * HMMT_PAGE_SIZE,
				  s.n * HMMT_PAGE_SIZE, 0, 0);
		if (ret)
			arena_resync(w, tail);
		else
			model_map(w->m, tail, prot);
	}
	flux_end(w->m, tail);
	model_unlock(w->m, blocks);
	return layout_result(w, "mremap() in place", s, ret);
}

/* Look at a few pages of contents that are in the lane for now. */
static void check_lane(struct worker *w, struct span s, unsigned long at)
{
	unsigned int i, page;
	uint64_t word;

	for (i = 0; i < 4; i++) {
		page = hmmt_rng_below(&w->rng, s.n);
		word = atomic_load(&w->m->page[s.first + page].word);
		if (word_readable(word))
			page_check_locked(w, word, at + page * HMMT_PAGE_SIZE,
					  hmmt_rng_below(&w->rng, w->r->nr_workers),
					  hmmt_is_open(&w->r->dev[0]) &&
					  hmmt_rng_chance(&w->rng, 1, 4) ? VIA_DEV0 : VIA_CPU);
	}
}

/*
 * Many moves in a row through the worker's lane, to aligned and unaligned
 * addresses in turn, with migrations and looks between them.
 */
static int mremap_chain(struct worker *w)
{
	struct span s = pick_block_or_part(w);
	struct span d = { hmmt_rng_chance(&w->rng, 1, 2) ? s.first : pick_page(w), s.n };
	unsigned int hops = hmmt_rng_between(&w->rng, 2, 8), i;
	struct span both[2] = { s, d };
	unsigned long at, next;
	uint64_t blocks;
	bool home;
	int ret = 0;

	if (d.first + d.n > w->m->nr_pages)
		d.first = s.first;
	home = d.first == s.first;
	if (!home && span_overlap(s, d))
		return -EAGAIN;
	both[1] = d;
	op_arg(w, (uint64_t)s.first << 32 | s.n);
	op_arg(w, (uint64_t)d.first << 32 | d.n);
	op_arg(w, hops);
	blocks = model_lock(w->m, both, 2);
	s = vma_run(w, s);
	d.n = s.n;
	if (!s.n) {
		model_unlock(w->m, blocks);
		return -EAGAIN;
	}
	flux_begin(w->m, s);
	if (!home)
		flux_begin(w->m, d);
	at = page_addr(s.first);
	for (i = 0; i < hops && !ret; i++) {
		/* The halves of the lane in turn, so that the two never overlap. */
		next = w->lane + (i & 1) * (LANE_PAGES / 2) * HMMT_PAGE_SIZE;
		if (hmmt_rng_chance(&w->rng, 1, 2))
			next += hmmt_rng_below(&w->rng, HMMT_PMD_PAGES) << HMMT_PAGE_SHIFT;
		ret = call_mremap(w, at, s.n * HMMT_PAGE_SIZE, s.n * HMMT_PAGE_SIZE, next,
				  MREMAP_MAYMOVE | MREMAP_FIXED);
		if (ret)
			break;
		at = next;
		ops_warm(w, at, s.n * HMMT_PAGE_SIZE);
		check_lane(w, s, at);
	}
	if (at != page_addr(s.first)) {
		int err = call_mremap(w, at, s.n * HMMT_PAGE_SIZE, s.n * HMMT_PAGE_SIZE,
				      page_addr(d.first), MREMAP_MAYMOVE | MREMAP_FIXED);

		if (!err && !home) {
			model_move(w->m, s, d.first, false);
		} else if (err) {
			/* stranded in the lane: give the contents up */
			model_unmap(w->m, s);
			if (!home)
				arena_resync(w, d);
			ret = err;
		}
	}
	lane_clear(w);
	if (!home)
		flux_end(w->m, d);
	flux_end(w->m, s);
	model_unlock(w->m, blocks);
	return layout_result(w, "mremap() chain", s, ret);
}

/*
 * A THP made in the lane arrives at an unaligned address: mapped by PTEs, but
 * still one folio, in system or device memory.
 */
static int mremap_shifted(struct worker *w)
{
	struct span d = pick_unaligned(w);
	uint64_t blocks;
	int ret = 0;
	void *p;

	op_arg(w, (uint64_t)d.first << 32 | d.n);
	blocks = model_lock(w->m, &d, 1);
	flux_begin(w->m, d);
	step_begin(w, STEP_MMAP, w->lane);
	p = mmap((void *)w->lane, HMMT_PMD_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	step_end(w);
	if (p == MAP_FAILED) {
		ret = -errno;
		goto end;
	}
	madvise(p, HMMT_PMD_SIZE, MADV_HUGEPAGE);
	model_map(w->m, d, PROT_IS_RW);
	page_fill_locked(w, d, w->lane);
	ops_warm(w, w->lane, HMMT_PMD_SIZE);
	ret = call_mremap(w, w->lane, HMMT_PMD_SIZE, HMMT_PMD_SIZE, page_addr(d.first),
			  MREMAP_MAYMOVE | MREMAP_FIXED);
	if (ret) {
		munmap((void *)page_addr(d.first), HMMT_PMD_SIZE);
		model_unmap(w->m, d);
		lane_clear(w);
	}
end:
	flux_end(w->m, d);
	if (!ret)
		ops_warm(w, page_addr(d.first), HMMT_PMD_SIZE);
	model_unlock(w->m, blocks);
	return layout_result(w, "mremap() of a new THP", d, ret);
}

const struct op ops_mremap[] = {
	{ "mremap", "a block to a block", 0, OP_LAYOUT, 5, mremap_block },
	{ "mremap_over", "... over a mapped one", 0, OP_LAYOUT, 3, mremap_over },
	{ "mremap_multi", "two or three blocks at once", 0, OP_LAYOUT, 2, mremap_multi },
	{ "mremap_unaligned", "a block across a PMD boundary", 0, OP_LAYOUT, 3, mremap_unaligned },
	{ "mremap_realign", "a range across a PMD boundary to a block", 0, OP_LAYOUT, 3,
	  mremap_from_unaligned },
	{ "mremap_part", "part of a block", 0, OP_LAYOUT, 5, mremap_part },
	{ "mremap_dontunmap", "MREMAP_DONTUNMAP", 0, OP_LAYOUT, 3, mremap_dontunmap },
	{ "mremap_grow", "move and grow", 0, OP_LAYOUT, 2, mremap_grow },
	{ "mremap_shrink", "move and shrink", 0, OP_LAYOUT, 2, mremap_shrink },
	{ "mremap_inplace", "shrink and grow in place", 0, OP_LAYOUT, 2, mremap_inplace },
	{ "mremap_chain", "many moves in a row", 0, OP_LAYOUT, 3, mremap_chain },
	{ "mremap_shifted", "a THP arrives at an unaligned address", 0, OP_LAYOUT, 4,
	  mremap_shifted },
	OP_TABLE_END
};
