// SPDX-License-Identifier: GPL-2.0
/*
 * What comes while an eviction is under way: it holds no lock of the address space, so what
 * is mapped there, which are migration entries by then, may be copied, protected, moved and
 * unmapped at each point of it. Nothing else happens meanwhile. The eviction must
 * then put back what these made of it.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "validate.h"

#define HOLD_MS		100	/* all that is done meanwhile takes less */
#define PATIENCE_MS	1000	/* until it is held */
#define TRIES		5

#define HALF		(PAGES / 2)

struct held {
	bool thp;
	bool (*change)(void);	/* meanwhile */
	bool (*then)(void);	/* all is as it should be, behind both */
};

struct eviction {
	unsigned int point;
	int ret;
	_Atomic bool through;
};

static void *evict(void *arg)
{
	struct eviction *e = arg;

	hmmt_stay_on(1);
	e->ret = hmmt_hold(&dev0, e->point, HOLD_MS);
	if (!e->ret)
		e->ret = hmmt_evict(&dev0, NULL);
	e->through = true;
	return NULL;
}

/* --- fork --------------------------------------------------------------------------- */

static pid_t writer;

/* Its writes wait until all is mapped again, and are its own. */
static bool fork_a_writer(void)
{
	unsigned long i;

	writer = fork();
	if (!writer) {
		for (i = 0; i < PAGES; i++)
			*word(i) = ~value(i);
		_exit(0);
	}
	WANT(writer > 0, "%s", strerror(errno));
	return true;
}

static bool nothing_written(void)
{
	int status;

	TRY(reaped(writer, &status));
	WANT(!status, "child: status %#x", status);
	return intact(0, PAGES);
}

/* The child has what was there at the fork, whatever we write. */
static bool write_then(void)
{
	unsigned long i;

	for (i = 0; i < PAGES; i++)
		*word(i) = ~value(i);
	TRY(child_end());
	for (i = 0; i < PAGES; i++)
		*word(i) = value(i);
	return intact(0, PAGES);
}

/* --- mprotect ----------------------------------------------------------------------- */

static bool protect(unsigned long nr, int prot)
{
	WANT(!mprotect(area, nr * HMMT_PAGE_SIZE, prot), "%s", strerror(errno));
	return true;
}

static bool protect_all(void)
{
	return protect(PAGES, PROT_READ);
}

static bool protect_half(void)
{
	return protect(HALF, PROT_READ);
}

/* Forbidden ones are refused: the kernel's own, which raises no signal, and the device's. */
static bool writable(unsigned long page, bool allowed)
{
	uint64_t v = value(page);
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC), ret;

	WANT(fd >= 0, "%s", strerror(errno));
	ret = read(fd, word(page), sizeof(v)) < 0 ? errno : 0;
	close(fd);
	WANT(ret == (allowed ? 0 : EFAULT), "page %lu: a write by the CPU: %s", page,
	     strerror(ret));
	ret = hmmt_access(&dev0, (unsigned long)word(page), &v, sizeof(v), HMMT_ACCESS_WRITE,
			  NULL);
	WANT(!ret == allowed, "page %lu: a write by the device: %s", page, strerror(-ret));
	return true;
}

static bool half_is_protected(void)
{
	TRY(writable(HALF - 1, false) && writable(HALF, true));
	TRY(protect(PAGES, PROT_READ | PROT_WRITE));
	return intact(0, PAGES);
}

static bool all_is_protected(void)
{
	TRY(writable(0, false) && writable(PAGES - 1, false));
	TRY(protect(PAGES, PROT_READ | PROT_WRITE));
	TRY(writable(0, true));
	return intact(0, PAGES);
}

static bool protect_there_and_back(void)
{
	return protect(PAGES, PROT_NONE) && protect(PAGES, PROT_READ | PROT_WRITE);
}

static bool nothing_is_protected(void)
{
	TRY(writable(0, true) && writable(PAGES - 1, true));
	return intact(0, PAGES);
}

/* --- mremap and munmap ---------------------------------------------------------------- */

static bool move_by(unsigned long pages)
{
	char *to = ptr(2 * PAGES + pages);

	WANT(mremap(area, HMMT_PMD_SIZE, HMMT_PMD_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
		    to) == to, "%s", strerror(errno));
	return true;
}

static bool move_whole(void)
{
	return move_by(0);
}

static bool move_across(void)
{
	return move_by(3);
}

static bool whole_is_there(void)
{
	return intact_at(ptr(2 * PAGES), 0, PAGES);
}

static bool across_is_there(void)
{
	return intact_at(ptr(2 * PAGES + 3), 0, PAGES);
}

static bool unmap_half(void)
{
	WANT(!munmap(ptr(HALF), HALF * HMMT_PAGE_SIZE), "%s", strerror(errno));
	return true;
}

static bool discard_half(void)
{
	WANT(!madvise(ptr(HALF), HALF * HMMT_PAGE_SIZE, MADV_DONTNEED), "%s", strerror(errno));
	return true;
}

static bool half_is_there(void)
{
	return intact(0, HALF);
}

static bool half_is_zeros(void)
{
	unsigned long i;

	for (i = HALF; i < PAGES; i++)
		WANT(!*word(i), "page %lu holds %#llx", i, (unsigned long long)*word(i));
	return intact(0, HALF);
}

/* --- those that only look ------------------------------------------------------------ */

/* A page on its way is no hole. */
static bool look(void)
{
	unsigned char core[PAGES];
	struct hmmt_pagemap e;
	uint64_t map[PAGES];
	unsigned long i;

	WANT(!hmmt_pagemap_read(getpid(), at(0), PAGES, map), "pagemap");
	WANT(!mincore(area, HMMT_PMD_SIZE, core), "%s", strerror(errno));
	for (i = 0; i < PAGES; i++) {
		e = hmmt_pagemap_decode(map[i]);
		WANT(e.present || e.swap, "page %lu: entry %#llx", i, (unsigned long long)map[i]);
		WANT(core[i] & 1, "page %lu: not in core", i);
	}
	return true;
}

static bool reclaim(void)
{
	WANT(!madvise(area, HMMT_PMD_SIZE, MADV_COLD), "%s", strerror(errno));
	WANT(!madvise(area, HMMT_PMD_SIZE, MADV_PAGEOUT), "%s", strerror(errno));
	return true;
}

static bool all_is_there(void)
{
	return intact(0, PAGES);
}

/* --- the meeting ------------------------------------------------------------------------ */

/* @met: the eviction was held when the change was through */
static bool meet(const struct held *h, unsigned int point, bool *met)
{
	struct eviction e = { .point = point };
	unsigned long long was;
	pthread_t thread;
	unsigned int ms;
	bool changed;

	TRY(fill(1, h->thp));
	TRY(move(0, PAGES, 0, NULL));
	was = stats_now().held;
	WANT(!pthread_create(&thread, NULL, evict, &e), "thread");
	for (ms = 0; stats_now().held == was && ms < PATIENCE_MS && !e.through; ms++)
		usleep(1000);
	changed = h->change();
	*met = stats_now().held != was && !e.through;
	pthread_join(thread, NULL);
	WANT(!e.ret, "eviction: %s", strerror(-e.ret));
	TRY(changed && h->then());
	munmap(area, AREA_SIZE);
	return true;
}

static bool held(unsigned long arg)
{
	static const unsigned int points[] = {
		HMMT_HOLD_COLLECTED, HMMT_HOLD_COPIED, HMMT_HOLD_MOVED,
	};
	const struct held *h = (const struct held *)arg;
	unsigned int i, tries;
	bool met;

	hmmt_stay_on(0);
	for (i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		met = false;
		for (tries = 0; tries < TRIES && !met; tries++) {
			printf("# held at point %u\n", points[i]);
			TRY(meet(h, points[i], &met));
		}
		if (!met)
			SKIP("the eviction did not wait until the change was made");
	}
	return true;
}

#define MIGRATION	"migrate_device_range(): takes pages that are mapped, without the mmap lock"
#define ROW(name, promise, thp, change, then)					\
	{ "held." name, promise, MIGRATION, held,				\
	  (unsigned long)&(const struct held){ thp, change, then }, 0 }
#define BOTH(name, promise, change, then)					\
	ROW(name, promise, true, change, then),					\
	ROW(name "_base", "... by base pages", false, change, then)

const struct row held_rows[] = {
	BOTH("fork_writer", "an eviction, and a fork: what the child writes is its own",
	     fork_a_writer, nothing_written),
	BOTH("fork_reader", "... what we write is our own", child_begin, write_then),
	BOTH("protect", "... mprotect(): nobody writes", protect_all, all_is_protected),
	BOTH("protect_half", "... of a half", protect_half, half_is_protected),
	BOTH("protect_back", "... there and back: everybody writes", protect_there_and_back,
	     nothing_is_protected),
	BOTH("move", "... mremap()", move_whole, whole_is_there),
	BOTH("move_across", "... to where no PMD begins", move_across, across_is_there),
	BOTH("unmap_half", "... munmap() of a half", unmap_half, half_is_there),
	BOTH("look", "... pagemap and mincore(): no holes", look, all_is_there),
	BOTH("reclaim", "... MADV_COLD and MADV_PAGEOUT", reclaim, all_is_there),
	BOTH("discard_half", "... MADV_DONTNEED of a half: zeros", discard_half, half_is_zeros),
	{}
};
