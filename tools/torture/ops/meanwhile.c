// SPDX-License-Identifier: GPL-2.0
/*
 * What comes to a block while it is held up on its way (held.c).
 *
 * Who needs memory that is on its way sleeps until it is there. A fault that is taken
 * again and again instead ends as well, with the right data; only the number of
 * faults tells.
 */
#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "held.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

/* One that is waited for may not run for a time slice, just before it lets go. */
#define FAIR_FAULTS	500

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
	bool locked = !h->point || h->point == HMMT_HOLD_FAULTED;

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
	unsigned long addr = held_word(h, h->page);
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
			access_store(held_word(h, page), page);
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

#define HELD(name, places, ...)						\
static int held_##name(struct worker *w)				\
{									\
	static const struct meanwhile m = {				\
		.meddle = meddle_##name, .wheres = places, __VA_ARGS__	\
	};								\
									\
	return held_up(w, &m);						\
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
HELD(uffd_move, IN_PARTS, .drop = true)
/* These undo mappings; of device THPs the last one does, which stock kernels are not up to. */
HELD(discard, IN_DEVICE)
HELD(reap, IN_DEVICE, .shared = true)
HELD(zap, 0)

const struct op ops_meanwhile[] = {
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
