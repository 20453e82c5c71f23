// SPDX-License-Identifier: GPL-2.0
/*
 * userfaultfd over device THPs, in the lane: a thread answers the faults, so
 * what is missing gets contents that are known, and a write to a protected page
 * must be told. Device faults stay away: hmm_range_fault() cannot wait for an
 * answer, and the kernel says so on the console.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "uffd.h"

#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED	(1 << 13)
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#endif

#define REFUSALS	20	/* of a hole, in a row */

unsigned long uffd_page(const struct uffd_handler *h, unsigned int page)
{
	return h->base + page * HMMT_PAGE_SIZE;
}

/* The pages that are answered for with @page, as a real handler reads ahead */
static unsigned int run_of(const struct uffd_handler *h, unsigned int page)
{
	unsigned int n = 1 + hmmt_mix64(h->key ^ page) % RUN_MAX;

	return n < AREA - page ? n : AREA - page;
}

static void copy_in(struct uffd_handler *h, unsigned int page, unsigned int n)
{
	struct uffdio_copy copy = {
		.dst = uffd_page(h, page),
		.src = (uintptr_t)h->buf,
		.len = n * HMMT_PAGE_SIZE,
	};
	unsigned int i;

	for (i = 0; i < n; i++) {
		uint64_t *to = h->buf + i * (HMMT_PAGE_SIZE / 8);

		to[1] = lane_word(h->w, h->key, page + i);
		to[HMMT_PAGE_SIZE / 8 - 1] = to[1];
	}
	/* It ends at a page that is there: somebody was faster, who is woken by then. */
	ioctl(h->fd, UFFDIO_COPY, &copy);
}

static void answer(struct uffd_handler *h, const struct uffd_msg *msg)
{
	unsigned int page = (msg->arg.pagefault.address - h->base) >> HMMT_PAGE_SHIFT;
	struct uffdio_range range = { uffd_page(h, page), HMMT_PAGE_SIZE };

	if (page >= AREA)
		return;
	atomic_store(&h->faults[page], 1);
	if (msg->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP) {
		struct uffdio_writeprotect wp = { .range = range };

		ioctl(h->fd, UFFDIO_WRITEPROTECT, &wp);
	} else if (msg->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_MINOR) {
		struct uffdio_continue cont;

		range.len *= run_of(h, page);
		cont = (struct uffdio_continue){ .range = range };
		ioctl(h->fd, UFFDIO_CONTINUE, &cont);
	} else {
		copy_in(h, page, run_of(h, page));
	}
	ioctl(h->fd, UFFDIO_WAKE, &range);
}

static void *handler_main(void *arg)
{
	struct uffd_handler *h = arg;
	struct pollfd p = { .fd = h->fd, .events = POLLIN };
	struct uffd_msg msg;

	while (!atomic_load(&h->stop)) {
		if (poll(&p, 1, 50) <= 0)
			continue;
		if (read(h->fd, &msg, sizeof(msg)) == sizeof(msg) &&
		    msg.event == UFFD_EVENT_PAGEFAULT)
			answer(h, &msg);
	}
	return NULL;
}

/* EAGAIN: this kernel has not the feature. */
int uffd_start(struct uffd_handler *h, struct worker *w, uint64_t feature, void *base,
	       uint64_t mode)
{
	struct uffdio_api api = { .api = UFFD_API, .features = feature };
	struct uffdio_register reg = {
		.range = { (uintptr_t)base, AREA * HMMT_PAGE_SIZE },
		.mode = mode,
	};

	memset(h, 0, sizeof(*h));
	h->w = w;
	h->base = (unsigned long)base;
	h->key = lane_key(w);
	h->fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (h->fd < 0)
		return -EAGAIN;
	if (ioctl(h->fd, UFFDIO_API, &api) || ioctl(h->fd, UFFDIO_REGISTER, &reg) ||
	    pthread_create(&h->thread, NULL, handler_main, h)) {
		close(h->fd);
		return -EAGAIN;
	}
	return 0;
}

void uffd_stop(struct uffd_handler *h)
{
	atomic_store(&h->stop, true);
	pthread_join(h->thread, NULL);
	close(h->fd);
}

void uffd_checked(struct worker *w)
{
	atomic_fetch_add_explicit(&w->sh->checked[ORACLE_READER], 1, memory_order_relaxed);
}

/* A part of the area, to migrate, discard or protect. */
struct span uffd_part(struct worker *w)
{
	unsigned int first = hmmt_rng_below(&w->rng, AREA);

	if (hmmt_rng_chance(&w->rng, 1, 3))
		return (struct span){ 0, AREA };
	return (struct span){ first, hmmt_rng_between(&w->rng, 1, AREA - first) };
}

/* Written to, unless @key is 0 */
void *uffd_area(struct worker *w, unsigned int page, uint64_t key, int advice)
{
	void *p = lane_map(w, page, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (!p)
		return NULL;
	madvise(p, HMMT_PMD_SIZE, advice);
	if (key && lane_fill(w, p, AREA, key))
		return NULL;
	return p;
}

void *uffd_thp(struct worker *w, unsigned int page, uint64_t key)
{
	return uffd_area(w, page, key, MADV_HUGEPAGE);
}

/* What was discarded comes from the handler, the rest is as it was. */
static int uffd_missing(struct worker *w)
{
	uint64_t key = lane_key(w);
	char *p = uffd_thp(w, 0, key);
	struct span gone = uffd_part(w);
	struct uffd_handler h;
	unsigned int i;
	int ret;

	op_arg(w, (uint64_t)gone.first << 32 | gone.n);
	if (!p)
		return -ENOMEM;
	ret = uffd_start(&h, w, 0, p, UFFDIO_REGISTER_MODE_MISSING);
	if (ret)
		goto out;
	ops_warm(w, (unsigned long)p, HMMT_PMD_SIZE);
	if (madvise(p + gone.first * HMMT_PAGE_SIZE, gone.n * HMMT_PAGE_SIZE, MADV_DONTNEED))
		ret = -errno;
	/*
	 * A hole that belongs to a userfaultfd must stay one. Often: what one refusal
	 * forgets to give back is too little to be seen.
	 */
	for (i = 0; i < REFUSALS && hmmt_is_open(&w->r->dev[0]); i++) {
		step_begin(w, STEP_MIGRATE, (unsigned long)p);
		hmmt_migrate(&w->r->dev[0], (unsigned long)p, HMMT_PMD_SIZE, 0, NULL);
		step_end(w);
	}
	if (!ret)
		ret = lane_check(w, p, 0, gone.first, key, VIA_CPU, "uffd, not discarded");
	if (!ret)
		ret = lane_check(w, p + gone.first * HMMT_PAGE_SIZE, gone.first, gone.n, h.key,
				 VIA_CPU, "uffd, missing");
	ops_warm(w, (unsigned long)p, HMMT_PMD_SIZE);
	if (!ret)
		ret = lane_check(w, p + (gone.first + gone.n) * HMMT_PAGE_SIZE,
				 gone.first + gone.n, AREA - gone.first - gone.n, key, VIA_CPU,
				 "uffd, behind what was discarded");
	uffd_stop(&h);
out:
	lane_clear(w);
	return ret;
}

/* What is protected: @written was filled with @key, the rest is zeros or nothing. */
struct area {
	char *p;
	uint64_t key;
	struct span written;
};

static uint64_t area_word(struct worker *w, const struct area *a, unsigned int page)
{
	return span_has(a->written, page) ? lane_word(w, a->key, page - a->written.first) : 0;
}

static int area_check(struct worker *w, const struct area *a, const char *at, const char *what)
{
	unsigned int first = a->written.first, end = first + a->written.n;
	int ret = lane_check(w, (void *)at, 0, first, 0, VIA_CPU, what);

	if (!ret)
		ret = lane_check(w, (void *)(at + first * HMMT_PAGE_SIZE), 0, end - first, a->key,
				 VIA_CPU, what);
	if (!ret)
		ret = lane_check(w, (void *)(at + end * HMMT_PAGE_SIZE), end, AREA - end, 0,
				 VIA_CPU, what);
	return ret;
}

/* Is each page of @s marked in the page table, in whatever kind of entry? */
static int check_wp(struct worker *w, const struct area *a, struct span s, const char *when)
{
	unsigned long at = (unsigned long)a->p + s.first * HMMT_PAGE_SIZE;
	uint64_t entry[AREA];
	unsigned int i;
	bool zero;

	if (hmmt_pagemap_read(getpid(), at, s.n, entry))
		return -EAGAIN;
	for (i = 0; i < s.n; i++) {
		uffd_checked(w);
		zero = !span_has(a->written, s.first + i);
		if (hmmt_pagemap_decode(entry[i]).uffd_wp && !(zero && bust_answer(w, "zero")))
			continue;
		fail_add(w->sh, ORACLE_READER,
			 zero ? "uffd: write protection of a zero page lost" :
			 "uffd: write protection lost",
			 "%s: pagemap of page %u of %p is %#018llx; protected were %u+%u", when,
			 s.first + i, a->p, (unsigned long long)entry[i], s.first, s.n);
		return -EUCLEAN;
	}
	return 0;
}

/* The rights of some of it go and come back; what is protected stays so. */
static int rights_away(struct worker *w, char *p)
{
	struct span s = uffd_part(w);
	char *at = p + s.first * HMMT_PAGE_SIZE;
	size_t len = s.n * HMMT_PAGE_SIZE;
	int ret = 0;

	step_begin(w, STEP_MPROTECT, (unsigned long)at);
	if (mprotect(at, len, PROT_READ) || mprotect(at, len, PROT_READ | PROT_WRITE))
		ret = -errno;
	step_end(w);
	return ret;
}

/* Moved, or in a child, it is watched by nobody: nothing of the protection may be left. */
static int check_unwatched(struct worker *w, char *at, const char *how)
{
	uint64_t entry[AREA];
	unsigned int i;

	if (hmmt_pagemap_read(getpid(), (unsigned long)at, AREA, entry))
		return -EAGAIN;
	for (i = 0; i < AREA; i++) {
		uffd_checked(w);
		if (!hmmt_pagemap_decode(entry[i]).uffd_wp && !bust_answer(w, "left"))
			continue;
		fail_add(w->sh, ORACLE_READER, "uffd: write protection where nobody watches",
			 "%s: pagemap of page %u of %p is %#018llx", how, i, at,
			 (unsigned long long)entry[i]);
		return -EUCLEAN;
	}
	return 0;
}

static int moved_away(struct worker *w, const struct area *a)
{
	char *p = a->p;
	char *to = (char *)w->lane + 2 * HMMT_PMD_SIZE;
	int ret = 0;

	step_begin(w, STEP_MREMAP, (unsigned long)p);
	if (mremap(p, HMMT_PMD_SIZE, HMMT_PMD_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to) ==
	    MAP_FAILED)
		ret = -errno;
	step_end(w);
	if (ret == -EFAULT)	/* what was done to its rights has made several mappings of it */
		return -EAGAIN;
	ret = layout_result(w, "mremap()", (struct span){
		((unsigned long)p - ARENA_BASE) >> HMMT_PAGE_SHIFT, AREA }, ret);
	if (!ret)
		ret = check_unwatched(w, to, "moved");
	return ret ? ret : area_check(w, a, to, "uffd, moved away");
}

static int child_of_watched(struct worker *w, void *at)
{
	check_unwatched(w, at, "forked");
	return 0;
}

/* What happens to all of it and must not change what is protected */
static int disturb(struct worker *w, char *p)
{
	switch (hmmt_rng_below(&w->rng, 12)) {
	case 0 ... 3:
		return rights_away(w, p);
	/* seldom: what else the child has goes with it (docs/findings/zap-migration.md) */
	case 4:
		return child_result(w, child_run(w, child_of_watched, p), "uffd, protected");
	default:
		return 0;
	}
}

/* Protect a part of @a, and see that it stays so until it is written to. */
static int protect(struct worker *w, const struct area *a, uint64_t feature)
{
	struct span s = uffd_part(w);
	struct uffdio_writeprotect wp = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	struct uffd_handler h;
	unsigned int page, i;
	int ret;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	if (hmmt_rng_chance(&w->rng, 1, 2))
		ops_warm(w, (unsigned long)a->p, HMMT_PMD_SIZE);
	ret = uffd_start(&h, w, feature, a->p, UFFDIO_REGISTER_MODE_WP);
	if (ret)
		return ret;
	wp.range.start = uffd_page(&h, s.first);
	wp.range.len = s.n * HMMT_PAGE_SIZE;
	step_begin(w, STEP_MPROTECT, wp.range.start);
	if (ioctl(h.fd, UFFDIO_WRITEPROTECT, &wp))
		ret = err_transient(-errno) ? -errno : -EAGAIN;
	step_end(w);
	if (!ret && span_has(a->written, s.first) && bust_now(w, BUST_UFFD)) {
		wp.mode = 0;
		wp.range.len = HMMT_PAGE_SIZE;
		ioctl(h.fd, UFFDIO_WRITEPROTECT, &wp);
	}
	if (!ret)
		ret = check_wp(w, a, s, "at once");
	for (i = 0; i < 2 && !ret; i++) {
		ops_warm(w, (unsigned long)a->p, HMMT_PMD_SIZE);
		ret = check_wp(w, a, s, "after migration");
	}
	if (!ret)
		ret = disturb(w, a->p);
	if (!ret)
		ret = check_wp(w, a, s, "after mprotect or fork");
	/* reading tells nobody, and changes nothing */
	if (!ret)
		ret = area_check(w, a, a->p, "uffd, protected");
	if (!ret)
		ret = check_wp(w, a, s, "after reading");
	for (i = 0; i < 8 && !ret; i++) {
		page = s.first + hmmt_rng_below(&w->rng, s.n);
		ret = do_store(w, uffd_page(&h, page) + 8, VIA_CPU, area_word(w, a, page));
		uffd_checked(w);
		if (!ret && (!atomic_load(&h.faults[page]) || bust_answer(w, "event"))) {
			fail_add(w->sh, ORACLE_READER, span_has(a->written, page) ?
				 "uffd: write-protect event lost" :
				 "uffd: write-protect event of a zero page lost",
				 "page %u of %#lx was written to, nobody was told", page, h.base);
			ret = -EUCLEAN;
		}
		ops_warm(w, (unsigned long)a->p, HMMT_PMD_SIZE);
	}
	if (!ret)
		ret = area_check(w, a, a->p, "uffd, at the end");
	if (!ret && hmmt_rng_chance(&w->rng, 1, 2)) {
		ops_warm(w, (unsigned long)a->p, HMMT_PMD_SIZE);
		ret = moved_away(w, a);
	}
	uffd_stop(&h);
	return ret;
}

static int uffd_wp(struct worker *w)
{
	struct area a = { .key = lane_key(w), .written = { 0, AREA } };
	int ret = -ENOMEM;

	a.p = uffd_thp(w, 0, a.key);
	if (a.p) {
		ret = protect(w, &a, 0);
		lane_clear(w);
	}
	return ret;
}

/* The pages of @s are there, the zero page if there is nothing else. */
int uffd_read_in(struct worker *w, char *p, struct span s)
{
	int ret = 0;

	if (!s.n)
		return 0;
	step_begin(w, STEP_MADVISE, (unsigned long)p + s.first * HMMT_PAGE_SIZE);
	if (madvise(p + s.first * HMMT_PAGE_SIZE, s.n * HMMT_PAGE_SIZE, MADV_POPULATE_READ))
		ret = err_transient(-errno) ? -errno : -EAGAIN;
	step_end(w);
	return ret;
}

/*
 * The same of memory that was not written to, or only in part: zero pages, the huge
 * one or many, and where that can be protected nothing at all. A migration gives it pages.
 */
static int uffd_wp_zero(struct worker *w)
{
	bool huge = hmmt_rng_chance(&w->rng, 1, 2), holes = hmmt_rng_chance(&w->rng, 1, 3);
	struct area a = { .key = lane_key(w) };
	struct span seen = { 0, AREA };
	int ret;

	if (!huge && hmmt_rng_chance(&w->rng, 1, 2)) {
		a.written = uffd_part(w);
		a.written.n = hmmt_rng_between(&w->rng, 1, a.written.n);
	}
	if (holes) {
		seen = uffd_part(w);
		seen.n = hmmt_rng_between(&w->rng, 0, seen.n);
	}
	a.p = uffd_area(w, 0, 0, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	if (!a.p)
		return -ENOMEM;
	ret = lane_fill(w, a.p + a.written.first * HMMT_PAGE_SIZE, a.written.n, a.key);
	if (!ret)
		ret = uffd_read_in(w, a.p, seen);
	if (!ret)
		ret = protect(w, &a, holes ? UFFD_FEATURE_WP_UNPOPULATED : 0);
	lane_clear(w);
	return ret;
}

/* Shared memory whose pages are in the cache, but not in the page table. */
static int uffd_minor(struct worker *w)
{
	int mem = memfd_create("uffd", MFD_CLOEXEC);
	uint64_t key = lane_key(w);
	struct uffd_handler h;
	char *p;
	int ret = -ENOMEM;

	if (mem < 0 || ftruncate(mem, HMMT_PMD_SIZE))
		goto close;
	p = lane_map(w, 0, AREA, PROT_READ | PROT_WRITE, MAP_SHARED, mem);
	if (!p || lane_fill(w, p, AREA, key) || madvise(p, HMMT_PMD_SIZE, MADV_DONTNEED))
		goto out;
	ret = uffd_start(&h, w, UFFD_FEATURE_MINOR_SHMEM, p, UFFDIO_REGISTER_MODE_MINOR);
	if (ret)
		goto out;
	ops_warm(w, (unsigned long)p, HMMT_PMD_SIZE);
	ret = lane_check(w, p, 0, AREA, key, VIA_CPU, "uffd, minor");
	uffd_stop(&h);
out:
	lane_clear(w);
close:
	if (mem >= 0)
		close(mem);
	return ret;
}

const struct op ops_uffd[] = {
	{ "uffd_missing", "userfaultfd fills what was discarded", NEED_UFFD, OP_PLACE, 1,
	  uffd_missing },
	{ "uffd_wp", "write protection survives migration", NEED_UFFD, OP_PLACE, 1, uffd_wp },
	{ "uffd_wp_zero", "the same of zero pages", NEED_UFFD, OP_PLACE, 1, uffd_wp_zero },
	{ "uffd_minor", "minor faults of shared memory", NEED_UFFD, OP_PLACE, 1, uffd_minor },
	OP_TABLE_END
};
