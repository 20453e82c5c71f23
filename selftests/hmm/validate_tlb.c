// SPDX-License-Identifier: GPL-2.0
/*
 * What a CPU remembers of a page table: a thread uses a page without ever entering the
 * kernel, while another CPU changes what is there. Once that is done it has to know. One that
 * was not told goes on with the old page until something else empties its TLB.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "validate.h"

#define USED	300UL		/* the page */
#define FEW	8UL		/* pages that are moved one by one, from USED on */
#define CHANGED	0x5a5a5a5a5a5aUL

enum finds { SAME, NEW, ZERO, NOTHING };

struct stale {
	bool (*make)(void);
	bool (*change)(void);
	enum finds finds;
	unsigned int flags;
};

#define SHARED	(1U << 0)	/* a child has it as well */
#define FAULTS	(1U << 1)	/* of the device: it is there */
#define STORES	(1U << 2)	/* the thread does, else it loads */

struct user {
	unsigned int flags;
	_Atomic bool begun, changed;
	bool refused;
	uint64_t found;
};

static __thread sigjmp_buf refusal;

static void on_refusal(int sig)
{
	siglongjmp(refusal, sig);
}

static void use(struct user *u, uint64_t v)
{
	volatile uint64_t *p = word(USED);

	if (u->flags & STORES)
		*p = v;
	else
		u->found = *p;
}

static void *user(void *arg)
{
	struct user *u = arg;

	hmmt_stay_on(1);
	/* who gets the CPU in between may take its translations away */
	setpriority(PRIO_PROCESS, 0, -20);
	if (!sigsetjmp(refusal, 1))
		do {
			use(u, value(USED));
			u->begun = true;
		} while (!u->changed);
	while (!u->changed)
		__builtin_ia32_pause();
	u->refused = true;
	if (!sigsetjmp(refusal, 1)) {
		use(u, CHANGED);
		u->refused = false;
	}
	return NULL;
}

static bool stale(unsigned long arg)
{
	const struct stale *s = (const struct stale *)arg;
	const uint64_t want[NOTHING] = { [SAME] = value(USED), [NEW] = CHANGED };
	struct sigaction refused = { .sa_handler = on_refusal };
	struct user u = { .flags = s->flags };
	pthread_t thread;
	bool changed;

	if (hmmt_stay_on(1) || hmmt_stay_on(0))
		SKIP("one CPU only");
	TRY(s->make());
	if (s->flags & SHARED)
		TRY(child_begin() && child_wait());
	sigaction(SIGSEGV, &refused, NULL);
	WANT(!pthread_create(&thread, NULL, user, &u), "thread");
	while (!u.begun)
		usleep(1000);
	changed = s->change();
	u.changed = true;
	pthread_join(thread, NULL);
	TRY(changed);
	WANT(u.refused == (s->finds == NOTHING), "its %s is %s",
	     s->flags & STORES ? "store" : "load", u.refused ? "refused" : "done");
	if (!u.refused)
		WANT(u.found == want[s->finds], "it finds %#llx", (unsigned long long)u.found);
	if (s->flags & FAULTS)
		WANT(COUNTED(cpu_faults), "it did not fault on what is in the device");
	return !(s->flags & SHARED) || child_end();
}

/* --- the blocks ------------------------------------------------------------------ */

static bool thp(void)
{
	return system_thps(1);
}

static bool base(void)
{
	return fill(1, false);
}

/* Mapped by page already: that it has to be split would make it known. */
static bool thp_by_page(void)
{
	return thp() && set_prot(0, 1, PROT_READ) && set_prot(0, 1, PROT_READ | PROT_WRITE);
}

static bool zeros(int advice)
{
	WANT(mmap(area, HMMT_PMD_SIZE, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == area, "%s", strerror(errno));
	WANT(!madvise(area, HMMT_PMD_SIZE, advice), "%s", strerror(errno));
	return true;
}

static bool huge_zero(void)
{
	return zeros(MADV_HUGEPAGE);
}

static bool zero_pages(void)
{
	return zeros(MADV_NOHUGEPAGE);
}

/* --- the changes ----------------------------------------------------------------- */

static bool write_word(void)
{
	*word(USED) = CHANGED;
	return true;
}

static bool leave(void)
{
	struct hmmt_migrate m;

	TRY(migrate(&dev0, 0, PAGES, 0, &m));
	WANT(m.migrated, "nothing went to the device");
	return true;
}

static bool leave_huge_zero(void)
{
	if (!placed(0, PAGES, SYSTEM, 9))
		SKIP("no huge zero page");
	return leave();
}

static bool leave_few(void)
{
	struct hmmt_migrate m;

	TRY(migrate(&dev0, USED, FEW, 0, &m));
	WANT(m.migrated, "nothing went to the device");
	return true;
}

static bool move_all(void)
{
	return move_block(area, ptr(2 * PAGES));
}

/* Not as far as a page table reaches: entry by entry */
static bool move_few(void)
{
	char *to = ptr(2 * PAGES + 1);

	WANT(mremap(ptr(USED), FEW * HMMT_PAGE_SIZE, FEW * HMMT_PAGE_SIZE,
		    MREMAP_MAYMOVE | MREMAP_FIXED, to) == to, "%s", strerror(errno));
	return true;
}

static bool protect(void)
{
	return set_prot(0, PAGES, PROT_NONE);
}

static bool protect_page(void)
{
	return set_prot(USED, 1, PROT_NONE);
}

static bool write_protect(void)
{
	return set_prot(0, PAGES, PROT_READ);
}

static bool discard(void)
{
	return advise(MADV_DONTNEED);
}

static bool discard_page(void)
{
	WANT(!madvise(ptr(USED), HMMT_PAGE_SIZE, MADV_DONTNEED), "%s", strerror(errno));
	return true;
}

static bool unmap(void)
{
	WANT(!munmap(area, HMMT_PMD_SIZE), "%s", strerror(errno));
	return true;
}

static bool page_out(void)
{
	int ret;

	hmmt_swap_on(32);
	if (access(HMMT_SWAP_FILE, F_OK))
		SKIP("no swap");
	ret = hmmt_swap_out(area, HMMT_PMD_SIZE);
	/* the other one is quick */
	if (ret == -EBUSY)
		SKIP("it would not go");
	WANT(!ret, "swap: %s", strerror(-ret));
	return write_word();
}

static bool collapse(void)
{
	TRY(advise(MADV_HUGEPAGE));
	if (madvise(area, HMMT_PMD_SIZE, MADV_COLLAPSE))
		SKIP("MADV_COLLAPSE did not make a THP");
	return write_word();
}

/* What the child has is not to change. */
static bool copy_on_write(void)
{
	return child_begin() && child_wait() && write_word() && child_end();
}

#define ROW(name, promise, make, change, finds, flags)				\
	{ "tlb." name, promise, "Documentation/core-api/cachetlb.rst", stale,	\
	  (unsigned long)&(const struct stale){ make, change, finds, flags }, 0 }

const struct row tlb_rows[] = {
	ROW("leave", "a CPU knows at once that a THP has gone to a device",
	    thp, leave, SAME, FAULTS),
	ROW("leave_base", "... that pages have", base, leave_few, SAME, FAULTS),
	ROW("leave_part", "... that a part of a THP has", thp_by_page, leave_few, SAME, FAULTS),
	ROW("leave_shared", "... that a THP that two share has",
	    thp, leave, SAME, FAULTS | SHARED),
	ROW("leave_shared_base", "... or their pages", base, leave_few, SAME, FAULTS | SHARED),
	ROW("leave_zero", "... that zeros have, of the huge zero page",
	    huge_zero, leave_huge_zero, ZERO, FAULTS),
	ROW("leave_zero_base", "... of zero pages", zero_pages, leave_few, ZERO, FAULTS),
	ROW("move", "... that a THP was moved", thp, move_all, NOTHING, 0),
	ROW("move_base", "... with a page table", base, move_all, NOTHING, 0),
	ROW("move_few", "... page by page", base, move_few, NOTHING, 0),
	ROW("move_part", "... a part of a THP", thp_by_page, move_few, NOTHING, 0),
	ROW("protect", "... that a THP was protected", thp, protect, NOTHING, 0),
	ROW("protect_base", "... pages", base, protect, NOTHING, 0),
	ROW("protect_part", "... a page of a THP", thp_by_page, protect_page, NOTHING, 0),
	ROW("write_protect", "... against writing", thp, write_protect, NOTHING, STORES),
	ROW("write_protect_base", "... pages", base, write_protect, NOTHING, STORES),
	ROW("discard", "... that a THP was discarded", thp, discard, ZERO, 0),
	ROW("discard_base", "... pages", base, discard, ZERO, 0),
	ROW("discard_part", "... a page of a THP", thp_by_page, discard_page, ZERO, 0),
	ROW("unmap", "... that a THP was unmapped", thp, unmap, NOTHING, 0),
	ROW("unmap_base", "... pages", base, unmap, NOTHING, 0),
	ROW("pageout", "... that a THP was paged out", thp, page_out, NEW, 0),
	ROW("pageout_base", "... pages", base, page_out, NEW, 0),
	ROW("collapse", "... that pages are a THP now", base, collapse, NEW, 0),
	ROW("copied", "... that a page of a THP was copied on a write",
	    thp_by_page, copy_on_write, NEW, 0),
	ROW("copied_base", "... a page", base, copy_on_write, NEW, 0),
	{ }
};
