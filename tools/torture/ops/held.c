// SPDX-License-Identifier: GPL-2.0
/*
 * The driver holds up a migration, or a fault, where the kernel waits for it; meanwhile
 * somebody else needs, changes or looks at the same memory. What else is left to chance
 * is made to happen: each point of a migration against each thing that may come there,
 * from the same address space or from one that shares the folio.
 *
 * Who needs memory that is on its way sleeps until it is there. A fault that is taken
 * again and again instead ends as well, with the right data; only the number of
 * faults tells.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "uffd.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

/* Of guest time: a fault that is retaken takes 14 us, with lockdep 50. */
#define HOLD_MS		40
/* One that is waited for may not run for a time slice, just before it lets go. */
#define FAIR_FAULTS	500
/* Until the other one is held, at most */
#define PATIENCE_MS	500

enum where { IN_SYSTEM, IN_PARTS, NOWHERE, IN_ZEROS, IN_DEVICE, NR_WHERES };

/* What is held up */
enum how { BY_COMMAND, BY_EVICTION, BY_FAULT, NR_HOWS };

/*
 * Or nothing is held up: both go at once, and one of them is caught where the kernel waits
 * for nobody (HMMT_CATCH), so that the other one is through before it goes on.
 */
enum who { NOBODY, WHO_MEDDLES, WHO_MIGRATES };

static const unsigned int points[] = {
	HMMT_HOLD_COLLECTED, HMMT_HOLD_COPIED, HMMT_HOLD_MOVED, HMMT_HOLD_FAULTED,
};

struct held {
	struct worker *w;
	char *p;		/* the block */
	enum where where;	/* ... at first */
	bool base;		/* of base pages */
	unsigned int pages;	/* ... has so many */
	size_t size;
	unsigned int page;	/* the one that is looked at most */
	unsigned int point;	/* where it is held, 0 if it is not */
	enum how how;
	bool shared;		/* ... of another process */
	enum who late;
	int ready[2];		/* the other one is about to begin */
	bool drop;		/* it gets no destination, all goes back to where it was */
	pid_t pid;		/* of that one */
	bool killed;		/* ... by us */
	void (*meddle)(struct held *h);	/* what comes meanwhile */
	uint64_t draw;		/* where it is caught */
	uint64_t key;		/* what the block holds, 0: zeros */
	struct span gone;	/* zeros in any case */
	_Atomic bool through;	/* the thread that is held */
	struct span fixed;	/* not to be written to any more */
	bool loose;		/* nobody knows what it holds */
	bool nothing;		/* came meanwhile */
};

/* --- who is held up -------------------------------------------------------- */

static unsigned long word_of(const struct held *h, unsigned int page)
{
	return (unsigned long)h->p + page * HMMT_PAGE_SIZE + 8;
}

static bool in_device(const struct held *h)
{
	return h->where == IN_DEVICE || h->where == IN_PARTS;
}

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

	if (h->late != NOBODY && write(h->ready[1], "", 1) != 1)
		return;
	if (h->late == WHO_MIGRATES)
		perturb_catch(h->w, h->draw);
	else if (h->late == WHO_MEDDLES)
		nap_ms(1);
	else if (hmmt_hold(dev, h->point, HOLD_MS))
		return;
	if (h->how == BY_FAULT)
		access_load((unsigned long)h->p, &val);
	else if (h->how == BY_EVICTION)
		evict_block(h);
	else
		hmmt_migrate(dev, (unsigned long)h->p, h->size,
			     (in_device(h) ? HMMT_MIGRATE_TO_SYS : 0) |
			     (h->drop ? HMMT_MIGRATE_DROP : 0), NULL);
}

static void *hold_thread(void *h)
{
	hold_up(h);
	((struct held *)h)->through = true;
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
		if (access_load(word_of(h, page), &val))
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

/* --- what comes meanwhile ---------------------------------------------------- */

static struct span some_of(struct held *h)
{
	struct hmmt_rng *rng = &h->w->rng;
	struct span s = { 0, h->pages };

	if (hmmt_rng_chance(rng, 1, 2)) {
		s.first = hmmt_rng_below(rng, h->pages);
		s.n = hmmt_rng_between(rng, 1, h->pages - s.first);
	}
	return s;
}

static int advise_some(struct held *h, int advice, struct span *s)
{
	unsigned long at;
	int ret;

	*s = some_of(h);
	at = (unsigned long)h->p + s->first * HMMT_PAGE_SIZE;
	step_begin(h->w, STEP_MADVISE, at);
	ret = madvise((void *)at, s->n * HMMT_PAGE_SIZE, advice);
	step_end(h->w);
	return ret;
}

/*
 * What is on its way to a device is mapped there, and locked, for as long as the one who
 * does it gets no CPU; what comes back is waited for by migration entries, all the time.
 */
static const char *spin_title(const struct held *h)
{
	static const char * const titles[][2] = {
		{ "spin: fault on a THP on its way to a device",
		  "spin: fault on a page on its way to a device" },
		{ "spin: fault on a device THP that a fault has locked",
		  "spin: fault on a device page that a fault has locked" },
		/* it is locked before it is unmapped */
		{ "spin: fault on a device THP that a migration has locked",
		  "spin: fault on a device page that a migration has locked" },
		{ "spin: fault on a device THP on its way back",
		  "spin: fault on a device page on its way back" },
	};
	/* a hole of that size is filled by a THP, whatever was advised */
	bool part = h->where == IN_PARTS || (h->base && h->where != NOWHERE);
	bool locked = h->late != NOBODY || h->point == HMMT_HOLD_FAULTED;

	if (!in_device(h))
		return titles[0][part];
	return titles[!locked ? 3 : h->how == BY_FAULT ? 1 : 2][part];
}

static void judge(struct held *h, enum via via, bool write, long faults)
{
	struct worker *w = h->w;

	atomic_fetch_add(&w->sh->checked[ORACLE_PROGRESS], 1);
	if (bust_answer(w, "faults"))
		faults = FAIR_FAULTS + 1;
	if (faults <= FAIR_FAULTS)
		return;
	fail_add(w->sh, ORACLE_PROGRESS, spin_title(h),
		 "%ld faults for one %s, way %u, of memory of %s that was held for %u ms at point %u",
		 faults, write ? "write" : "read", via, h->shared ? "two processes" : "one process",
		 h->point ? HOLD_MS : 0, h->point);
}

static void meddle_access(struct held *h)
{
	static const enum via ways[] = { VIA_CPU, VIA_CPU, VIA_FILE, VIA_DEV1 };
	struct worker *w = h->w;
	enum via via = ways[hmmt_rng_below(&w->rng, ARRAY_SIZE(ways))];
	unsigned long addr = word_of(h, h->page);
	bool write = hmmt_rng_chance(&w->rng, 1, 2);
	struct rusage before, now;
	uint64_t val;
	int ret;

	if (via == VIA_DEV1 && !hmmt_is_open(&w->r->dev[1]))
		via = VIA_CPU;
	getrusage(RUSAGE_THREAD, &before);
	if (write)
		ret = do_store(w, addr, via, lane_word(w, h->key, h->page));
	else
		ret = do_load(w, addr, via, &val);
	getrusage(RUSAGE_THREAD, &now);
	if (!ret)
		judge(h, via, write, now.ru_minflt - before.ru_minflt);
}

static void meddle_discard(struct held *h)
{
	struct span s;

	if (!advise_some(h, MADV_DONTNEED, &s))
		h->gone = s;
}

static void meddle_free(struct held *h)
{
	struct span s;

	advise_some(h, MADV_FREE, &s);
	h->loose = true;
}

static void meddle_pageout(struct held *h)
{
	struct span s;

	advise_some(h, hmmt_rng_chance(&h->w->rng, 3, 4) ? MADV_PAGEOUT : MADV_COLD, &s);
}

static void meddle_collapse(struct held *h)
{
	struct span s;

	advise_some(h, MADV_COLLAPSE, &s);
}

static void meddle_migrate(struct held *h)
{
	static const unsigned int flags[] = {
		0, HMMT_MIGRATE_TO_SYS, HMMT_MIGRATE_BASE, HMMT_MIGRATE_DROP,
		HMMT_MIGRATE_TO_SYS | HMMT_MIGRATE_DROP,
	};
	struct worker *w = h->w;
	struct span s = some_of(h);
	unsigned int dev = hmmt_is_open(&w->r->dev[1]) && hmmt_rng_chance(&w->rng, 1, 3);
	unsigned long at = (unsigned long)h->p + s.first * HMMT_PAGE_SIZE;

	step_begin(w, STEP_MIGRATE, at);
	hmmt_migrate(&w->r->dev[dev], at, s.n * HMMT_PAGE_SIZE,
		     flags[hmmt_rng_below(&w->rng, ARRAY_SIZE(flags))], NULL);
	step_end(w);
}

static void meddle_evict(struct held *h)
{
	step_begin(h->w, STEP_EVICT, (unsigned long)h->p);
	hmmt_evict(&h->w->r->dev[0], NULL);
	step_end(h->w);
}

static void meddle_protect(struct held *h)
{
	struct span s = some_of(h);
	char *at = h->p + s.first * HMMT_PAGE_SIZE;

	step_begin(h->w, STEP_MPROTECT, (unsigned long)at);
	if (!mprotect(at, s.n * HMMT_PAGE_SIZE, PROT_READ))
		h->fixed = s;
	step_end(h->w);
}

static void meddle_move(struct held *h)
{
	char *to = (char *)h->w->lane + 2 * HMMT_PMD_SIZE;

	if (hmmt_rng_chance(&h->w->rng, 1, 2))
		to += hmmt_rng_below(&h->w->rng, HMMT_PMD_PAGES) * HMMT_PAGE_SIZE;
	step_begin(h->w, STEP_MREMAP, (unsigned long)h->p);
	if (mremap(h->p, h->size, h->size, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to)
		h->p = to;
	step_end(h->w);
}

/* A page under migration is no hole. Of a device THP stock kernels say so; this is never one. */
static void meddle_uffd_move(struct held *h)
{
	struct worker *w = h->w;
	char *to = uffd_area(w, 2 * AREA, 0, MADV_HUGEPAGE);
	struct uffdio_move move = {
		.dst = (uintptr_t)to,
		.src = (uintptr_t)h->p,
		.len = h->size,
	};
	struct uffd_handler u;
	int err = 0;

	if (!to || uffd_start(&u, w, UFFD_FEATURE_MOVE, to, UFFDIO_REGISTER_MODE_MISSING)) {
		h->nothing = true;
		return;
	}
	step_begin(w, STEP_UFFD_MOVE, move.src);
	if (ioctl(u.fd, UFFDIO_MOVE, &move))
		err = -errno;
	step_end(w);
	uffd_checked(w);
	if (bust_answer(w, "hole"))
		err = -ENOENT;
	if (err == -ENOENT)
		fail_add(w->sh, ORACLE_READER, "uffd: UFFDIO_MOVE took a page on its way for a hole",
			 "%#llx: ENOENT after %lld bytes, held up at point %u", move.src,
			 move.move > 0 ? move.move : 0, h->point);
	if (move.move > 0) {
		h->gone = (struct span){ 0, move.move >> HMMT_PAGE_SHIFT };
		lane_check(w, to, 0, h->gone.n, h->key, VIA_CPU, "uffd, moved while held up");
	}
	uffd_stop(&u);
}

/* The child writes to what it shares with the parent, for whom nothing may change. */
static void meddle_fork(struct held *h)
{
	unsigned int page;
	int status;
	pid_t pid;

	step_begin(h->w, STEP_FORK, (unsigned long)h->p);
	pid = fork();
	if (!pid) {
		for (page = 0; page < h->pages; page += 37)
			access_store(word_of(h, page), page);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	step_end(h->w);
}

static void meddle_look(struct held *h)
{
	uint64_t entry[HMMT_PMD_PAGES];
	unsigned char core[HMMT_PMD_PAGES];

	step_begin(h->w, STEP_READER, (unsigned long)h->p);
	hmmt_pagemap_read(getpid(), (unsigned long)h->p, h->pages, entry);
	mincore(h->p, h->size, core);
	step_end(h->w);
}

static void meddle_compact(struct held *h)
{
	step_begin(h->w, STEP_SYSTEM, 0);
	hmmt_write_file("/proc/sys/vm/compact_memory", "1");
	step_end(h->w);
}

/* Killed, and its memory taken from it while it cannot die yet: the OOM killer does the same. */
static void meddle_reap(struct held *h)
{
	int fd;

	h->killed = true;
	kill(h->pid, SIGKILL);
	fd = syscall(SYS_pidfd_open, h->pid, 0);
	if (fd < 0)
		return;
	step_begin(h->w, STEP_SYSTEM, (unsigned long)h->p);
	syscall(SYS_process_mrelease, fd, 0);
	step_end(h->w);
	close(fd);
}

/* The kernel has to undo mappings that are on their way. */
static void meddle_zap(struct held *h)
{
	static void (* const ways[])(struct held *h) = {
		meddle_discard, meddle_reap,
	};

	ways[hmmt_rng_below(&h->w->rng, ARRAY_SIZE(ways) - !h->shared)](h);
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
			do_load(h->w, word_of(h, h->page), VIA_DEV0 + dev, &val);
}

/*
 * ... and must not keep it: what one writes another one reads, without anything between them
 * that would make it forget. What is protected is so for all of them.
 */
static void check_afterwards(struct held *h)
{
	enum via writer = any_way(h), reader = any_way(h);
	struct worker *w = h->w;
	unsigned long addr = word_of(h, h->page);
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

static uint64_t times_held(struct worker *w)
{
	struct hmmt_stats st;

	return hmmt_stats(&w->r->dev[0], &st) ? 0 : st.held;
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
		do_store(h->w, word_of(h, h->page), VIA_CPU, 0);
	ret = lane_check(h->w, h->p, 0, h->gone.first, h->key, VIA_CPU, what);
	if (!ret)
		ret = lane_check(h->w, h->p + h->gone.first * HMMT_PAGE_SIZE, h->gone.first,
				 h->gone.n, 0, VIA_CPU, what);
	if (!ret)
		lane_check(h->w, h->p + end * HMMT_PAGE_SIZE, end, h->pages - end, h->key,
			   VIA_CPU, what);
}

/* Has who was to be held come to its end? */
static bool is_through(struct held *h)
{
	siginfo_t info = { 0 };

	if (!h->shared)
		return h->through;
	return !waitid(P_PID, h->pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid;
}

static void wait_until_held(struct held *h, uint64_t was)
{
	unsigned int n;

	for (n = 0; n < PATIENCE_MS && times_held(h->w) == was && !is_through(h); n++)
		nap_ms(1);
}

static void wait_until_ready(struct held *h)
{
	char c;

	if (h->shared)
		close(h->ready[1]);
	if (read(h->ready[0], &c, 1) != 1)
		return;
	if (h->late == WHO_MEDDLES)
		perturb_catch(h->w, h->draw);
	else
		nap_ms(1);
}

static int held_child(struct worker *w, void *arg)
{
	struct held *h = arg;
	pthread_t thread;
	uint64_t was;
	int status = 0;

	h->w = w;
	if (pipe(h->ready) || !make_block(h))
		return CHILD_NOTHING;
	tell_devices(h);
	was = times_held(w);
	if (h->shared) {
		h->pid = fork();
		if (!h->pid)
			_exit(hold_process(h));
		if (h->pid < 0)
			return CHILD_NOTHING;
	} else if (pthread_create(&thread, NULL, hold_thread, h)) {
		return CHILD_NOTHING;
	}
	if (h->late == NOBODY)
		wait_until_held(h, was);
	else
		wait_until_ready(h);
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

/* The block is in one of the first @wheres places. */
static int held(struct worker *w, void (*meddle)(struct held *h), unsigned int wheres)
{
	struct held h = { .meddle = meddle };

	h.where = wheres ? hmmt_rng_below(&w->rng, wheres) : IN_DEVICE;
	h.how = in_device(&h) ? hmmt_rng_below(&w->rng, NR_HOWS) : BY_COMMAND;
	h.point = points[hmmt_rng_below(&w->rng, ARRAY_SIZE(points) - (h.how != BY_FAULT))];
	h.shared = meddle == meddle_reap || hmmt_rng_chance(&w->rng, 1, 2);
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
	h.drop = meddle == meddle_uffd_move || hmmt_rng_chance(&w->rng, 1, 4);
	/* an eviction is refused by the allocations of a process of its own */
	h.drop &= h.how == BY_COMMAND || (h.how == BY_EVICTION && h.shared);
	op_arg(w, h.late << 13 | h.drop << 12 | h.where << 8 | h.base << 4 | h.how << 1 | h.shared);
	return child_result(w, child_run(w, held_child, &h), "held up");
}

#define HELD(name, wheres)						\
static int held_##name(struct worker *w)				\
{									\
	return held(w, meddle_##name, wheres);				\
}

HELD(access, NR_WHERES)
HELD(free, NR_WHERES)
HELD(pageout, NR_WHERES)
HELD(collapse, NR_WHERES)
HELD(migrate, NR_WHERES)
HELD(evict, NR_WHERES)
HELD(protect, NR_WHERES)
HELD(move, NR_WHERES)
HELD(look, NR_WHERES)
HELD(compact, NR_WHERES)
HELD(fork, NR_WHERES)
HELD(uffd_move, IN_PARTS)
/* These undo mappings; of device THPs the last one does, which stock kernels are not up to. */
HELD(discard, IN_DEVICE)
HELD(reap, IN_DEVICE)
HELD(zap, 0)

const struct op ops_held[] = {
	{ "held_access", "need a page of a block that is held up on its way", NEED_DEV | NEED_THP,
	  OP_PROCESS, 1, held_access },
	{ "held_free", "... MADV_FREE", NEED_DEV | NEED_THP, OP_PROCESS, 1, held_free },
	{ "held_pageout", "... MADV_PAGEOUT or _COLD", NEED_DEV | NEED_THP, OP_PROCESS, 1,
	  held_pageout },
	{ "held_collapse", "... MADV_COLLAPSE", NEED_DEV | NEED_THP, OP_PROCESS, 1, held_collapse },
	{ "held_migrate", "... migrate some of it", NEED_DEV | NEED_THP, OP_PROCESS, 1,
	  held_migrate },
	{ "held_evict", "... evict all of the device", NEED_DEV | NEED_THP, OP_PROCESS, 1,
	  held_evict },
	{ "held_protect", "... mprotect() there and back", NEED_DEV | NEED_THP, OP_PROCESS, 1,
	  held_protect },
	{ "held_move", "... mremap()", NEED_DEV | NEED_THP, OP_PROCESS, 1, held_move },
	{ "held_look", "... pagemap and mincore()", NEED_DEV | NEED_THP, OP_PROCESS, 1, held_look },
	{ "held_compact", "... compaction", NEED_DEV | NEED_THP | NEED_GUEST, OP_PROCESS, 1,
	  held_compact },
	{ "held_discard", "... discard some of it, but no device THP", NEED_DEV | NEED_THP,
	  OP_PROCESS, 1, held_discard },
	{ "held_fork", "... fork(), and writes by the child", NEED_DEV | NEED_THP, OP_PROCESS, 1,
	  held_fork },
	{ "held_uffd_move", "... UFFDIO_MOVE, of what comes to no device",
	  NEED_DEV | NEED_THP | NEED_UFFD, OP_PROCESS, 1, held_uffd_move },
	{ "held_reap", "... kill and reap who holds it, but no device THP", NEED_DEV | NEED_THP,
	  OP_PROCESS, 1, held_reap },
	{ "held_zap", "... either of these two, of a device THP", NEED_DEV | NEED_THP,
	  OP_PROCESS, 1, held_zap },
	OP_TABLE_END
};
