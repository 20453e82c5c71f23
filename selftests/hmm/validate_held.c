// SPDX-License-Identifier: GPL-2.0
/*
 * What comes while a migration is under way. An eviction holds no lock of the address space, so
 * what is mapped there, which are migration entries by then, may be copied, protected, moved and
 * unmapped at each point of it. Next to one by command there are still those that look. Nothing
 * else happens meanwhile. The migration must then put back what these made of it.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "validate.h"

#define HOLD_MS		100	/* all that is done meanwhile takes less */
#define PATIENCE_MS	1000	/* until it is held */
#define TRIES		5

#define FAIR_FAULTS	500	/* a fault that is retaken takes 14 us */

#define HALF		(PAGES / 2)

/* Where it is held, each in its turn; ends with 0 */
static const unsigned int everywhere[] = {
	HMMT_HOLD_COLLECTED, HMMT_HOLD_COPIED, HMMT_HOLD_MOVED, 0
};
static const unsigned int before_moved[] = { HMMT_HOLD_COLLECTED, HMMT_HOLD_COPIED, 0 };
static const unsigned int at_fault[] = { HMMT_HOLD_FAULTED, 0 };

struct held {
	bool (*make)(void);	/* the block */
	int (*migrate)(void);
	const unsigned int *points;
	bool (*change)(void);	/* meanwhile */
	bool (*then)(void);	/* all is as it should be, behind both */
	bool waits;		/* the change, for the end of the migration */
};

struct migration {
	int (*migrate)(void);
	unsigned int point;
	int ret;
	_Atomic bool through;
};

static void *start(void *arg)
{
	struct migration *m = arg;

	hmmt_stay_on(1);
	m->ret = hmmt_hold(&dev0, m->point, HOLD_MS);
	if (!m->ret)
		m->ret = m->migrate();
	m->through = true;
	return NULL;
}

static int evict(void)
{
	return hmmt_evict(&dev0, NULL);
}

static int fault(void)
{
	*(volatile uint64_t *)word(HALF);
	return 0;
}

static int leave(void)
{
	return hmmt_migrate(&dev0, at(0), HMMT_PMD_SIZE, 0, NULL);
}

/* --- the blocks ------------------------------------------------------------------------- */

/* Base pages where the kernel has no device THPs */
static bool device_thp(void)
{
	TRY(fill(1, true));
	return move(0, PAGES, 0, NULL);
}

static bool discard(unsigned long from, unsigned long nr)
{
	WANT(!madvise(ptr(from), nr * HMMT_PAGE_SIZE, MADV_DONTNEED), "%s", strerror(errno));
	return true;
}

static bool pmd_hole(void)
{
	return fill(1, true) && discard(0, PAGES);
}

/* One page stays, and with it the page table */
#define KEPT		2

static bool holes(void)
{
	return fill(1, false) && discard(0, KEPT) && discard(KEPT + 1, PAGES - KEPT - 1);
}

static bool zeros(bool thp)
{
	unsigned long i;

	TRY(fill(1, thp) && discard(0, PAGES));
	for (i = 0; i < PAGES; i++)
		WANT(!*(volatile uint64_t *)word(i), "page %lu is not zero", i);
	return true;
}

static bool zero_thp(void)
{
	return zeros(true);
}

static bool zero_pages(void)
{
	return zeros(false);
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

static bool protect_all(void)
{
	return set_prot(0, PAGES, PROT_READ);
}

static bool protect_half(void)
{
	return set_prot(0, HALF, PROT_READ);
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
	TRY(set_prot(0, PAGES, PROT_READ | PROT_WRITE));
	return intact(0, PAGES);
}

static bool all_is_protected(void)
{
	TRY(writable(0, false) && writable(PAGES - 1, false));
	TRY(set_prot(0, PAGES, PROT_READ | PROT_WRITE));
	TRY(writable(0, true));
	return intact(0, PAGES);
}

static bool protect_there_and_back(void)
{
	return set_prot(0, PAGES, PROT_NONE) && set_prot(0, PAGES, PROT_READ | PROT_WRITE);
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

	TRY(move_block(area, to));
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
	return discard(HALF, HALF);
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

/* Who needs what is locked or on its way sleeps until it is there, instead of trying again. */
static bool fault_as_well(void)
{
	struct rusage before, now;
	long faults;

	getrusage(RUSAGE_THREAD, &before);
	fault();
	getrusage(RUSAGE_THREAD, &now);
	faults = now.ru_minflt - before.ru_minflt;
	WANT(faults <= FAIR_FAULTS, "%ld faults for one access", faults);
	return true;
}

/* Some pages, the first and the last one among them */
static const unsigned int some[] = { 0, 1, 100, 300, PAGES - 1 };
#define NR_SOME	(sizeof(some) / sizeof(some[0]))

/* What is written into a hole that is on its way stays. */
static bool write_some(void)
{
	unsigned int i;

	for (i = 0; i < NR_SOME; i++)
		*word(some[i]) = value(some[i]);
	return true;
}

static bool some_are_there(bool kept)
{
	unsigned int i, next = 0;
	uint64_t want;

	for (i = 0; i < PAGES; i++) {
		want = kept && i == KEPT ? value(i) : 0;
		if (i == some[next]) {
			want = value(i);
			next++;
		}
		WANT(*word(i) == want, "page %u holds %#llx, not %#llx", i,
		     (unsigned long long)*word(i), (unsigned long long)want);
	}
	return true;
}

static bool some_are_written(void)
{
	return some_are_there(false);
}

static bool some_and_kept(void)
{
	return some_are_there(true);
}

static bool device_reads(unsigned int page, uint64_t want)
{
	uint64_t v = 0;
	int ret = hmmt_access(&dev1, (unsigned long)word(page), &v, sizeof(v), 0, NULL);

	WANT(!ret && v == want, "page %u: the other device reads %#llx, ret %d, not %#llx", page,
	     (unsigned long long)v, ret, (unsigned long long)want);
	return true;
}

/* Another device is told of the zero pages ... */
static bool tell_device(void)
{
	unsigned int i;

	for (i = 0; i < NR_SOME; i++)
		TRY(device_reads(some[i], 0));
	return true;
}

/* ... and that they are others now. */
static bool device_forgot(void)
{
	unsigned int i;
	uint64_t v;
	int ret;

	for (i = 0; i < NR_SOME; i++) {
		v = value(some[i]);
		ret = hmmt_access(&dev0, (unsigned long)word(some[i]), &v, sizeof(v),
				  HMMT_ACCESS_WRITE, NULL);
		WANT(!ret, "page %u: %s", some[i], strerror(-ret));
		TRY(device_reads(some[i], v));
	}
	return true;
}

/* --- the meeting ------------------------------------------------------------------------ */

/* @met: the migration was held until the change was through, or began to wait for it */
static bool meet(const struct held *h, unsigned int point, bool *met)
{
	struct migration m = { .migrate = h->migrate, .point = point };
	unsigned long long was;
	pthread_t thread;
	unsigned int ms;
	bool changed, held;

	TRY(h->make());
	was = stats_now().held;
	WANT(!pthread_create(&thread, NULL, start, &m), "thread");
	for (ms = 0; stats_now().held == was && ms < PATIENCE_MS && !m.through; ms++)
		usleep(1000);
	held = stats_now().held != was && !m.through;
	changed = h->change();
	*met = held && (h->waits || !m.through);
	pthread_join(thread, NULL);
	WANT(!m.ret, "migration: %s", strerror(-m.ret));
	TRY(changed && h->then());
	munmap(area, AREA_SIZE);
	return true;
}

static bool held(unsigned long arg)
{
	const struct held *h = (const struct held *)arg;
	const unsigned int *point;
	unsigned int tries;
	bool met;

	hmmt_stay_on(0);
	for (point = h->points; *point; point++) {
		met = false;
		for (tries = 0; tries < TRIES && !met; tries++) {
			printf("# held at point %u\n", *point);
			TRY(meet(h, *point, &met));
		}
		if (!met)
			SKIP("the migration did not wait until the change was made");
	}
	return true;
}

#define RANGE	"migrate_device_range(): takes pages that are mapped, without the mmap lock"
#define HOLES	"__migrate_device_pages(): tells of what it puts into holes"
#define ROW(name, promise, where, ...)							\
	{ "held." name, promise, where, held,						\
	  (unsigned long)&(const struct held){ __VA_ARGS__ }, 0 }
#define BOTH(name, promise, change, then)						\
	ROW(name, promise, RANGE, device_thp, evict, everywhere, change, then, false),	\
	ROW(name "_base", "... by base pages", RANGE, device_pages, evict, everywhere,	\
	    change, then, false)

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
	ROW("told_zeros", "a device that is told of zero pages on their way is told of what comes",
	    HOLES, zero_thp, leave, before_moved, tell_device, device_forgot, false),
	ROW("told_zeros_base", "... by base pages", HOLES, zero_pages, leave, before_moved,
	    tell_device, device_forgot, false),
	ROW("filled", "a hole that is on its way, and a write: what was written stays",
	    "migrate_vma_insert_huge_pmd_page(): looks again for the hole", pmd_hole, leave,
	    before_moved, write_some, some_are_written, false),
	ROW("filled_base", "... by base pages",
	    "migrate_vma_insert_page(): looks again for the hole", holes, leave, before_moved,
	    write_some, some_and_kept, false),
	ROW("fault_base", "a fault on a device page that another fault has locked sleeps",
	    "do_swap_page(): waits for the lock of a device page", device_pages, fault, at_fault,
	    fault_as_well, all_is_there, true),
	ROW("fault_evicted", "a fault on a device THP that is unmapped for an eviction sleeps",
	    "__handle_mm_fault(): waits for a PMD migration entry", device_thp, evict, everywhere,
	    fault_as_well, all_is_there, true),
	ROW("fault_evicted_base", "... on device pages",
	    "do_swap_page(): waits for a migration entry", device_pages, evict, everywhere,
	    fault_as_well, all_is_there, true),
	BOTH("discard_half", "... MADV_DONTNEED of a half: zeros", discard_half, half_is_zeros),
	{}
};
