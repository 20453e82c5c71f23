// SPDX-License-Identifier: GPL-2.0
/*
 * Who is overtaken by a migration: what a fault or a system call has read of the page table is
 * another thing by the time that it has the lock. The thread is caught between the two
 * (HMMT_CATCH, at the entry of a function), the other one makes the change, and the
 * thread must then find what is there. Nothing else happens meanwhile. Changes that need the
 * mmap lock for writing cannot come there; one who has it himself is overtaken by evictions (not
 * fork(): who waits for it here would fault on its own stack).
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>

#include "validate.h"

#define CATCH_US	100000	/* a THP comes back in 4 ms (LIGHT, det) */
#define PATIENCE_MS	500	/* until it is caught */
#define TRIES		5
#define SWEEPS_US	4000000	/* no other one after that */
#define LOOKED_AT	300UL	/* the page that is touched */

/* What the block holds, then */
enum content { SAME, ZEROS, SAME_OR_ZEROS, ZERO_PAGE };

struct caught {
	bool (*make)(void);	/* the block */
	bool (*act)(void);	/* what is overtaken */
	const char *function;	/* where it waits */
	bool (*change)(void);
	enum content content;
	unsigned int us;	/* for so long */
};

struct thread {
	const struct caught *c;
	unsigned int nth;
	bool ok;
	_Atomic bool through;
};

/* What it complains of is what the row fails of, unless the change fails, too. */
static void *act(void *arg)
{
	struct thread *t = arg;

	hmmt_stay_on(1);
	t->ok = !hmmt_catch(&dev0, t->nth, t->c->us, NULL) && t->c->act();
	hmmt_catch(&dev0, 0, 0, NULL);
	t->through = true;
	return NULL;
}

/* --- the blocks ----------------------------------------------------------------- */

static bool system_thp(void)
{
	return system_thps(1);
}

static bool device_thp(void)
{
	return device_thps(1);
}

/* To come back by the dozen */
static bool few_pages(void)
{
	TRY(fill(1, false));
	return move(LOOKED_AT - 6, 12, 0, NULL);
}

/* --- what is overtaken --------------------------------------------------------- */

static bool touch(void)
{
	uint64_t v = *(volatile uint64_t *)word(LOOKED_AT);

	WANT(!v || v == value(LOOKED_AT), "it finds %#llx", (unsigned long long)v);
	return true;
}

static bool cold(void)
{
	return advise(MADV_COLD);
}

static bool page_out(void)
{
	return advise(MADV_PAGEOUT);
}

static bool lazyfree(void)
{
	return advise(MADV_FREE);
}

static bool protect(void)
{
	return set_prot(0, PAGES, PROT_READ) && set_prot(0, PAGES, PROT_READ | PROT_WRITE);
}

static bool protect_page(void)
{
	return set_prot(LOOKED_AT, 1, PROT_READ) &&
	       set_prot(LOOKED_AT, 1, PROT_READ | PROT_WRITE);
}

static bool discard_page(void)
{
	WANT(!madvise(ptr(LOOKED_AT), HMMT_PAGE_SIZE, MADV_DONTNEED), "%s", strerror(errno));
	return true;
}

/* By a fault of dev1, to which this is what the CPU's is to dev0 */
static bool other_reads(void)
{
	uint64_t v = 0;
	int ret = hmmt_access(&dev1, (unsigned long)word(LOOKED_AT), &v, sizeof(v), 0, NULL);

	WANT(!ret, "%s", strerror(-ret));
	WANT(!v || v == value(LOOKED_AT), "dev1 reads %#llx", (unsigned long long)v);
	return true;
}

static bool move_there_and_back(void)
{
	return move_block(area, ptr(2 * PAGES)) && move_block(ptr(2 * PAGES), area);
}

static bool read_mincore(void)
{
	unsigned char core[PAGES];

	WANT(!mincore(area, HMMT_PMD_SIZE, core), "%s", strerror(errno));
	return true;
}

static bool read_pagemap(void)
{
	uint64_t entry[PAGES];
	int ret = hmmt_pagemap_read(getpid(), (unsigned long)area, PAGES, entry);

	WANT(!ret, "%s", strerror(-ret));
	return true;
}

static bool read_smaps(void)
{
	char buf[4096];
	ssize_t n;
	int fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);

	WANT(fd >= 0, "%s", strerror(errno));
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		;
	close(fd);
	WANT(!n, "%s", strerror(errno));
	return true;
}

/* --- the changes --------------------------------------------------------------- */

static bool by_fault(void)
{
	TRY(verify(LOOKED_AT + 1, LOOKED_AT + 2));
	WANT(!in_device(LOOKED_AT + 1), "the other fault brought nothing back");
	return true;
}

static bool by_migration(void)
{
	return migrate(&dev0, 0, PAGES, HMMT_MIGRATE_TO_SYS, NULL);
}

static bool by_page(void)
{
	return migrate(&dev0, LOOKED_AT, 1, HMMT_MIGRATE_TO_SYS, NULL);
}

static bool by_discard(void)
{
	return advise(MADV_DONTNEED);
}

static bool by_leaving(void)
{
	return migrate(&dev0, 0, PAGES, 0, NULL);
}

static bool by_there_and_back(void)
{
	TRY(by_migration());
	return by_leaving();
}

static bool by_eviction(void)
{
	int ret = hmmt_evict(&dev0, NULL);

	WANT(!ret, "%s", strerror(-ret));
	return true;
}

/* No THP is to be had: it comes back in pages, mapped by PTEs. */
static bool by_split_eviction(void)
{
	unsigned long long whole = stats_now().evict_thp;
	bool ok;

	TRY(inject(HMMT_SITE_SYS_THP, 1, 1));
	ok = by_eviction();
	TRY(inject(0, 0, 0) && ok);
	WANT(stats_now().evict_thp == whole, "it came back whole");
	return true;
}

/* --- the meeting ------------------------------------------------------------------ */

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000;
}

enum meeting { NOT_CAUGHT, TOO_LATE, MET };

/* One that is overtaken at its @nth call. MET: it was still waiting when the change was made */
static bool overtake(const struct caught *c, unsigned int nth, enum meeting *how)
{
	struct thread t = { .c = c, .nth = nth };
	uint64_t was, is, before;
	pthread_t thread;
	unsigned int ms;
	unsigned long i;
	bool changed;

	TRY(c->make());
	WANT(!hmmt_catch(&dev0, 0, 0, &was), "catch");
	is = was;
	before = now_us();
	WANT(!pthread_create(&thread, NULL, act, &t), "thread");
	for (ms = 0; is == was && ms < PATIENCE_MS && !t.through; ms++) {
		before = now_us();
		usleep(1000);
		hmmt_catch(&dev0, 0, 0, &is);
	}
	changed = c->change();
	/* it began to wait after that moment */
	*how = is == was ? NOT_CAUGHT : now_us() - before < c->us ? MET : TOO_LATE;
	pthread_join(thread, NULL);
	TRY(t.ok && changed);
	if (c->content == SAME)
		return verify(0, PAGES);
	if (c->content == ZERO_PAGE) {
		WANT(!*word(LOOKED_AT), "the page holds %#llx",
		     (unsigned long long)*word(LOOKED_AT));
		return verify(0, LOOKED_AT) && verify(LOOKED_AT + 1, PAGES);
	}
	for (i = 0; i < PAGES; i++)
		WANT(!*word(i) || (c->content == SAME_OR_ZEROS && *word(i) == value(i)),
		     "page %lu holds %#llx", i, (unsigned long long)*word(i));
	return true;
}

static bool catch_in(const char *functions)
{
	int ret = hmmt_catch_in(&dev0, functions);

	if (ret == -EOPNOTSUPP)
		SKIP("this kernel has no function tracer");
	if (ret == -ENOENT)
		SKIP("this kernel does not have the function");
	WANT(!ret, "%s: %s", functions, strerror(-ret));
	return true;
}

static bool caught(unsigned long arg)
{
	const struct caught *c = (const struct caught *)arg;
	/* the first one, under the lock of the VMA, only says that it wants the other lock */
	unsigned int tries, nth = 2;
	enum meeting how = TOO_LATE;

	TRY(catch_in(c->function));
	hmmt_stay_on(0);
	for (tries = 0; tries < TRIES && how != MET; tries++) {
		TRY(overtake(c, nth, &how));
		if (how == NOT_CAUGHT)
			nth = 1;
	}
	hmmt_calls_set(&dev0, NULL, 0, 0, 0);
	if (how != MET)
		SKIP("it did not wait until the change was made");
	return true;
}

/*
 * At every call, one after the other, until it comes to its end before; of many at fewer and fewer.
 * Where the function takes locks the change waits for those that are held there: it comes too late.
 */
static bool caught_everywhere(unsigned long arg)
{
	const struct caught *c = (const struct caught *)arg;
	unsigned int nth, sweep, met = 0, tries = 0;
	uint64_t begun;
	enum meeting how;

	TRY(catch_in(c->function));
	hmmt_stay_on(0);
	begun = now_us();
	for (sweep = 0; !sweep || (!met && now_us() - begun < SWEEPS_US); sweep++) {
		how = TOO_LATE;
		for (nth = 1; how != NOT_CAUGHT; nth += nth < 16 ? 1 : nth / 2) {
			TRY(overtake(c, nth, &how));
			met += how == MET;
			tries++;
		}
	}
	hmmt_calls_set(&dev0, NULL, 0, 0, 0);
	printf("# overtaken %u times of %u, at less than %u calls\n", met, tries - sweep, nth);
	if (!met)
		SKIP("it did not wait until the change was made");
	return true;
}

/* --- a fork next to a walk that restores ------------------------------------------------ */

/* Has a THP in the device, and forks when asked, but does not copy it for a while. */
static bool owner(void)
{
	struct hmmt_dev own = HMMT_DEV_CLOSED;
	int status = 0;
	pid_t pid;

	hmmt_stay_on(1);
	if (hmmt_open(&own, 0) || !fill(1, true) ||
	    hmmt_migrate(&own, at(0), HMMT_PMD_SIZE, 0, NULL) || !child_meet() ||
	    hmmt_catch(&own, 1, CATCH_US, NULL))
		return false;
	pid = fork();
	if (!pid)
		_exit(!verify(0, PAGES));
	return waitpid(pid, &status, 0) == pid && !status && verify(0, PAGES);
}

/*
 * Held until the other one forks, then caught in its second address space, the child's, for longer
 * than the fork.
 */
static void *evict_in_vain(void *unused)
{
	hmmt_stay_on(0);
	if (!hmmt_hold(&dev0, HMMT_HOLD_COLLECTED, CATCH_US / 2000) &&
	    !hmmt_catch(&dev0, 2, CATCH_US, NULL))
		hmmt_evict(&dev0, NULL);
	return unused;
}

/*
 * An eviction without a destination puts back what it took: in the owner, and then it looks into
 * the child, where the fork has put a copy of that by then. It is no migration entry.
 */
static bool fork_restored(unsigned long unused)
{
	uint64_t was, is, before = stats_now().held;
	pthread_t thread;
	unsigned int ms;

	TRY(catch_in("copy_huge_pmd,remove_migration_pte"));
	WANT(!hmmt_catch(&dev0, 0, 0, &was), "catch");
	TRY(child_start(owner) && child_wait());
	TRY(inject(HMMT_SITE_SYS_THP | HMMT_SITE_SYS_BASE, 1, 1));
	WANT(!pthread_create(&thread, NULL, evict_in_vain, NULL), "thread");
	for (ms = 0; stats_now().held == before && ms < PATIENCE_MS; ms++)
		usleep(1000);
	child_go();
	pthread_join(thread, NULL);
	TRY(inject(0, 0, 0));
	TRY(child_end());
	WANT(!hmmt_catch(&dev0, 0, 0, &is), "catch");
	hmmt_calls_set(&dev0, NULL, 0, 0, 0);
	if (is < was + 2)
		SKIP("it did not wait until the change was made");
	return true;
}

#define ROW(name, promise, make, act, function, change, content)			\
	{ "caught." name, promise, function "(): looks again under the lock", caught,	\
	  (unsigned long)&(const struct caught){ make, act, function, change, content, \
						 CATCH_US }, 0 }
#define FAULT_PMD(name, promise, change, content)					\
	ROW("pmd_" name, promise, device_thp, touch, "do_huge_pmd_device_private", change,	\
	    content)
#define FAULT_PTE(name, promise, change, content)					\
	ROW("pte_" name, promise, device_pages, touch, "do_swap_page", change, content)
#define THP(name, promise, act, content)						\
	ROW(name, promise, system_thp, act, "__pmd_trans_huge_lock", by_leaving, content)
#define EVICTED(name, promise, act, function)						\
	ROW(name "_evicted", promise, device_thp, act, function, by_eviction, SAME),	\
	ROW(name "_split", "... in pages", device_thp, act, function, by_split_eviction, SAME)

/*
 * The locks of page tables, and all others of that kind. What discards a device THP that is on its
 * way, or forks and exits, meets docs/findings/zap-migration.md.
 */
#define EVERYWHERE(name, promise, make, act, change, content)			\
	{ "caught.all_" name, promise, "all who take the lock of a page table", caught_everywhere, \
	  (unsigned long)&(const struct caught){ make, act, "_raw_spin_lock", change,	\
						 content, CATCH_US / 2 }, 0 }

const struct row caught_rows[] = {
	FAULT_PMD("fault", "a fault on a device THP that another fault overtakes", by_fault, SAME),
	FAULT_PMD("migrated", "... that a migration back overtakes", by_migration, SAME),
	FAULT_PMD("returned", "... or one there and back", by_there_and_back, SAME),
	FAULT_PMD("page", "... or that of a page of it", by_page, SAME),
	FAULT_PMD("discarded", "... while it is discarded, finds zeros", by_discard, ZEROS),
	FAULT_PTE("migrated", "a fault on a device page that its migration overtakes", by_page,
		  SAME),
	FAULT_PTE("discarded", "... while it is discarded, finds zeros", by_discard, ZEROS),
	THP("cold", "MADV_COLD of a THP that goes to a device meanwhile", cold, SAME),
	THP("pageout", "... MADV_PAGEOUT", page_out, SAME),
	THP("mincore", "... mincore()", read_mincore, SAME),
	THP("pagemap", "... /proc/PID/pagemap", read_pagemap, SAME),
	THP("smaps", "... /proc/PID/smaps", read_smaps, SAME),
	THP("free", "... MADV_FREE, finds what was there or zeros", lazyfree, SAME_OR_ZEROS),
	EVICTED("protect", "mprotect() of a device THP that is evicted meanwhile", protect,
		"change_huge_pmd"),
	EVICTED("move", "... mremap()", move_there_and_back, "move_huge_pmd"),
	EVERYWHERE("evict_protect", "an eviction, at every lock, while a page is protected",
		   device_thp, by_eviction, protect_page, SAME),
	EVERYWHERE("evict_discard", "... while a page is discarded",
		   device_thp, by_eviction, discard_page, ZERO_PAGE),
	EVERYWHERE("evict_base_discard", "... in base pages",
		   few_pages, by_eviction, discard_page, ZERO_PAGE),
	EVERYWHERE("evict_move", "... while all of it is moved",
		   device_thp, by_eviction, move_there_and_back, SAME),
	EVERYWHERE("back_evicted", "a migration back, at every lock, while all is evicted",
		   device_thp, by_migration, by_eviction, SAME),
	EVERYWHERE("back_discard", "... while a page is discarded",
		   device_thp, by_migration, discard_page, ZERO_PAGE),
	EVERYWHERE("leave_discard", "one to the device",
		   system_thp, by_leaving, discard_page, ZERO_PAGE),
	EVERYWHERE("leave_evicted", "... while all is evicted",
		   system_thp, by_leaving, by_eviction, SAME),
	EVERYWHERE("touch_evicted", "a fault, at every lock, while all is evicted",
		   device_thp, touch, by_eviction, SAME),
	EVERYWHERE("touch_discard", "... while the page is discarded",
		   device_thp, touch, discard_page, ZERO_PAGE),
	EVERYWHERE("device_evicted", "an access of another device, while all is evicted",
		   device_thp, other_reads, by_eviction, SAME),
	EVERYWHERE("device_discard", "... while the page is discarded",
		   device_thp, other_reads, discard_page, ZERO_PAGE),
	EVERYWHERE("protect_evicted", "mprotect() of a page, while all is evicted",
		   device_thp, protect_page, by_eviction, SAME),
	EVERYWHERE("discard_evicted", "... MADV_DONTNEED",
		   device_thp, discard_page, by_eviction, ZERO_PAGE),
	EVERYWHERE("move_evicted", "... mremap() of all",
		   device_thp, move_there_and_back, by_eviction, SAME),
	EVERYWHERE("pageout_leave", "MADV_PAGEOUT, at every lock, while it goes to a device",
		   system_thp, page_out, by_leaving, SAME),
	{ "caught.fork_restored", "a fork copies what an eviction has just put back",
	  "page_vma_mapped_walk(): PVMW_MIGRATION", fork_restored, 0, 0 },
	{}
};
