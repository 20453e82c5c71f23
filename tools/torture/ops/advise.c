// SPDX-License-Identifier: GPL-2.0
/*
 * Advice that leaves the contents alone: where pages are, and of what size, may
 * change, and the model does not know either. MADV_FREE is the exception: each
 * page is as it was, or all zeros, until somebody writes to it.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ops.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef SYS_mseal
#define SYS_mseal 462
#endif

/* What each advice may say; all may meet a hole, a lack of memory, a change. */
static bool advice_err_ok(int advice, int err)
{
	if (err == -ENOMEM || err_transient(err))
		return true;
	switch (advice) {
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		/* no permission; EFAULT: the fault ended in a signal */
		return err == -EINVAL || err == -EFAULT;
	case MADV_COLD:
	case MADV_PAGEOUT:
		return err == -EINVAL;	/* locked by somebody just now */
	case MADV_COLLAPSE:
		return err == -EINVAL;	/* no PMD in it, or not allowed there */
	default:
		return false;
	}
}

static int advise_call(struct worker *w, struct span s, int advice)
{
	int ret;

	perturb(w);
	step_begin(w, STEP_MADVISE, page_addr(s.first));
	ret = madvise((void *)page_addr(s.first), s.n * HMMT_PAGE_SIZE, advice) ? -errno : 0;
	step_end(w);
	ret = bust_errno(w, ret);
	atomic_fetch_add_explicit(&w->sh->checked[ORACLE_LAYOUT], 1, memory_order_relaxed);
	if (ret && !advice_err_ok(advice, ret))
		fail_add(w->sh, ORACLE_LAYOUT, "madvise: unexpected error",
			 "madvise(%#lx+%#lx, %d): %s", page_addr(s.first),
			 s.n * HMMT_PAGE_SIZE, advice, strerror(-ret));
	return ret;
}

/* Without a lock, against everything: for advice that leaves the VMAs alone. */
static int advise_free(struct worker *w, int advice)
{
	struct span s = pick_block_or_part(w);
	int ret;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	op_arg(w, 0);
	op_arg(w, advice);
	ret = advise_call(w, s, advice);
	return ret && ret != -EAGAIN ? -EBUSY : ret;
}

/* Advice that splits VMAs: who moves one has looked where it ends before. */
static int advise_locked(struct worker *w, int advice)
{
	struct span s = pick_block_or_part(w);
	uint64_t blocks;
	int ret;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	op_arg(w, 0);
	op_arg(w, advice);
	ret = lock_run(w, &s, word_mapped, &blocks);
	if (ret)
		return ret;
	ret = advise_call(w, s, advice);
	model_unlock(w->m, blocks);
	return ret;
}

static int cold(struct worker *w)
{
	return advise_free(w, MADV_COLD);
}

static int pageout(struct worker *w)
{
	return advise_free(w, MADV_PAGEOUT);
}

static int collapse(struct worker *w)
{
	return advise_free(w, MADV_COLLAPSE);
}

static int hugepage(struct worker *w)
{
	return advise_locked(w, MADV_HUGEPAGE);
}

static int nohugepage(struct worker *w)
{
	return advise_locked(w, MADV_NOHUGEPAGE);
}

/*
 * Populated is there: a written page of a mapping that stands still can be on its
 * way, but not nowhere. Alone even that is impossible.
 */
static void check_populated(struct worker *w, struct span s)
{
	uint64_t entry[HMMT_PMD_PAGES];
	struct hmmt_pagemap pm;
	unsigned int i;

	if (hmmt_pagemap_read(getpid(), page_addr(s.first), s.n, entry))
		return;
	for (i = 0; i < s.n; i++) {
		pm = hmmt_pagemap_decode(entry[i]);
		atomic_fetch_add_explicit(&w->sh->checked[ORACLE_READER], 1,
					  memory_order_relaxed);
		if (bust_answer(w, "nowhere"))
			pm.present = pm.swap = false;
		if (pm.present || (pm.swap && !ops_alone(w)))
			continue;
		fail_add(w->sh, ORACLE_READER, "populate: page is not there",
			 "pagemap of %#lx is %#018llx", page_addr(s.first + i),
			 (unsigned long long)entry[i]);
		return;
	}
}

static int populate(struct worker *w)
{
	bool write = hmmt_rng_chance(&w->rng, 1, 2);
	struct span s = pick_block_or_part(w);
	uint64_t blocks;
	int ret;

	if (hmmt_rng_chance(&w->rng, 1, 2))
		return advise_free(w, write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
	op_arg(w, (uint64_t)s.first << 32 | s.n);
	ret = lock_run(w, &s, word_writable, &blocks);
	if (ret)
		return ret;
	ret = advise_call(w, s, write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
	if (!ret)
		check_populated(w, s);
	model_unlock(w->m, blocks);
	return ret == -EFAULT ? -ENOMEM : ret;
}

/*
 * Locked pages stay in memory, devices or not. Nothing is left locked behind: it is
 * unlocked, or goes as it is.
 */
static int lock_pages(struct worker *w)
{
	struct span s = pick_block_or_part(w);
	uint64_t blocks;
	unsigned int i;
	int ret;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	ret = lock_run(w, &s, word_mapped, &blocks);
	if (ret)
		return ret;
	ops_warm(w, page_addr(s.first), s.n * HMMT_PAGE_SIZE);
	step_begin(w, STEP_MADVISE, page_addr(s.first));
	ret = mlock((void *)page_addr(s.first), s.n * HMMT_PAGE_SIZE) ? -errno : 0;
	step_end(w);
	ops_warm(w, page_addr(s.first), s.n * HMMT_PAGE_SIZE);
	for (i = 0; i < 4; i++) {
		unsigned int page = s.first + hmmt_rng_below(&w->rng, s.n);

		page_check_locked(w, atomic_load(&w->m->page[page].word), page_addr(page),
				  pick_slot(w), VIA_CPU);
	}
	step_begin(w, STEP_MADVISE, page_addr(s.first));
	if (hmmt_rng_chance(&w->rng, 1, 3) ||
	    munlock((void *)page_addr(s.first), s.n * HMMT_PAGE_SIZE)) {
		/* A mapping that stays locked refuses what others may do to it. */
		flux_begin(w->m, s);
		munmap((void *)page_addr(s.first), s.n * HMMT_PAGE_SIZE);
		model_unmap(w->m, s);
		flux_end(w->m, s);
	}
	step_end(w);
	model_unlock(w->m, blocks);
	/* ENOMEM where a page may not be touched */
	return layout_result(w, "mlock()", s, ret);
}

/* Words that nobody keeps anything in make a page dirty. */
static bool make_dirty(struct worker *w, unsigned int page, enum via via)
{
	return !do_store(w, page_addr(page) + slot_offset(SLOT_PROBE), via, 1);
}

/*
 * After MADV_FREE page @page is dirty again, and so it stays as it is now: old, or
 * gone as a whole. Slots written during the change say nothing.
 */
static int settle_freed(struct worker *w, unsigned int page)
{
	uint64_t word = atomic_load(&w->m->page[page].word), val, done;
	unsigned int slot, zero = 0, old = 0;
	int ret;

	for (slot = 0; slot < w->r->nr_workers; slot++) {
		struct cell_seq *seq = &w->m->seq[word_cell(word)][slot];

		done = seq_of(atomic_load(&seq->done), word_gen(word));
		if (!done)
			continue;
		ret = do_load(w, page_addr(page) + slot_offset(slot), VIA_CPU, &val);
		if (ret)
			return ret;
		if (!val)
			zero++;
		else if ((val & SLOT_SEQ_MASK) <= done)
			old++;
	}
	atomic_fetch_add_explicit(&w->sh->checked[ORACLE_SLOT], 1, memory_order_relaxed);
	if (zero && old) {
		fail_add(w->sh, ORACLE_SLOT, "MADV_FREE: page freed in part",
			 "page %#lx: %u slots are zero, %u as they were", page_addr(page),
			 zero, old);
		return -EUCLEAN;
	}
	if (zero)
		model_discard(w->m, (struct span){ page, 1 });
	return 0;
}

/* Of what make_dirty() wrote to nothing may be lost: its word is not 0 any more. */
static int check_kept(struct worker *w, struct span s)
{
	unsigned int i;
	uint64_t val;

	for (i = s.first; i < s.first + s.n; i++) {
		if (do_load(w, page_addr(i) + slot_offset(SLOT_PROBE), VIA_CPU, &val))
			continue;
		atomic_fetch_add_explicit(&w->sh->checked[ORACLE_SLOT], 1,
					  memory_order_relaxed);
		if (val && !bust_answer(w, "freed"))
			continue;
		fail_add(w->sh, ORACLE_SLOT, "MADV_FREE: page freed that was written to since",
			 "page %#lx", page_addr(i));
		return -EUCLEAN;
	}
	return 0;
}

static int lazy_free(struct worker *w)
{
	enum via via = hmmt_is_open(&w->r->dev[0]) && hmmt_rng_chance(&w->rng, 1, 2) ?
		       VIA_DEV0 : VIA_CPU;
	struct span s = pick_block_or_part(w);
	size_t len;
	uint64_t blocks;
	unsigned int i;
	int ret;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	op_arg(w, 0);
	op_arg(w, via);
	ret = lock_run(w, &s, word_writable, &blocks);
	if (ret)
		return ret;
	len = s.n * HMMT_PAGE_SIZE;
	ops_warm(w, page_addr(s.first), len);
	flux_begin(w->m, s);
	ret = advise_call(w, s, MADV_FREE);
	if (!ret) {
		/* What is clean may go when it is reclaimed, device or not. */
		if (hmmt_rng_chance(&w->rng, 1, 2))
			ops_warm(w, page_addr(s.first), len);
		if (hmmt_rng_chance(&w->rng, 1, 3))
			madvise((void *)page_addr(s.first), len, MADV_PAGEOUT);
	}
	for (i = 0; i < s.n && !ret; i++)
		if (!make_dirty(w, s.first + i, via) && !make_dirty(w, s.first + i, VIA_CPU))
			ret = -ENOMEM;
	for (i = 0; i < s.n && !ret; i++) {
		if (bust_now(w, BUST_FREED))
			access_store(page_addr(s.first + i) + slot_offset(0), 0);
		ret = settle_freed(w, s.first + i);
	}
	if (ret) {
		/* It may be old or new now: away with it. */
		munmap((void *)page_addr(s.first), len);
		model_unmap(w->m, s);
	} else if (hmmt_rng_chance(&w->rng, 1, 2)) {
		/* Dirty pages must survive this, wherever they were in between. */
		if (hmmt_is_open(&w->r->dev[0]) && hmmt_rng_chance(&w->rng, 1, 2)) {
			hmmt_migrate(&w->r->dev[0], page_addr(s.first), len, 0, NULL);
			hmmt_migrate(&w->r->dev[0], page_addr(s.first), len,
				     HMMT_MIGRATE_TO_SYS, NULL);
		}
		madvise((void *)page_addr(s.first), len, MADV_PAGEOUT);
		ret = check_kept(w, s);
	}
	flux_end(w->m, s);
	model_unlock(w->m, blocks);
	return err_transient(ret) || ret == -EUCLEAN ? ret : layout_result(w, "MADV_FREE", s, ret);
}

/* Calls that must refuse a sealed mapping, in a child: it is sealed for life. */
static int seal_child(struct worker *w, void *arg)
{
	struct span s = *(struct span *)arg;
	unsigned long addr = page_addr(s.first), len = s.n * HMMT_PAGE_SIZE;
	bool refused[4];
	unsigned int i;

	if (syscall(SYS_mseal, addr, len, 0))
		return 0;	/* not in this kernel */
	ops_warm(w, addr, len);
	refused[0] = munmap((void *)addr, len) && errno == EPERM;
	refused[1] = mprotect((void *)addr, len, PROT_NONE) && errno == EPERM;
	refused[2] = mremap((void *)addr, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, w->lane) ==
		     MAP_FAILED && errno == EPERM;
	refused[3] = mmap((void *)addr, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
			  -1, 0) == MAP_FAILED && errno == EPERM;
	atomic_fetch_add(&w->sh->checked[ORACLE_LAYOUT], ARRAY_SIZE(refused));
	if (bust_answer(w, "changed"))
		refused[0] = false;
	for (i = 0; i < ARRAY_SIZE(refused); i++)
		if (!refused[i])
			fail_add(w->sh, ORACLE_LAYOUT, "mseal: a sealed mapping was changed",
				 "call %u on %#lx+%#lx", i, addr, len);
	ops_warm(w, addr, len);
	return 0;
}

static int seal(struct worker *w)
{
	struct span s = pick_block_or_part(w);
	uint64_t blocks;
	int ret;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	ret = lock_run(w, &s, word_mapped, &blocks);
	if (ret)
		return ret;
	ret = child_result(w, child_run(w, seal_child, &s), "mseal");
	model_unlock(w->m, blocks);
	return ret;
}

const struct op ops_advise[] = {
	{ "cold", "MADV_COLD", 0, OP_PLACE, 2, cold },
	{ "pageout", "MADV_PAGEOUT", NEED_SWAP, OP_PLACE, 2, pageout },
	{ "collapse", "MADV_COLLAPSE", NEED_THP, OP_PLACE, 2, collapse },
	{ "hugepage", "MADV_HUGEPAGE on what is there", NEED_THP, OP_PLACE, 1, hugepage },
	{ "nohugepage", "MADV_NOHUGEPAGE on what is there", NEED_THP, OP_PLACE, 1, nohugepage },
	{ "populate", "MADV_POPULATE_READ and _WRITE", 0, OP_PLACE, 2, populate },
	{ "mlock", "lock pages, look, unlock", 0, OP_PLACE, 2, lock_pages },
	{ "free", "MADV_FREE, then write and see what went", 0, OP_LAYOUT, 2, lazy_free },
	{ "mseal", "a child seals its copy and tries to change it", 0, OP_PROCESS, 1, seal },
	OP_TABLE_END
};
