// SPDX-License-Identifier: GPL-2.0
/*
 * Translations that a CPU remembers: a thread on a CPU of its own uses one page without ever
 * entering the kernel, while another one changes what is there. Once that is done the
 * thread has to see it. A CPU that was not told goes on with the old page, until
 * something else empties its TLB.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ops.h"

/* Loads until the other one is done, at most: what it does may have to wait for much. */
#define STARE_LOADS	3000000
/* Blocks of one child, at most */
#define MAX_ROUNDS	8

struct stale {
	struct worker *w;
	unsigned int rounds;
	unsigned int how;		/* the change */
	char *p;			/* the block */
	unsigned int pages;		/* ... has so many */
	size_t size;
	unsigned long addr;		/* of the page that is used */
	uint64_t word;			/* what it holds */
	bool zeros;			/* nothing was ever written */
	bool base;			/* of base pages */
	bool shared;			/* a child has it as well */
	bool write;			/* the thread stores, else it loads */
	int ask[2], told[2];		/* pipes to and from the child */
	pid_t pid;
	_Atomic uint64_t started;
	_Atomic uint64_t done;		/* the change */
	uint64_t val;			/* what the thread found then */
	int ret;
};

static void *user_of_page(void *arg)
{
	struct stale *a = arg;
	unsigned int n;

	hmmt_stay_on(1);
	atomic_store(&a->started, 1);
	if (a->write)
		for (n = 0; n < STARE_LOADS && !atomic_load(&a->done); n++) {
			if (access_store(a->addr, a->word))
				break;
		}
	else
		access_stare(a->addr, &a->done, STARE_LOADS);
	while (!atomic_load(&a->done))
		__builtin_ia32_pause();
	if (a->write)
		a->ret = access_store(a->addr, a->word ^ 4);
	else
		a->ret = access_load(a->addr, &a->val);
	return NULL;
}

/* --- the changes: each says what the thread has to find -------------------- */

struct outcome {
	int ret;
	uint64_t val;
};

static const struct outcome refused = { -EFAULT, 0 };

/* Migrates when it is asked, and waits to be killed. */
static void sharer(struct stale *a)
{
	char c;

	child_reopen(a->w);
	if (read(a->ask[0], &c, 1) == 1) {
		hmmt_migrate(&a->w->r->dev[0], (unsigned long)a->p, a->size, 0, NULL);
		if (write(a->told[1], &c, 1) == 1)
			pause();
	}
	_exit(0);
}

static int migrate_block(struct stale *a)
{
	char c = 0;

	if (!a->shared || hmmt_rng_chance(&a->w->rng, 1, 2))
		return hmmt_migrate(&a->w->r->dev[0], (unsigned long)a->p, a->size, 0, NULL);
	return write(a->ask[1], &c, 1) == 1 && read(a->told[0], &c, 1) == 1 ? 0 : -EAGAIN;
}

/* Pages that were given up a moment ago get another content. */
static int reuse_pages(struct stale *a)
{
	char *p = lane_map(a->w, 2 * HMMT_PMD_PAGES, a->pages, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1);
	unsigned int page;
	int ret = 0;

	if (!p)
		return -ENOMEM;
	madvise(p, a->size, MADV_NOHUGEPAGE);
	for (page = 0; page < a->pages && !ret; page++)
		ret = access_store((unsigned long)p + page * HMMT_PAGE_SIZE + 8, ~a->word);
	return ret;
}

/*
 * What is written to then is another page than the thread has used; a copy for who writes
 * to what is shared would be made known by itself.
 */
static int change_by_migration(struct stale *a, struct outcome *want)
{
	int ret = migrate_block(a);

	want->val = a->word;
	if (ret)
		return ret;
	if (a->shared && hmmt_rng_chance(&a->w->rng, 2, 3))
		return reuse_pages(a);
	want->val ^= 2;
	return access_store(a->addr, want->val);
}

static int change_by_reclaim(struct stale *a, struct outcome *want)
{
	if (madvise(a->p, a->size, MADV_PAGEOUT))
		return -errno;
	want->val = a->word ^ 2;
	return access_store(a->addr, want->val);
}

static int change_by_move(struct stale *a, struct outcome *want)
{
	char *to = (char *)a->w->lane + 2 * HMMT_PMD_SIZE;

	/* page tables that do not fit are moved entry by entry */
	if (hmmt_rng_chance(&a->w->rng, 1, 2))
		to += hmmt_rng_between(&a->w->rng, 1, HMMT_PMD_PAGES) * HMMT_PAGE_SIZE;
	*want = refused;
	return mremap(a->p, a->size, a->size, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to ? 0 : -errno;
}

/* Only the page itself, or all of its block */
static int change_by_protection(struct stale *a, struct outcome *want)
{
	char *at = a->p;
	size_t len = a->size;

	if (hmmt_rng_chance(&a->w->rng, 1, 2)) {
		at = (char *)(a->addr & ~(HMMT_PAGE_SIZE - 1));
		len = HMMT_PAGE_SIZE;
	}
	*want = refused;
	return mprotect(at, len, a->write ? PROT_READ : PROT_NONE) ? -errno : 0;
}

static int change_by_discard(struct stale *a, struct outcome *want)
{
	want->val = 0;
	return madvise(a->p, a->size, MADV_DONTNEED) ? -errno : 0;
}

static int change_by_unmap(struct stale *a, struct outcome *want)
{
	*want = refused;
	return munmap(a->p, a->size) ? -errno : 0;
}

static const struct {
	int (*change)(struct stale *a, struct outcome *want);
	const char *title;
} changes[] = {
	{ change_by_migration, "stale translation: after a migration" },
	{ change_by_reclaim, "stale translation: after reclaim" },
	{ change_by_move, "stale translation: after mremap" },
	{ change_by_protection, "stale translation: after mprotect" },
	{ change_by_discard, "stale translation: after MADV_DONTNEED" },
	{ change_by_unmap, "stale translation: after munmap" },
};

static int make_block(struct stale *a)
{
	struct worker *w = a->w;
	unsigned int page = hmmt_rng_below(&w->rng, a->pages);
	uint64_t key = a->zeros ? 0 : lane_key(w);

	a->p = lane_map(w, 0, a->pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1);
	if (!a->p)
		return -ENOMEM;
	madvise(a->p, a->size, a->base ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
	a->addr = (unsigned long)a->p + page * HMMT_PAGE_SIZE + 8;
	a->word = lane_word(w, key, page);
	if (key)
		return lane_fill(w, a->p, a->pages, key);
	return lane_check(w, a->p, 0, a->pages, 0, VIA_CPU, "zeros");
}

/* The child that has the block as well */
static void let_go(struct stale *a)
{
	unsigned int i;

	if (a->pid > 0) {
		kill(a->pid, SIGKILL);
		waitpid(a->pid, NULL, 0);
	}
	for (i = 0; i < 2; i++) {
		close(a->ask[i]);
		close(a->told[i]);
	}
}

static void draw_round(struct stale *a)
{
	struct hmmt_rng *rng = &a->w->rng;

	/* a migration more often than all others */
	a->how = hmmt_rng_chance(rng, 1, 4) ? 0 : hmmt_rng_below(rng, ARRAY_SIZE(changes));
	a->zeros = hmmt_rng_chance(rng, 1, 4);
	a->base = hmmt_rng_chance(rng, 1, 2);
	/* enough to be done at once; each of a whole PMD's would be migrated alone, for 0.2 s */
	a->pages = a->base ? 1U << hmmt_rng_between(rng, 0, 6) : HMMT_PMD_PAGES;
	a->size = a->pages * HMMT_PAGE_SIZE;
	a->shared = hmmt_rng_chance(rng, 1, 3);
	/* a store would make it a page that is written to */
	a->write = !a->zeros && !a->shared && hmmt_rng_chance(rng, 1, 3);
}

static int one_round(struct stale *a)
{
	struct outcome want = { 0, 0 };
	struct worker *w = a->w;
	pthread_t thread;
	int ret;

	if (make_block(a) || pipe(a->ask))
		return CHILD_NOTHING;
	if (pipe(a->told)) {
		close(a->ask[0]);
		close(a->ask[1]);
		return CHILD_NOTHING;
	}
	if (a->shared) {
		a->pid = fork();
		if (!a->pid)
			sharer(a);
		if (a->pid < 0) {
			let_go(a);
			return CHILD_NOTHING;
		}
	}
	hmmt_stay_on(0);
	if (pthread_create(&thread, NULL, user_of_page, a)) {
		let_go(a);
		return CHILD_NOTHING;
	}
	while (!atomic_load(&a->started))
		nap_ms(1);
	nap_ms(1);
	step_begin(w, STEP_SYSTEM, a->addr);
	ret = changes[a->how].change(a, &want);
	atomic_store(&a->done, 1);
	pthread_join(thread, NULL);
	step_end(w);
	let_go(a);
	if (ret)
		return CHILD_NOTHING;
	atomic_fetch_add(&w->sh->checked[ORACLE_NEGATIVE], 1);
	if (a->ret && a->ret != want.ret && lane_excused(w, a->ret))
		return 0;
	/* what was written by an old translation has gone to an old page */
	if (a->write && !a->ret && !want.ret) {
		want.val = a->word ^ 4;
		if (access_load(a->addr, &a->val))
			return 0;
	}
	if (bust_answer(w, "stale"))
		a->ret = want.ret ? 0 : -EFAULT;
	if (a->ret != want.ret || (!want.ret && a->val != want.val))
		fail_add(w->sh, ORACLE_NEGATIVE, changes[a->how].title,
			 "%s of %#lx by the other CPU%s%s%s: %s, %#llx; expected %s, %#llx",
			 a->write ? "write" : "read", a->addr, a->zeros ? ", zero page" : "",
			 a->base ? ", base pages" : ", THP", a->shared ? ", shared" : "",
			 a->ret ? strerror(-a->ret) : "done", (unsigned long long)a->val,
			 want.ret ? strerror(-want.ret) : "done", (unsigned long long)want.val);
	return 0;
}

static int stale_child(struct worker *w, void *arg)
{
	unsigned int rounds = ((struct stale *)arg)->rounds, n = 0;
	int ret = CHILD_NOTHING;

	/* Who gets the CPU between the change and the look at it takes the translations with it. */
	setpriority(PRIO_PROCESS, 0, -20);
	for (; n < rounds; n++) {
		struct stale a = { .w = w };

		draw_round(&a);
		if (!one_round(&a))
			ret = 0;
	}
	return ret;
}

static int stale_tlb(struct worker *w)
{
	struct stale a = { .rounds = hmmt_rng_between(&w->rng, 1, MAX_ROUNDS) };

	op_arg(w, a.rounds);
	return child_result(w, child_run(w, stale_child, &a), "stale translations");
}

const struct op ops_stale[] = {
	{ "stale_tlb", "change a page that another CPU goes on using", NEED_DEV | NEED_CPUS,
	  OP_PROCESS, 1, stale_tlb },
	OP_TABLE_END
};
