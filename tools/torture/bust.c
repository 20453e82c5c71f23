// SPDX-License-Identifier: GPL-2.0
/*
 * Deliberate mistakes, one for each oracle: a tester that cannot fail proves
 * nothing. What each must be reported as is in selftests/lib/busts.c.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "ops/ops.h"

static uint64_t own_done(struct worker *w, uint64_t word)
{
	return seq_of(atomic_load(&w->m->seq[word_cell(word)][w->idx].done), word_gen(word));
}

/* Spoil @page behind the model's back, then look at it as anybody would. */
static void spoil(struct worker *w, unsigned int page)
{
	struct span s = { page, 1 };
	unsigned long addr = page_addr(page), slot = addr + slot_offset(w->idx);
	uint64_t blocks, word, val = 0;
	unsigned int look = w->idx;
	bool probe = false;

	blocks = model_lock(w->m, &s, 1);
	word = atomic_load(&w->m->page[page].word);
	if (!word_writable(word) || own_done(w, word) < 2 || access_load(slot, &val))
		goto unlock;
	tally(w->sh, TALLY_BUSTED);
	switch (w->r->cfg->bust) {
	case BUST_STALE:
		access_store(slot, val - 1);
		break;
	case BUST_FOREIGN:
		if (page && word_readable(atomic_load(&w->m->page[page - 1].word)) &&
		    !access_load(slot - HMMT_PAGE_SIZE, &val) && val)
			access_store(slot, val);
		break;
	case BUST_ZERO:
		access_store(slot, 0);
		break;
	case BUST_GARBAGE:
		access_store(slot, val ^ 0xa5a5a50000000000ULL);
		break;
	case BUST_FORKLEAK:
		look = SLOT_OF(1, w->idx);
		access_store(addr + slot_offset(look), val);
		break;
	case BUST_NEGATIVE:
		flux_begin(w->m, s);
		model_protect(w->m, s, PROT_IS_R);
		flux_end(w->m, s);
		probe = true;
		break;
	case BUST_DENIED:
		munmap((void *)addr, HMMT_PAGE_SIZE);
		break;
	case BUST_NOWHERE:
		madvise((void *)addr, HMMT_PAGE_SIZE, MADV_DONTNEED);
		break;
	default:
		break;
	}
unlock:
	model_unlock(w->m, blocks);
	if (probe)
		page_probe(w, page, true, VIA_CPU);
	if (w->r->cfg->bust == BUST_NOWHERE)
		readers_look(w, s);
	else
		page_read(w, page, look, VIA_CPU);
}

bool bust_now(struct worker *w, enum bust bust)
{
	if (w->r->cfg->bust != bust)
		return false;
	tally(w->sh, TALLY_BUSTED);
	return true;
}

static bool answer_is(const struct config *cfg, const char *of, const char *what)
{
	size_t n = strlen(of);

	return cfg->bust == BUST_ANSWER && !strncmp(cfg->answer, of, n) &&
	       cfg->answer[n] == ':' && !strcmp(cfg->answer + n + 1, what);
}

bool bust_answer(struct worker *w, const char *what)
{
	if (w->r->cfg->bust != BUST_ANSWER ||
	    !answer_is(w->r->cfg, ops_get(w->op)->name, what))
		return false;
	tally(w->sh, TALLY_BUSTED);
	return true;
}

int bust_errno(struct worker *w, int ret)
{
	return bust_answer(w, "errno") ? -EXDEV : ret;
}

bool bust_round(const struct config *cfg, struct shared *sh, const char *what)
{
	if (!answer_is(cfg, "round", what))
		return false;
	tally(sh, TALLY_BUSTED);
	return true;
}

bool bust_due(struct worker *w)
{
	/* Give the round some time to be in full swing. */
	return w->r->cfg->bust && !w->idx &&
	       now_ns() + w->r->cfg->round_ms * 500000 >= w->r->end_ns;
}

/* An op like the others, so that it is recorded and replayed as they are. */
static int op_bust(struct worker *w)
{
	unsigned int page;
	char *p;

	switch (w->r->cfg->bust) {
	case BUST_STALE:
	case BUST_FOREIGN:
	case BUST_ZERO:
	case BUST_GARBAGE:
	case BUST_FORKLEAK:
	case BUST_NEGATIVE:
	case BUST_DENIED:
	case BUST_NOWHERE:
		page = pick_mapped(w);
		page_write(w, page, VIA_CPU);
		page_write(w, page, VIA_CPU);
		spoil(w, page);
		break;
	case BUST_LANE:
		p = lane_map(w, 0, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
		if (!p || lane_fill(w, p, 1, 1))
			break;
		tally(w->sh, TALLY_BUSTED);
		*(volatile uint64_t *)(p + 8) ^= 1;
		lane_check(w, p, 0, 1, 1, VIA_CPU, "bust");
		break;
	case BUST_LIVELOCK:
		p = mmap((void *)w->lane, HMMT_PAGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		step_begin(w, STEP_LOAD, (unsigned long)p);
		for (;;) {	/* one access that faults again and again */
			*(volatile char *)p = 1;
			madvise(p, HMMT_PAGE_SIZE, MADV_DONTNEED);
		}
		break;
	case BUST_HANG:
		step_begin(w, STEP_LOAD, w->lane);
		for (;;)
			pause();
		break;
	case BUST_RSS:
		p = mmap(NULL, 4 * HMMT_PMD_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (p != MAP_FAILED)
			tally(w->sh, TALLY_BUSTED);
		break;
	case BUST_TABLES:
		p = mmap(NULL, 64 * HMMT_PMD_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (p == MAP_FAILED)
			break;
		madvise(p, 64 * HMMT_PMD_SIZE, MADV_NOHUGEPAGE);
		for (page = 0; page < 64; page++)
			p[page * HMMT_PMD_SIZE] = 1;
		tally(w->sh, TALLY_BUSTED);
		break;
	case BUST_CRASH:
		abort();
	default:
		return -EAGAIN;
	}
	return 0;
}

const struct op ops_bust[] = {
	{ "bust", "make the mistake of --bust", NEED_BUST, OP_CHECK, 0, op_bust },
	OP_TABLE_END
};

/* Every second move of a worker loses the last of its writes: it takes two ops. */
void bust_moved(struct worker *w, struct span s)
{
	unsigned int page;
	unsigned long slot;
	uint64_t word, val;

	if (++w->moves % 2)
		return;
	for (page = s.first; page < s.first + s.n; page++) {
		word = atomic_load(&w->m->page[page].word);
		slot = page_addr(page) + slot_offset(w->idx);
		/* What two moves before a look have taken already stays a sequence, not a tag. */
		if (!word_writable(word) || !own_done(w, word) || access_load(slot, &val) ||
		    !(val & SLOT_SEQ_MASK))
			continue;
		access_store(slot, val - 1);
		tally(w->sh, TALLY_BUSTED);
	}
}

void bust_child(struct worker *w, unsigned long addr, uint64_t val)
{
	if (val && !access_store(addr + slot_offset(0), val + 1))
		tally(w->sh, TALLY_BUSTED);
}

pid_t bust_supervisor(const struct config *cfg)
{
	struct hmmt_dev dev = HMMT_DEV_CLOSED;
	void *p = (void *)ARENA_BASE;
	pid_t pid;

	if (cfg->bust != BUST_CONSERVE)
		return 0;
	pid = fork();
	if (pid)
		return pid < 0 ? 0 : pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	p = mmap(p, 4 * HMMT_PMD_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (p != MAP_FAILED) {
		madvise(p, 4 * HMMT_PMD_SIZE, MADV_HUGEPAGE);
		memset(p, 1, 4 * HMMT_PMD_SIZE);
		if (!hmmt_open(&dev, 0))
			hmmt_migrate(&dev, (unsigned long)p, HMMT_PMD_SIZE, 0, NULL);
	}
	for (;;)
		pause();
}
