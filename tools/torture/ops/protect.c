// SPDX-License-Identifier: GPL-2.0
/* mprotect() and MADV_DONTNEED. */
#include <errno.h>
#include <sys/mman.h>

#include "ops.h"

int protect_span(struct worker *w, struct span s, enum page_prot prot)
{
	static const int prots[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };
	uint64_t blocks;
	int ret;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	op_arg(w, 0);
	op_arg(w, prot);
	ret = lock_run(w, &s, word_mapped, &blocks);
	if (ret)
		return ret;
	ops_warm(w, page_addr(s.first), s.n * HMMT_PAGE_SIZE);
	flux_begin(w->m, s);
	step_begin(w, STEP_MPROTECT, page_addr(s.first));
	ret = mprotect((void *)page_addr(s.first), s.n * HMMT_PAGE_SIZE, prots[prot]) ?
		-errno : 0;
	step_end(w);
	if (ret)
		arena_resync(w, s);
	else
		model_protect(w->m, s, prot);
	flux_end(w->m, s);
	model_unlock(w->m, blocks);
	return layout_result(w, "mprotect()", s, ret);
}

int discard_span(struct worker *w, struct span s)
{
	uint64_t blocks;
	int ret;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	ret = lock_run(w, &s, word_mapped, &blocks);
	if (ret)
		return ret;
	ops_warm(w, page_addr(s.first), s.n * HMMT_PAGE_SIZE);
	flux_begin(w->m, s);
	step_begin(w, STEP_MADVISE, page_addr(s.first));
	ret = madvise((void *)page_addr(s.first), s.n * HMMT_PAGE_SIZE, MADV_DONTNEED) ?
		-errno : 0;
	step_end(w);
	/*
	 * The kernel goes on behind an error, and what it discarded does not
	 * show: new contents that may still hold the old data would be a
	 * failure of their own, so make sure that they do not.
	 */
	if (ret) {
		munmap((void *)page_addr(s.first), s.n * HMMT_PAGE_SIZE);
		model_unmap(w->m, s);
	} else {
		model_discard(w->m, s);
	}
	flux_end(w->m, s);
	if (!ret && hmmt_rng_chance(&w->rng, 3, 4))
		page_fill_locked(w, s, page_addr(s.first));
	model_unlock(w->m, blocks);
	return layout_result(w, "madvise(MADV_DONTNEED)", s, ret);
}

static enum page_prot any_prot(struct worker *w)
{
	switch (hmmt_rng_below(&w->rng, 8)) {
	case 0:
		return PROT_IS_NONE;
	case 1:
	case 2:
		return PROT_IS_R;
	default:
		return PROT_IS_RW;
	}
}

static int mprotect_block(struct worker *w)
{
	return protect_span(w, pick_mapped_block(w), any_prot(w));
}

static int mprotect_part(struct worker *w)
{
	return protect_span(w, pick_part(w), any_prot(w));
}

static int dontneed(struct worker *w)
{
	return discard_span(w, pick_mapped_block(w));
}

static int dontneed_part(struct worker *w)
{
	return discard_span(w, pick_part(w));
}

const struct op ops_protect[] = {
	{ "mprotect", "a block to none, read or write", 0, OP_LAYOUT, 4, mprotect_block },
	{ "mprotect_part", "part of a block", 0, OP_LAYOUT, 4, mprotect_part },
	{ "dontneed", "discard a block", 0, OP_LAYOUT, 2, dontneed },
	{ "dontneed_part", "discard part of a block", 0, OP_LAYOUT, 3, dontneed_part },
	OP_TABLE_END
};
