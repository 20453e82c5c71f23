// SPDX-License-Identifier: GPL-2.0
/*
 * A child has a copy of the memory as it was at some moment within fork(). It
 * reads what it got against the bounds of that moment; from then on nothing
 * but itself may change it. It writes slots of its own, which nobody else may
 * ever see, migrates and changes its mappings, forks again, and exits.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ops/ops.h"
#include "torture.h"

#define CHILD_PAGES	(2 * HMMT_PMD_PAGES)
#define MAX_LEVEL	(SLOT_LEVELS - 1)

/*
 * One per worker, in private memory: fork() hands it to the child as it was.
 * @lo: before the page was first read the lower bounds, then the exact values.
 */
struct heritage {
	struct span s;
	unsigned int level;
	unsigned int kid;
	uint64_t rng_seed;
	uint64_t word[CHILD_PAGES];	/* contents and protection at fork() */
	unsigned long at[CHILD_PAGES];	/* where the page is now, 0: unmapped */
	enum page_prot prot[CHILD_PAGES];
	bool known[CHILD_PAGES];
	uint64_t lo[CHILD_PAGES][MAX_WORKERS];
	uint64_t hi[CHILD_PAGES][MAX_WORKERS];
	uint64_t own[CHILD_PAGES][SLOT_LEVELS];	/* by level; [0] unused */
	uint64_t seq;
};

static struct heritage heritage[MAX_WORKERS];

static struct heritage *mine(struct worker *w)
{
	return &heritage[w->idx];
}

/*
 * Upper bounds are read in the child, when the parent may long have gone on:
 * where it gave the cell to new contents, the count of ours is lost.
 */
static uint64_t upper_bound(struct worker *w, uint64_t word, unsigned int slot)
{
	uint32_t cell = word_cell(word), gen = word_gen(word);
	uint64_t started = atomic_load(&w->m->seq[cell][slot].started);

	if (started >> SLOT_SEQ_BITS != gen && atomic_load(&w->m->gen[cell]) != gen)
		return SLOT_SEQ_MASK;
	return seq_of(started, gen);
}

static void bound_all(struct worker *w, uint64_t bounds[][MAX_WORKERS], bool hi)
{
	struct heritage *h = mine(w);
	unsigned int p, i;
	uint64_t word;

	for (p = 0; p < h->s.n; p++) {
		word = h->word[p];
		for (i = 0; word_mapped(word) && i < w->r->nr_workers; i++)
			bounds[p][i] = hi ? upper_bound(w, word, i) :
				seq_of(atomic_load(&w->m->seq[word_cell(word)][i].done),
				       word_gen(word));
	}
}

static uint32_t tag_at(struct worker *w, unsigned int p, unsigned int slot)
{
	uint64_t word = mine(w)->word[p];

	return slot_tag(w->m->seed, word_cell(word), word_gen(word), slot);
}

/* @val is not what page @p has to hold in @slot. */
static void child_fail(struct worker *w, unsigned int p, unsigned int slot, uint64_t val,
		       uint64_t lo, uint64_t hi, bool exact, const char *how)
{
	struct heritage *h = mine(w);
	uint32_t tag = tag_at(w, p, slot);

	if (slot < MAX_WORKERS && val >> SLOT_SEQ_BITS == tag && (val & SLOT_SEQ_MASK) > hi)
		fail_add(w->sh, ORACLE_FORK, "fork isolation: parent's write seen by child",
			 "child level %u of worker %u, %s at %#lx slot %u: sequence %llu, at fork at most %llu%s",
			 h->level, w->idx, how, h->at[p], slot,
			 (unsigned long long)(val & SLOT_SEQ_MASK), (unsigned long long)hi,
			 exact ? ", as read before" : "");
	else if (slot >= MAX_WORKERS && slot != SLOT_OF(h->level, w->idx))
		fail_add(w->sh, ORACLE_FORK, "fork isolation: another process's write seen by child",
			 "child level %u of worker %u, %s at %#lx slot %u: %#llx, expected %#llx",
			 h->level, w->idx, how, h->at[p], slot, (unsigned long long)val,
			 (unsigned long long)lo);
	else if (slot >= MAX_WORKERS)
		fail_add(w->sh, ORACLE_SLOT, !val ? "wrong slot: lost page (zeros)" :
			 val >> SLOT_SEQ_BITS == tag ? "wrong slot: stale sequence" :
			 "wrong slot: garbage",
			 "child level %u of worker %u, own slot at %#lx: %#llx, expected sequence %#llx",
			 h->level, w->idx, h->at[p], (unsigned long long)val,
			 (unsigned long long)lo);
	else
		slot_fail(w, h->word[p], h->at[p], slot, val, lo, hi, how);
}

/* The outcome of an access of page @p against the child's own mappings. */
static bool outcome_ok(struct worker *w, unsigned int p, bool write, enum via via, int ret)
{
	enum page_prot prot = mine(w)->prot[p];
	bool allowed = write ? prot == PROT_IS_RW : prot != PROT_IS_NONE;

	trace_expect(allowed ? EXPECT_ALLOWED : EXPECT_REFUSED, 0, 0);
	atomic_fetch_add_explicit(&w->sh->checked[ORACLE_NEGATIVE], 1, memory_order_relaxed);
	if (!allowed && bust_answer(w, "succeeded"))
		ret = 0;
	if (allowed && bust_answer(w, "refused"))
		ret = -EFAULT;
	if (allowed ? !ret : ret == -EFAULT)
		return true;
	if (err_transient(ret))
		return true;
	if (ret == -EIO) {
		struct hmmt_stats st;

		if (!hmmt_stats(&w->r->dev[0], &st) && st.nomem_sys)
			return true;
	}
	fail_add(w->sh, ORACLE_NEGATIVE, allowed ? "negative: allowed access refused in child" :
		 "negative: forbidden access succeeded in child",
		 "child level %u of worker %u: %s of %#lx by %s: %s", mine(w)->level, w->idx,
		 write ? "write" : "read", mine(w)->at[p], via == VIA_CPU ? "CPU" : "device",
		 ret ? strerror(-ret) : "succeeded");
	return false;
}

/* False: there was no value to look at. */
static bool check_slot(struct worker *w, unsigned int p, unsigned int slot, enum via via)
{
	struct heritage *h = mine(w);
	uint64_t val = 0, want;
	bool first = !h->known[p];
	int ret;

	ret = do_load(w, h->at[p] + slot_offset(slot), via, &val);
	if (!outcome_ok(w, p, false, via, ret) || ret)
		return false;
	atomic_fetch_add_explicit(&w->sh->checked[ORACLE_FORK], 1, memory_order_relaxed);
	if (slot >= MAX_WORKERS) {
		if (slot == SLOT_OF(h->level, w->idx) ? bust_answer(w, "own") :
							bust_answer(w, "foreign"))
			val ^= 1;
		want = 0;
		if (slot % MAX_WORKERS == w->idx)
			want = h->own[p][slot / MAX_WORKERS];
		trace_expect(EXPECT_VALUE, want, want);
		if (val != want)
			child_fail(w, p, slot, val, want & SLOT_SEQ_MASK, want & SLOT_SEQ_MASK,
				   true, "read");
	} else if (first) {
		trace_expect(EXPECT_VALUE, slot_value(tag_at(w, p, slot), h->lo[p][slot]),
			     slot_value(tag_at(w, p, slot), h->hi[p][slot]));
		if (slot_check(val, tag_at(w, p, slot), h->lo[p][slot], h->hi[p][slot]) !=
		    SLOT_GOOD)
			child_fail(w, p, slot, val, h->lo[p][slot], h->hi[p][slot], false,
				   "first read in child");
		h->lo[p][slot] = val;
	} else {
		want = h->lo[p][slot];
		trace_expect(EXPECT_VALUE, want, want);
		if (val != want)
			child_fail(w, p, slot, val, want & SLOT_SEQ_MASK, want & SLOT_SEQ_MASK,
				   true, "read again in child");
	}
	return true;
}

static bool stopped(struct worker *w)
{
	return atomic_load(&w->sh->stop);
}

/* All slots of page @p, the children's by sample. */
static void check_page(struct worker *w, unsigned int p)
{
	struct heritage *h = mine(w);
	unsigned int slot;
	bool all;

	if (!h->at[p] || h->prot[p] == PROT_IS_NONE)
		return;
	if (h->known[p]) {
		check_slot(w, p, hmmt_rng_below(&w->rng, w->r->nr_workers), VIA_CPU);
	} else {
		all = true;
		for (slot = 0; slot < w->r->nr_workers; slot++)
			all &= check_slot(w, p, slot, VIA_CPU);
		h->known[p] = all;
		/* not all could be read, for want of memory: leave it alone */
		if (!all) {
			h->at[p] = 0;
			return;
		}
	}
	check_slot(w, p, SLOT_OF(hmmt_rng_between(&w->rng, 1, MAX_LEVEL),
				 hmmt_rng_below(&w->rng, w->r->nr_workers)), VIA_CPU);
	if (h->own[p][h->level])
		check_slot(w, p, SLOT_OF(h->level, w->idx), VIA_CPU);
}

static void check_pages(struct worker *w, unsigned int stride)
{
	unsigned int p;

	for (p = hmmt_rng_below(&w->rng, stride); p < mine(w)->s.n && !stopped(w); p += stride)
		check_page(w, p);
}

static void child_write(struct worker *w, unsigned int p, enum via via)
{
	struct heritage *h = mine(w);
	unsigned int slot = SLOT_OF(h->level, w->idx);
	uint64_t val;
	int ret;

	if (!h->at[p])
		return;
	/* The serial number tells a worker's children from each other. */
	val = slot_value(tag_at(w, p, slot), (uint64_t)w->serial << 20 | ++h->seq);
	ret = do_store(w, h->at[p] + slot_offset(slot), via, val);
	if (outcome_ok(w, p, true, via, ret) && !ret)
		h->own[p][h->level] = val;
}

/* Pages from @p on that lie in a row in one mapping, at most @max. */
static unsigned int run_of(struct worker *w, unsigned int p, unsigned int max)
{
	struct heritage *h = mine(w);
	struct hmmt_vma vma;
	unsigned int n;

	if (!h->at[p] || hmmt_vma_at(w->r->maps_fd, h->at[p], &vma))
		return 0;
	for (n = 1; n < max && p + n < h->s.n; n++)
		if (h->at[p + n] != h->at[p] + n * HMMT_PAGE_SIZE)
			break;
	return min_ul(n, (vma.end - h->at[p]) >> HMMT_PAGE_SHIFT);
}

static void child_migrate_at(struct worker *w, unsigned int p, unsigned int n, unsigned int flags)
{
	unsigned long at = mine(w)->at[p];

	step_begin(w, STEP_MIGRATE, at);
	hmmt_migrate(&w->r->dev[0], at, n * HMMT_PAGE_SIZE, flags, NULL);
	step_end(w);
}

/*
 * Where a whole block went a THP of the child's own takes its place: at the offset at
 * which those of parent and siblings are, so that walks for theirs come by it.
 */
static void child_refill(struct worker *w, unsigned int p)
{
	child_write(w, p + hmmt_rng_below(&w->rng, HMMT_PMD_PAGES), VIA_CPU);
	if (hmmt_is_open(&w->r->dev[0]) && hmmt_rng_chance(&w->rng, 2, 3))
		child_migrate_at(w, p, HMMT_PMD_PAGES, 0);
}

static void child_layout(struct worker *w)
{
	static const int prots[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };
	struct heritage *h = mine(w);
	unsigned int p = hmmt_rng_below(&w->rng, h->s.n), n, i;
	enum page_prot prot;
	unsigned long to;
	size_t len;
	void *at;

	n = hmmt_rng_between(&w->rng, 1, HMMT_PMD_PAGES);
	if (hmmt_rng_chance(&w->rng, 1, 2)) {
		p -= p % HMMT_PMD_PAGES;
		if (hmmt_rng_chance(&w->rng, 1, 2))
			n = HMMT_PMD_PAGES;
	}
	n = run_of(w, p, n);
	if (!n)
		return;
	at = (void *)h->at[p];
	len = n * HMMT_PAGE_SIZE;
	switch (hmmt_rng_below(&w->rng, 4)) {
	case 0:
		if (munmap(at, len))
			return;
		for (i = p; i < p + n; i++)
			h->at[i] = 0;
		break;
	case 1:
		if (madvise(at, len, MADV_DONTNEED))
			return;
		for (i = p; i < p + n; i++) {
			memset(h->lo[i], 0, sizeof(h->lo[i]));
			memset(h->own[i], 0, sizeof(h->own[i]));
			h->known[i] = true;
		}
		if (n == HMMT_PMD_PAGES)
			child_refill(w, p);
		break;
	case 2:
		prot = hmmt_rng_below(&w->rng, 3);
		if (mprotect(at, len, prots[prot]))
			return;
		for (i = p; i < p + n; i++)
			h->prot[i] = prot;
		break;
	default:
		to = w->lane + (hmmt_rng_below(&w->rng, LANE_PAGES - n) << HMMT_PAGE_SHIFT);
		/* never over what was moved there before */
		for (i = 0; i < h->s.n; i++)
			if (h->at[i] + HMMT_PAGE_SIZE > to && h->at[i] < to + len)
				return;
		if (mremap(at, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED)
			return;
		for (i = 0; i < n; i++)
			h->at[p + i] = to + i * HMMT_PAGE_SIZE;
		break;
	}
}

static void child_migrate(struct worker *w)
{
	/* as these ops do it */
	static const struct {
		unsigned int flags;
		const char *op;
	} how[] = {
		{ 0, "to_dev" },
		{ 0, "to_dev_part" },
		{ HMMT_MIGRATE_TO_SYS, "to_sys" },
		{ HMMT_MIGRATE_BASE, "to_dev_base" },
		{ HMMT_MIGRATE_SPLIT, "to_dev_split" },
		{ HMMT_MIGRATE_TO_SYS | HMMT_MIGRATE_BASE, "to_sys_base" },
	};
	struct heritage *h = mine(w);
	unsigned int p = hmmt_rng_below(&w->rng, h->s.n), n;
	unsigned int i = hmmt_rng_below(&w->rng, ARRAY_SIZE(how));

	if (!ops_wanted(how[i].op, w->r->cfg))
		return;
	if (hmmt_rng_chance(&w->rng, 2, 3))
		p -= p % HMMT_PMD_PAGES;
	n = min_ul(HMMT_PMD_PAGES, h->s.n - p);
	if (hmmt_rng_chance(&w->rng, 1, 3))
		n = hmmt_rng_between(&w->rng, 1, n);
	if (h->at[p])
		child_migrate_at(w, p, n, how[i].flags);
}

static void child_main(struct worker *w);

/* Fork a child of level @level; in it, does not return. */
static pid_t do_fork(struct worker *w, unsigned int level, unsigned int kid)
{
	struct heritage *h = mine(w);
	pid_t pid;

	h->rng_seed = hmmt_rng_u64(&w->rng);
	step_begin(w, STEP_FORK, page_addr(h->s.first));
	pid = fork();
	if (!pid) {
		h->level = level;
		h->kid = kid;
		child_main(w);
		_exit(0);
	}
	step_end(w);
	return pid < 0 ? -errno : pid;
}

static void grandchild(struct worker *w)
{
	struct heritage *h = mine(w);
	int status;
	pid_t pid;

	if (h->level >= MAX_LEVEL)
		return;
	pid = do_fork(w, h->level + 1, h->kid);
	if (pid < 0)
		return;
	tally(w->sh, TALLY_FORKS);
	child_write(w, hmmt_rng_below(&w->rng, h->s.n), VIA_CPU);
	child_migrate(w);
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status) &&
	    !bust_answer(w, "grandchild"))
		tally(w->sh, TALLY_KIDS);
	else
		fail_add(w->sh, ORACLE_FORK, "fork: grandchild died", "status %#x", status);
}

static void child_step(struct worker *w)
{
	struct heritage *h = mine(w);
	unsigned int p = hmmt_rng_below(&w->rng, h->s.n), i;
	bool dev = hmmt_is_open(&w->r->dev[0]);

	switch (hmmt_rng_below(&w->rng, 12)) {
	case 0:
	case 1:
		for (i = 0; i < 8; i++)
			check_page(w, hmmt_rng_below(&w->rng, h->s.n));
		break;
	case 2:
	case 3:
	case 4:
		for (i = 0; i < 6; i++)
			child_write(w, hmmt_rng_below(&w->rng, h->s.n), VIA_CPU);
		break;
	case 5:
	case 6:
	case 7:
		if (dev)
			child_migrate(w);
		break;
	case 8:
		if (dev && h->at[p] && h->known[p])
			check_slot(w, p, hmmt_rng_below(&w->rng, w->r->nr_workers), VIA_DEV0);
		break;
	case 9:
		if (dev)
			child_write(w, p, VIA_DEV0);
		break;
	case 10:
		child_layout(w);
		break;
	default:
		grandchild(w);
		break;
	}
}

void child_reopen(struct worker *w)
{
	/* Inherited ones mirror the parent; keeping them open keeps that alive. */
	bool keep = hmmt_rng_chance(&w->rng, 1, 2);
	unsigned int i;

	for (i = 0; i < NR_DEVS; i++) {
		if (!keep)
			hmmt_close(&w->r->dev[i]);
		w->r->dev[i].fd = -1;
		if (i < w->r->cfg->nr_devs)
			hmmt_open(&w->r->dev[i], i);
	}
	close(w->r->maps_fd);
	w->r->maps_fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
}

static void child_main(struct worker *w)
{
	struct heritage *h = mine(w);
	unsigned int steps, p;
	char name[16];

	/* At once: what starts later is not in this copy. */
	if (h->level == 1)
		bound_all(w, h->hi, true);
	snprintf(name, sizeof(name), "torture-%u.%u", w->idx, h->level);
	prctl(PR_SET_NAME, name);
	worker_streams(w, h->rng_seed, h->level);
	w->pg = &w->sh->progress[PROGRESS_OF(h->level, w->idx, h->kid)];
	/* The last one to use it may have been killed in the middle. */
	atomic_store(&w->pg->seq, (atomic_load(&w->pg->seq) + 1) & ~1ULL);
	atomic_store(&w->pg->pid, getpid());
	atomic_store(&w->pg->tid, getpid());
	child_reopen(w);

	if (h->level == 1 && hmmt_rng_chance(&w->rng, 1, 2)) {
		/* The rest of the arena goes, while the parent uses it. */
		if (h->s.first)
			munmap((void *)ARENA_BASE, page_addr(h->s.first) - ARENA_BASE);
		munmap((void *)page_addr(h->s.first + h->s.n),
		       page_addr(w->m->nr_pages) - page_addr(h->s.first + h->s.n));
	}
	if (hmmt_rng_chance(&w->rng, 1, 2))
		child_migrate(w);
	check_pages(w, 1U << hmmt_rng_below(&w->rng, 4));
	for (steps = hmmt_rng_between(&w->rng, 2, 16); steps && !stopped(w); steps--)
		child_step(w);
	if (w->r->cfg->bust == BUST_CHILDLEAK)
		for (p = 0; p < h->s.n; p++)
			if (h->known[p] && h->at[p] && h->prot[p] == PROT_IS_RW)
				bust_child(w, h->at[p], h->lo[p][0]);
	check_pages(w, 1U << hmmt_rng_below(&w->rng, 4));
	if (hmmt_rng_chance(&w->rng, 1, 2))
		munmap((void *)ARENA_BASE, page_addr(w->m->nr_pages) - ARENA_BASE);
	atomic_store(&w->pg->pid, 0);
}

int child_run(struct worker *w, int (*fn)(struct worker *w, void *arg), void *arg)
{
	uint64_t seed = hmmt_rng_u64(&w->rng);
	struct progress *pg = w->pg;
	int status;
	pid_t pid;

	step_begin(w, STEP_FORK, w->lane);
	pid = fork();
	if (!pid) {
		worker_streams(w, seed, 1);
		atomic_store(&pg->pid, getpid());
		atomic_store(&pg->tid, getpid());
		step_end(w);
		child_reopen(w);
		_exit(fn(w, arg));
	}
	if (pid < 0) {
		status = -errno;
		step_end(w);
		return status;
	}
	tally(w->sh, TALLY_FORKS);
	if (waitpid(pid, &status, 0) != pid)
		status = -errno;
	else
		tally(w->sh, TALLY_KIDS);
	/* It may have been killed in the middle of a step. */
	atomic_store(&pg->seq, (atomic_load(&pg->seq) + 1) & ~1ULL);
	atomic_store(&pg->pid, getpid());
	atomic_store(&pg->tid, gettid());
	return status;
}

void child_prepare(unsigned int nr_workers)
{
	memset(heritage, 0, nr_workers * sizeof(heritage[0]));
}

int child_fork(struct worker *w, struct span s)
{
	struct heritage *h = mine(w);
	unsigned int kid, p;
	uint64_t blocks;
	pid_t pid;

	child_reap(w, false);
	for (kid = 0; kid < MAX_KIDS && w->kid[kid]; kid++)
		;
	if (kid == MAX_KIDS)
		return -EAGAIN;
	s.n = min_ul(s.n, CHILD_PAGES);
	op_arg(w, (uint64_t)s.first << 32 | s.n);
	blocks = model_lock(w->m, &s, 1);
	h->s = s;
	h->level = 0;
	h->seq = 0;
	memset(h->known, 0, sizeof(h->known));
	memset(h->own, 0, sizeof(h->own));
	for (p = 0; p < s.n; p++) {
		h->word[p] = atomic_load(&w->m->page[s.first + p].word);
		h->at[p] = word_mapped(h->word[p]) ? page_addr(s.first + p) : 0;
		h->prot[p] = word_prot(h->word[p]);
	}
	bound_all(w, h->lo, false);
	w->serial++;
	pid = do_fork(w, 1, kid);
	model_unlock(w->m, blocks);
	if (pid < 0) {
		tally(w->sh, TALLY_NOMEM);
		return pid;
	}
	w->kid[kid] = pid;
	tally(w->sh, TALLY_FORKS);
	return 0;
}

void child_reap(struct worker *w, bool all)
{
	unsigned int i;
	int status;
	pid_t pid;

	for (i = 0; i < MAX_KIDS; i++) {
		if (!w->kid[i])
			continue;
		pid = waitpid(w->kid[i], &status, all ? 0 : WNOHANG);
		if (!pid)
			continue;
		w->kid[i] = 0;
		if (pid > 0 && WIFEXITED(status) && !WEXITSTATUS(status) &&
		    !bust_answer(w, "child"))
			tally(w->sh, TALLY_KIDS);
		else
			fail_add(w->sh, ORACLE_FORK, "fork: child died", "child of worker %u: status %#x",
				 w->idx, pid < 0 ? 0 : status);
	}
}
