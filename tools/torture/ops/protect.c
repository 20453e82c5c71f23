// SPDX-License-Identifier: GPL-2.0
/* mprotect(), MADV_DONTNEED and guards. */
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

/* As @lose leaves @s, what was there is gone; it is called with the locks held. */
static int lose_span(struct worker *w, struct span s, const char *what,
		     int (*lose)(struct worker *w, struct span s))
{
	uint64_t blocks;
	int ret;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	ret = lock_run(w, &s, word_mapped, &blocks);
	if (ret)
		return ret;
	ops_warm(w, page_addr(s.first), s.n * HMMT_PAGE_SIZE);
	flux_begin(w->m, s);
	ret = lose(w, s);
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
	return layout_result(w, what, s, ret);
}

static int advise(struct worker *w, struct span s, int advice)
{
	int ret;

	step_begin(w, STEP_MADVISE, page_addr(s.first));
	ret = madvise((void *)page_addr(s.first), s.n * HMMT_PAGE_SIZE, advice) ? -errno : 0;
	step_end(w);
	return ret;
}

static int drop(struct worker *w, struct span s)
{
	return advise(w, s, MADV_DONTNEED);
}

int discard_span(struct worker *w, struct span s)
{
	return lose_span(w, s, "madvise(MADV_DONTNEED)", drop);
}

/* Nobody gets at a guard, wherever a migration has been meanwhile. */
static void guards_refuse(struct worker *w, struct span s)
{
	unsigned int i, page;
	uint64_t val = 0;
	enum via via;

	for (i = 0; i < 4; i++) {
		page = s.first + hmmt_rng_below(&w->rng, s.n);
		via = hmmt_rng_below(&w->rng, via_ring(w) ? NR_VIAS : VIA_URING);
		atomic_fetch_add_explicit(&w->sh->checked[ORACLE_NEGATIVE], 1,
					  memory_order_relaxed);
		if (do_load(w, page_addr(page), via, &val) &&
		    !bust_answer(w, "read"))
			continue;
		fail_add(w->sh, ORACLE_NEGATIVE, "negative: guard page read",
			 "%#lx by %s: %#llx", page_addr(page), via_names[via],
			 (unsigned long long)val);
		return;
	}
}

static int guard_for_a_while(struct worker *w, struct span s)
{
	int ret = advise(w, s, MADV_GUARD_INSTALL);

	if (ret)
		return ret;
	ops_warm(w, page_addr(s.first), s.n * HMMT_PAGE_SIZE);
	guards_refuse(w, s);
	return advise(w, s, MADV_GUARD_REMOVE);
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

static int guard(struct worker *w)
{
	return lose_span(w, pick_block_or_part(w), "madvise(MADV_GUARD_INSTALL)",
			 guard_for_a_while);
}

const struct op ops_protect[] = {
	{ "mprotect", "a block to none, read or write", 0, OP_LAYOUT, 4, mprotect_block },
	{ "mprotect_part", "part of a block", 0, OP_LAYOUT, 4, mprotect_part },
	{ "dontneed", "discard a block", 0, OP_LAYOUT, 2, dontneed },
	{ "dontneed_part", "discard part of a block", 0, OP_LAYOUT, 3, dontneed_part },
	{ "guard", "make guards of pages, migrate, touch them", NEED_GUARD, OP_LAYOUT, 2, guard },
	OP_TABLE_END
};
