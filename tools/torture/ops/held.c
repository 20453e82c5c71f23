// SPDX-License-Identifier: GPL-2.0
/*
 * The driver holds up a migration, or a fault, where the kernel waits for it; meanwhile
 * (meanwhile.c) somebody else needs, changes or looks at the same memory. What else is left to
 * chance is made to happen: each point of a migration against each thing that may come there,
 * from the same address space or from one that shares the folio.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "held.h"

/* Until the other one is held, at most */
#define PATIENCE_MS	500

static const unsigned int points[] = {
	HMMT_HOLD_COLLECTED, HMMT_HOLD_COPIED, HMMT_HOLD_MOVED, HMMT_HOLD_FAULTED,
};

/* --- who is held up -------------------------------------------------------- */

/* Takes no lock of the address space: all of it may change meanwhile. */
static void evict_block(struct held *h)
{
	struct hmmt_evict e = { .mode = HMMT_EVICT_CHUNK };
	uint64_t entry;

	if (hmmt_pagemap_read(getpid(), (unsigned long)h->p, 1, &entry))
		return;
	e.pfn = hmmt_pagemap_decode(entry).swap_pfn;
	if (e.pfn)
		hmmt_evict_some(&h->w->r->dev[0], &e);
}

static void hold_up(struct held *h)
{
	struct hmmt_dev *dev = &h->w->r->dev[0];
	uint64_t val;

	if (h->late != NOBODY)
		eventfd_write(h->reached, 1);
	if (h->late == WHO_MIGRATES)
		perturb_catch(h->w, h->draw);
	else if (h->late == WHO_MEDDLES)
		nap_ms(1);
	else if (hmmt_hold_tell(dev, h->point, HOLD_MS, h->reached))
		return;
	if (h->how == BY_FAULT)
		access_load((unsigned long)h->p, &val);
	else if (h->how == BY_EVICTION)
		evict_block(h);
	else
		hmmt_migrate(dev, (unsigned long)h->p, h->size,
			     (in_device(h) ? HMMT_MIGRATE_TO_SYS : 0) |
			     (h->drop ? HMMT_MIGRATE_DROP : 0), NULL);
	/* where there was nothing to hold it */
	eventfd_write(h->reached, 1);
}

static void *hold_thread(void *h)
{
	hold_up(h);
	return NULL;
}

/* In which an eviction finds no place */
static struct hmmt_inject no_memory = {
	.sites = HMMT_SITE_SYS_THP | HMMT_SITE_SYS_BASE,
	.nth = 1,
	.interval = 1,
};
static struct hmmt_inject enough;

/* What the other one sees: unchanged. It has no place in the eyes of the progress oracle. */
static int hold_process(struct held *h)
{
	unsigned int page;
	uint64_t val;

	child_reopen(h->w);
	if (h->drop && h->how == BY_EVICTION)
		hmmt_inject(&h->w->r->dev[0], &no_memory);
	hold_up(h);
	hmmt_inject(&h->w->r->dev[0], &enough);
	for (page = 0; page < h->pages; page++) {
		if (access_load(held_word(h, page), &val))
			continue;
		val ^= bust_answer(h->w, "other");
		if (val == lane_word(h->w, h->key, page))
			continue;
		fail_add(h->w->sh, ORACLE_FORK, val ? "wrong slot: garbage" :
			 "wrong slot: lost page (zeros)",
			 "page %u of who was held up at point %u: %#llx", page, h->point,
			 (unsigned long long)val);
		return 0;
	}
	return 0;
}

/* --- both at once ----------------------------------------------------------- */

/* A block of the child's own, where it has to be; false: it is not to be had. */
static bool make_block(struct held *h)
{
	struct worker *w = h->w;
	int ret = 0;

	h->p = lane_map(w, 0, h->pages, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (!h->p)
		return false;
	madvise(h->p, h->size, h->base ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
	if (h->key)
		ret = lane_fill(w, h->p, h->pages, h->key);
	else if (h->where == IN_ZEROS)
		ret = lane_check(w, h->p, 0, h->pages, 0, VIA_CPU, "zeros");
	if (!ret && in_device(h))
		ret = hmmt_migrate(&w->r->dev[0], (unsigned long)h->p, h->size, 0, NULL);
	if (!ret && h->where == IN_PARTS)
		ret = mprotect(h->p, HMMT_PAGE_SIZE, PROT_READ) ||
		      mprotect(h->p, HMMT_PAGE_SIZE, PROT_READ | PROT_WRITE);
	return !ret;
}

/* One of the devices that are there, or a CPU, which takes the page away from them */
static enum via any_way(struct held *h)
{
	unsigned int dev = hmmt_rng_below(&h->w->rng, NR_DEVS);

	return hmmt_is_open(&h->w->r->dev[dev]) && hmmt_rng_chance(&h->w->rng, 4, 5) ?
		VIA_DEV0 + dev : VIA_CPU;
}

/* Devices remember what they are told of the page, before or in the middle of it. */
static void tell_devices(struct held *h)
{
	unsigned int dev;
	uint64_t val;

	for (dev = 0; dev < NR_DEVS; dev++)
		if (hmmt_is_open(&h->w->r->dev[dev]) && hmmt_rng_chance(&h->w->rng, 1, 2))
			do_load(h->w, held_word(h, h->page), VIA_DEV0 + dev, &val);
}

/*
 * ... and must not keep it: what one writes another one reads, without anything between them
 * that would make it forget. What is protected is so for all of them.
 */
static void check_afterwards(struct held *h)
{
	enum via writer = any_way(h), reader = any_way(h);
	struct worker *w = h->w;
	unsigned long addr = held_word(h, h->page);
	uint64_t val = 0, word = lane_word(w, h->key, h->page) ^ 2;
	int ret;

	ret = do_store(w, addr, writer, word);
	if (span_has(h->fixed, h->page)) {
		if (bust_answer(w, "written"))
			ret = 0;
		atomic_fetch_add(&w->sh->checked[ORACLE_NEGATIVE], 1);
		if (!ret)
			fail_add(w->sh, ORACLE_NEGATIVE, "negative: forbidden write succeeded",
				 "%#lx, way %u, protected while it was held up at point %u", addr,
				 writer, h->point);
		mprotect(h->p, h->size, PROT_READ | PROT_WRITE);
		return;
	}
	if (!ret)
		ret = do_load(w, addr, reader, &val);
	if (ret)
		return;
	val ^= bust_answer(w, "stale");
	atomic_fetch_add_explicit(&w->sh->checked[ORACLE_SLOT], 1, memory_order_relaxed);
	if (val != word)
		fail_add(w->sh, ORACLE_SLOT, val ? "wrong slot: stale sequence" :
			 "wrong slot: lost page (zeros)",
			 "%#lx, written by %u, read by %u, after it was held up at point %u: %#llx, written %#llx",
			 addr, writer, reader, h->point, (unsigned long long)val,
			 (unsigned long long)word);
	do_store(w, addr, VIA_CPU, lane_word(w, h->key, h->page));
}

static void check_block(struct held *h)
{
	unsigned int end = h->gone.first + h->gone.n;
	static const char what[] = "held up";
	int ret;

	if (h->loose)
		return;
	/* but the page that was written to since */
	if (span_has(h->gone, h->page))
		do_store(h->w, held_word(h, h->page), VIA_CPU, 0);
	ret = lane_check(h->w, h->p, 0, h->gone.first, h->key, VIA_CPU, what);
	if (!ret)
		ret = lane_check(h->w, h->p + h->gone.first * HMMT_PAGE_SIZE, h->gone.first,
				 h->gone.n, 0, VIA_CPU, what);
	if (!ret)
		lane_check(h->w, h->p + end * HMMT_PAGE_SIZE, end, h->pages - end, h->key,
			   VIA_CPU, what);
}

/* Who is to be held may die, or take long, before it gets there. */
static void wait_until_reached(struct held *h)
{
	struct pollfd p = { .fd = h->reached, .events = POLLIN };

	if (poll(&p, 1, PATIENCE_MS) != 1)
		h->point = 0;
	if (h->late == WHO_MEDDLES)
		perturb_catch(h->w, h->draw);
	else if (h->late == WHO_MIGRATES)
		nap_ms(1);
}

static int held_child(struct worker *w, void *arg)
{
	struct held *h = arg;
	pthread_t thread;
	int status = 0;

	h->w = w;
	h->reached = eventfd(0, 0);
	if (h->reached <= 0 || !make_block(h))
		return CHILD_NOTHING;
	tell_devices(h);
	if (h->shared) {
		h->pid = fork();
		if (!h->pid)
			_exit(hold_process(h));
		if (h->pid < 0)
			return CHILD_NOTHING;
	} else if (pthread_create(&thread, NULL, hold_thread, h)) {
		return CHILD_NOTHING;
	}
	wait_until_reached(h);
	/* but where it may have to wait, and what comes next comes too late, seldom */
	if (!h->key || hmmt_rng_chance(&w->rng, 1, 3))
		tell_devices(h);
	h->meddle(h);
	perturb_let_go(w);
	step_begin(w, STEP_WAIT, (unsigned long)h->p);
	if (h->shared)
		waitpid(h->pid, &status, 0);
	else
		pthread_join(thread, NULL);
	step_end(w);
	if (status && !(h->killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		fail_add(w->sh, ORACLE_FORK, "fork: grandchild died",
			 "held up at point %u: status %#x", h->point, status);
	if (!h->loose)
		check_afterwards(h);
	check_block(h);
	return h->nothing ? CHILD_NOTHING : 0;
}

int held_up(struct worker *w, const struct meanwhile *m)
{
	struct held h = { .meddle = m->meddle };

	h.where = m->wheres ? hmmt_rng_below(&w->rng, m->wheres) : IN_DEVICE;
	h.how = in_device(&h) ? hmmt_rng_below(&w->rng, NR_HOWS) : BY_COMMAND;
	h.point = points[hmmt_rng_below(&w->rng, ARRAY_SIZE(points) - (h.how != BY_FAULT))];
	h.shared = m->shared || hmmt_rng_chance(&w->rng, 1, 2);
	h.key = h.where == NOWHERE || h.where == IN_ZEROS ? 0 : lane_key(w);
	h.base = h.where != IN_PARTS && hmmt_rng_chance(&w->rng, 1, 3);
	/* A whole PMD's are migrated one by one, which takes longer than all else here. */
	h.pages = !h.base || hmmt_rng_chance(&w->rng, 1, 8) ? HMMT_PMD_PAGES :
		  1U << hmmt_rng_between(&w->rng, 3, 6);
	h.size = h.pages * HMMT_PAGE_SIZE;
	h.page = hmmt_rng_between(&w->rng, 1, h.pages - 1);
	/* takes less time than to be held */
	h.late = hmmt_rng_chance(&w->rng, 1, 3) ? NOBODY :
		 hmmt_rng_between(&w->rng, WHO_MEDDLES, WHO_MIGRATES);
	if (h.late != NOBODY)
		h.point = 0;
	op_arg(w, h.point);
	h.draw = hmmt_rng_u64(&w->rng);
	h.drop = m->drop || hmmt_rng_chance(&w->rng, 1, 4);
	/* an eviction is refused by the allocations of a process of its own */
	h.drop &= h.how == BY_COMMAND || (h.how == BY_EVICTION && h.shared);
	op_arg(w, h.late << 13 | h.drop << 12 | h.where << 8 | h.base << 4 | h.how << 1 | h.shared);
	return child_result(w, child_run(w, held_child, &h), "held up");
}
