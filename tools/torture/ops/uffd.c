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

#include "ops.h"
#include "uffd_move.h"

#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED	(1 << 13)
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#endif

#define AREA	HMMT_PMD_PAGES
#define RUN_MAX	16		/* pages that one answer brings */

struct handler {
	struct worker *w;
	int fd;
	pthread_t thread;
	unsigned long base;	/* of the area that is registered */
	uint64_t key;		/* what a missing page gets */
	_Atomic bool stop;
	_Atomic unsigned char faults[AREA];
	uint64_t buf[RUN_MAX * HMMT_PAGE_SIZE / 8];
};

static unsigned long page_at(const struct handler *h, unsigned int page)
{
	return h->base + page * HMMT_PAGE_SIZE;
}

/* The pages that are answered for with @page, as a real handler reads ahead */
static unsigned int run_of(const struct handler *h, unsigned int page)
{
	unsigned int n = 1 + hmmt_mix64(h->key ^ page) % RUN_MAX;

	return n < AREA - page ? n : AREA - page;
}

static void copy_in(struct handler *h, unsigned int page, unsigned int n)
{
	struct uffdio_copy copy = {
		.dst = page_at(h, page),
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

static void answer(struct handler *h, const struct uffd_msg *msg)
{
	unsigned int page = (msg->arg.pagefault.address - h->base) >> HMMT_PAGE_SHIFT;
	struct uffdio_range range = { page_at(h, page), HMMT_PAGE_SIZE };

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
	struct handler *h = arg;
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
static int handler_start(struct handler *h, struct worker *w, uint64_t feature, void *base,
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

static void handler_stop(struct handler *h)
{
	atomic_store(&h->stop, true);
	pthread_join(h->thread, NULL);
	close(h->fd);
}

static void checked(struct worker *w)
{
	atomic_fetch_add_explicit(&w->sh->checked[ORACLE_READER], 1, memory_order_relaxed);
}

/* A part of the area, to migrate, discard or protect. */
static struct span any_part(struct worker *w)
{
	unsigned int first = hmmt_rng_below(&w->rng, AREA);

	if (hmmt_rng_chance(&w->rng, 1, 3))
		return (struct span){ 0, AREA };
	return (struct span){ first, hmmt_rng_between(&w->rng, 1, AREA - first) };
}

/* Written to, unless @key is 0 */
static void *area_of(struct worker *w, unsigned int page, uint64_t key, int advice)
{
	void *p = lane_map(w, page, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (!p)
		return NULL;
	madvise(p, HMMT_PMD_SIZE, advice);
	if (key && lane_fill(w, p, AREA, key))
		return NULL;
	return p;
}

static void *thp_area(struct worker *w, unsigned int page, uint64_t key)
{
	return area_of(w, page, key, MADV_HUGEPAGE);
}

static bool has(struct span s, unsigned int page)
{
	return page >= s.first && page < s.first + s.n;
}

/* What was discarded comes from the handler, the rest is as it was. */
static int uffd_missing(struct worker *w)
{
	uint64_t key = lane_key(w);
	char *p = thp_area(w, 0, key);
	struct span gone = any_part(w);
	struct handler h;
	int ret;

	op_arg(w, (uint64_t)gone.first << 32 | gone.n);
	if (!p)
		return -ENOMEM;
	ret = handler_start(&h, w, 0, p, UFFDIO_REGISTER_MODE_MISSING);
	if (ret)
		goto out;
	ops_warm(w, (unsigned long)p, HMMT_PMD_SIZE);
	if (madvise(p + gone.first * HMMT_PAGE_SIZE, gone.n * HMMT_PAGE_SIZE, MADV_DONTNEED))
		ret = -errno;
	/* A hole that belongs to a userfaultfd must stay one. */
	ops_warm(w, (unsigned long)p, HMMT_PMD_SIZE);
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
	handler_stop(&h);
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
	return has(a->written, page) ? lane_word(w, a->key, page - a->written.first) : 0;
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
		checked(w);
		zero = !has(a->written, s.first + i);
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
	struct span s = any_part(w);
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
		checked(w);
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
	struct span s = any_part(w);
	struct uffdio_writeprotect wp = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	struct handler h;
	unsigned int page, i;
	int ret;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	if (hmmt_rng_chance(&w->rng, 1, 2))
		ops_warm(w, (unsigned long)a->p, HMMT_PMD_SIZE);
	ret = handler_start(&h, w, feature, a->p, UFFDIO_REGISTER_MODE_WP);
	if (ret)
		return ret;
	wp.range.start = page_at(&h, s.first);
	wp.range.len = s.n * HMMT_PAGE_SIZE;
	step_begin(w, STEP_MPROTECT, wp.range.start);
	if (ioctl(h.fd, UFFDIO_WRITEPROTECT, &wp))
		ret = err_transient(-errno) ? -errno : -EAGAIN;
	step_end(w);
	if (!ret && has(a->written, s.first) && bust_now(w, BUST_UFFD)) {
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
		ret = do_store(w, page_at(&h, page) + 8, VIA_CPU, area_word(w, a, page));
		checked(w);
		if (!ret && (!atomic_load(&h.faults[page]) || bust_answer(w, "event"))) {
			fail_add(w->sh, ORACLE_READER, has(a->written, page) ?
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
	handler_stop(&h);
	return ret;
}

static int uffd_wp(struct worker *w)
{
	struct area a = { .key = lane_key(w), .written = { 0, AREA } };
	int ret = -ENOMEM;

	a.p = thp_area(w, 0, a.key);
	if (a.p) {
		ret = protect(w, &a, 0);
		lane_clear(w);
	}
	return ret;
}

/* The pages of @s are there, the zero page if there is nothing else. */
static int read_in(struct worker *w, char *p, struct span s)
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
		a.written = any_part(w);
		a.written.n = hmmt_rng_between(&w->rng, 1, a.written.n);
	}
	if (holes) {
		seen = any_part(w);
		seen.n = hmmt_rng_between(&w->rng, 0, seen.n);
	}
	a.p = area_of(w, 0, 0, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	if (!a.p)
		return -ENOMEM;
	ret = lane_fill(w, a.p + a.written.first * HMMT_PAGE_SIZE, a.written.n, a.key);
	if (!ret)
		ret = read_in(w, a.p, seen);
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
	struct handler h;
	char *p;
	int ret = -ENOMEM;

	if (mem < 0 || ftruncate(mem, HMMT_PMD_SIZE))
		goto close;
	p = lane_map(w, 0, AREA, PROT_READ | PROT_WRITE, MAP_SHARED, mem);
	if (!p || lane_fill(w, p, AREA, key) || madvise(p, HMMT_PMD_SIZE, MADV_DONTNEED))
		goto out;
	ret = handler_start(&h, w, UFFD_FEATURE_MINOR_SHMEM, p, UFFDIO_REGISTER_MODE_MINOR);
	if (ret)
		goto out;
	ops_warm(w, (unsigned long)p, HMMT_PMD_SIZE);
	ret = lane_check(w, p, 0, AREA, key, VIA_CPU, "uffd, minor");
	handler_stop(&h);
out:
	lane_clear(w);
close:
	if (mem >= 0)
		close(mem);
	return ret;
}

/* Is there anything where @n pages are said to have gone to? */
static int check_moved(struct worker *w, struct handler *h, unsigned int first, unsigned int n)
{
	uint64_t entry[AREA];
	struct hmmt_pagemap pm;
	unsigned int i;

	if (hmmt_pagemap_read(getpid(), page_at(h, first), n, entry))
		return -EAGAIN;
	for (i = 0; i < n; i++) {
		checked(w);
		pm = hmmt_pagemap_decode(entry[i]);
		if ((pm.present || pm.swap) && !bust_answer(w, "nowhere"))
			continue;
		fail_add(w->sh, ORACLE_READER, "uffd: UFFDIO_MOVE took a page for a hole",
			 "page %u of %#lx counts as moved and is not there", first + i, h->base);
		return -EUCLEAN;
	}
	return 0;
}

/*
 * UFFDIO_MOVE: what moved is there, what did not is where it was. Device pages
 * may be refused, but never passed over as if nothing were there.
 */
static int uffd_move(struct worker *w)
{
	struct span s = any_part(w);
	uint64_t key = lane_key(w);
	char *dst = thp_area(w, 0, 0), *src = thp_area(w, 2 * AREA, key);
	struct uffdio_move move = {
		.dst = (uintptr_t)dst + s.first * HMMT_PAGE_SIZE,
		.src = (uintptr_t)src + s.first * HMMT_PAGE_SIZE,
		.len = s.n * HMMT_PAGE_SIZE,
		.mode = hmmt_rng_chance(&w->rng, 1, 2) ? UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES : 0,
	};
	struct handler h;
	unsigned int moved = 0;
	int ret, err = 0;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	op_arg(w, 0);
	op_arg(w, move.mode);
	if (!dst || !src)
		return -ENOMEM;
	ops_warm(w, (unsigned long)src, HMMT_PMD_SIZE);
	ret = handler_start(&h, w, UFFD_FEATURE_MOVE, dst, UFFDIO_REGISTER_MODE_MISSING);
	if (ret)
		goto out;
	step_begin(w, STEP_UFFD_MOVE, move.src);
	if (ioctl(h.fd, UFFDIO_MOVE, &move))
		err = -errno;
	step_end(w);
	if (bust_answer(w, "hole"))
		err = -ENOENT;
	op_arg(w, -err);
	moved = move.move > 0 ? move.move >> HMMT_PAGE_SHIFT : 0;
	checked(w);
	/* All of the source was written to: there is no hole in it. */
	if (err == -ENOENT) {
		fail_add(w->sh, ORACLE_READER, "uffd: UFFDIO_MOVE took a page for a hole",
			 "%#llx+%#llx mode %llu: ENOENT after %u pages", move.src, move.len,
			 move.mode, moved);
		ret = -EUCLEAN;
	}
	if (!ret && moved) {
		/* Not by a load, which the handler would answer for what is missing. */
		ret = check_moved(w, &h, s.first, moved);
		if (!ret)
			ret = lane_check(w, dst + s.first * HMMT_PAGE_SIZE, s.first, moved, key,
					 VIA_CPU, "uffd, moved");
	}
	if (!ret)
		ret = lane_check(w, src, 0, s.first, key, VIA_CPU, "uffd, before what moved");
	if (!ret)
		ret = lane_check(w, src + (s.first + moved) * HMMT_PAGE_SIZE, s.first + moved,
				 AREA - s.first - moved, key, VIA_CPU, "uffd, not moved");
	handler_stop(&h);
out:
	lane_clear(w);
	return ret ? ret : moved ? 0 : -EBUSY;
}

/* Where something is to be put: words of @key, or zeros, and nothing in @gone. */
struct target {
	char *p;
	uint64_t key;
	struct span gone;
};

/* Some of it to the device, more often than ops_warm() does. */
static void to_dev_some(struct worker *w, char *p)
{
	struct span s = any_part(w);
	unsigned int flags = hmmt_rng_chance(&w->rng, 1, 4) ? HMMT_MIGRATE_BASE : 0;

	if (!hmmt_is_open(&w->r->dev[0]) || hmmt_rng_chance(&w->rng, 1, 3))
		return;
	p += s.first * HMMT_PAGE_SIZE;
	step_begin(w, STEP_MIGRATE, (unsigned long)p);
	hmmt_migrate(&w->r->dev[0], (unsigned long)p, s.n * HMMT_PAGE_SIZE, flags, NULL);
	step_end(w);
}

/* Huge or not, written to or zero pages, in the device or not; the hole is made later */
static int target_make(struct worker *w, struct target *t)
{
	int advice = hmmt_rng_chance(&w->rng, 2, 3) ? MADV_HUGEPAGE : MADV_NOHUGEPAGE;
	int ret = 0;

	*t = (struct target){ .key = hmmt_rng_chance(&w->rng, 2, 3) ? lane_key(w) : 0 };
	if (hmmt_rng_chance(&w->rng, 1, 3))
		t->gone = any_part(w);
	t->p = area_of(w, 0, t->key, advice);
	if (!t->p)
		return -ENOMEM;
	if (!t->key)
		ret = read_in(w, t->p, (struct span){ 0, AREA });
	if (!ret)
		to_dev_some(w, t->p);
	return ret;
}

enum put { PUT_MOVE, PUT_COPY, PUT_ZERO };

/* Returns how many pages the kernel says were put there, and why no more in @err. */
static unsigned int put_pages(struct worker *w, struct handler *h, enum put how,
			      unsigned long src, struct span s, int *err)
{
	unsigned long dst = page_at(h, s.first), len = s.n * HMMT_PAGE_SIZE;
	struct uffdio_move move = { .dst = dst, .src = src, .len = len };
	struct uffdio_copy copy = { .dst = dst, .src = src, .len = len };
	struct uffdio_zeropage zero = { .range = { dst, len } };
	int64_t done;
	int ret;

	*err = 0;
	step_begin(w, how == PUT_MOVE ? STEP_UFFD_MOVE : STEP_UFFD_COPY, dst);
	if (how == PUT_MOVE)
		ret = ioctl(h->fd, UFFDIO_MOVE, &move);
	else if (how == PUT_COPY)
		ret = ioctl(h->fd, UFFDIO_COPY, &copy);
	else
		ret = ioctl(h->fd, UFFDIO_ZEROPAGE, &zero);
	if (ret)
		*err = -errno;
	step_end(w);
	done = how == PUT_MOVE ? move.move : how == PUT_COPY ? copy.copy : zero.zeropage;
	return done > 0 ? done >> HMMT_PAGE_SHIFT : 0;
}

/* @done pages of @s were put to where @room are free in a row, then it was @err. */
static int check_put(struct worker *w, struct span s, unsigned int room, unsigned int done,
		     int err)
{
	checked(w);
	if (done > room || (!err && room < s.n) || bust_answer(w, "replaced")) {
		fail_add(w->sh, ORACLE_READER, "uffd: a page that is there was replaced",
			 "%u of %u pages from page %u on, where %u are free: %s", done, s.n,
			 s.first, room, strerror(-err));
		return -EUCLEAN;
	}
	err = bust_errno(w, err);
	/* EAGAIN is also: not all of it, since there is something behind */
	if (!err || (err == -EEXIST && !room) || lane_excused(w, err))
		return 0;
	fail_add(w->sh, ORACLE_READER, "uffd: unexpected error",
		 "%u of %u pages from page %u on, where %u are free: %s", done, s.n, s.first, room,
		 strerror(-err));
	return -EUCLEAN;
}

/* Page by page: what was there, what was put there, or what the handler has for a hole. */
static int check_target(struct worker *w, const struct target *t, const struct handler *h,
			struct span fresh, uint64_t key)
{
	unsigned int page;
	uint64_t want;
	int ret = 0;

	for (page = 0; page < AREA && !ret; page++) {
		want = has(fresh, page) ? key : has(t->gone, page) ? h->key : t->key;
		ret = lane_check(w, t->p + page * HMMT_PAGE_SIZE, page, 1, want, VIA_CPU,
				 "uffd, after it was put upon");
	}
	return ret;
}

/* With @h watching the target: what is there stays there, and only a hole is filled. */
static int put_checked(struct worker *w, enum put how, struct handler *h,
		       const struct target *t, char *src, uint64_t key, struct span s)
{
	unsigned int room = 0, done, moved;
	int ret, err;

	while (room < s.n && has(t->gone, s.first + room))
		room++;
	/* now that nobody fills a hole but us; with a part of a huge page that is split */
	if (t->gone.n && madvise(t->p + t->gone.first * HMMT_PAGE_SIZE,
				 t->gone.n * HMMT_PAGE_SIZE, MADV_DONTNEED))
		return -EAGAIN;
	ops_warm(w, (unsigned long)t->p, HMMT_PMD_SIZE);
	/* what of a device cannot be moved into a hole is the matter of uffd_move */
	if (how != PUT_MOVE || !room)
		ops_warm(w, (unsigned long)src, HMMT_PMD_SIZE);
	done = put_pages(w, h, how, (unsigned long)src + s.first * HMMT_PAGE_SIZE, s, &err);
	op_arg(w, -err);
	ret = check_put(w, s, room, done, err);
	if (!ret)
		ret = check_target(w, t, h, (struct span){ s.first, done },
				   how == PUT_ZERO ? 0 : key);
	moved = how == PUT_MOVE ? done : 0;
	if (!ret)
		ret = lane_check(w, src, 0, s.first, key, VIA_CPU, "uffd, before what was put");
	if (!ret)
		ret = lane_check(w, src + (s.first + moved) * HMMT_PAGE_SIZE, s.first + moved,
				 AREA - s.first - moved, key, VIA_CPU, "uffd, source, not moved");
	return ret;
}

static int put_onto(struct worker *w, enum put how)
{
	uint64_t key = lane_key(w);
	struct span s = any_part(w);
	struct handler h;
	struct target t;
	char *src = NULL;
	int ret;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	ret = target_make(w, &t);
	op_arg(w, (uint64_t)t.gone.first << 32 | t.gone.n);
	if (!ret) {
		src = area_of(w, 2 * AREA, key, hmmt_rng_chance(&w->rng, 1, 2) ? MADV_HUGEPAGE :
			      MADV_NOHUGEPAGE);
		ret = src ? handler_start(&h, w, how == PUT_MOVE ? UFFD_FEATURE_MOVE : 0, t.p,
					  UFFDIO_REGISTER_MODE_MISSING) : -ENOMEM;
	}
	if (!ret) {
		ret = put_checked(w, how, &h, &t, src, key, s);
		handler_stop(&h);
	}
	lane_clear(w);
	return ret;
}

static int uffd_move_onto(struct worker *w)
{
	return put_onto(w, PUT_MOVE);
}

static int uffd_copy_onto(struct worker *w)
{
	return put_onto(w, hmmt_rng_chance(&w->rng, 2, 3) ? PUT_COPY : PUT_ZERO);
}

const struct op ops_uffd[] = {
	{ "uffd_missing", "userfaultfd fills what was discarded", NEED_UFFD, OP_PLACE, 1,
	  uffd_missing },
	{ "uffd_wp", "write protection survives migration", NEED_UFFD, OP_PLACE, 1, uffd_wp },
	{ "uffd_wp_zero", "the same of zero pages", NEED_UFFD, OP_PLACE, 1, uffd_wp_zero },
	{ "uffd_minor", "minor faults of shared memory", NEED_UFFD, OP_PLACE, 1, uffd_minor },
	{ "uffd_move", "UFFDIO_MOVE", NEED_UFFD, OP_PLACE, 1, uffd_move },
	{ "uffd_move_onto", "UFFDIO_MOVE to where something is", NEED_UFFD, OP_PLACE, 1,
	  uffd_move_onto },
	{ "uffd_copy_onto", "UFFDIO_COPY and _ZEROPAGE to where something is", NEED_UFFD, OP_PLACE,
	  1, uffd_copy_onto },
	OP_TABLE_END
};
