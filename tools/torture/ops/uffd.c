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

static void *thp_area(struct worker *w, unsigned int page, uint64_t key)
{
	void *p = lane_map(w, page, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (!p)
		return NULL;
	madvise(p, HMMT_PMD_SIZE, MADV_HUGEPAGE);
	if (key && lane_fill(w, p, AREA, key))
		return NULL;
	return p;
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

/* Is each page of @s marked in the page table, in whatever kind of entry? */
static int check_wp(struct worker *w, struct handler *h, struct span s, const char *when)
{
	uint64_t entry[AREA];
	unsigned int i;

	if (hmmt_pagemap_read(getpid(), page_at(h, s.first), s.n, entry))
		return -EAGAIN;
	for (i = 0; i < s.n; i++) {
		checked(w);
		if (hmmt_pagemap_decode(entry[i]).uffd_wp)
			continue;
		fail_add(w->sh, ORACLE_READER, "uffd: write protection lost",
			 "%s: pagemap of page %u of %#lx is %#018llx; protected were %u+%u", when,
			 s.first + i, h->base, (unsigned long long)entry[i], s.first, s.n);
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

static int moved_away(struct worker *w, char *p, uint64_t key)
{
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
	return ret ? ret : lane_check(w, to, 0, AREA, key, VIA_CPU, "uffd, moved away");
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

static int uffd_wp(struct worker *w)
{
	uint64_t key = lane_key(w);
	char *p = thp_area(w, 0, key);
	struct span s = any_part(w);
	struct uffdio_writeprotect wp = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	struct handler h;
	unsigned int page, i;
	int ret;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	if (!p)
		return -ENOMEM;
	if (hmmt_rng_chance(&w->rng, 1, 2))
		ops_warm(w, (unsigned long)p, HMMT_PMD_SIZE);
	ret = handler_start(&h, w, 0, p, UFFDIO_REGISTER_MODE_WP);
	if (ret)
		goto out;
	wp.range.start = page_at(&h, s.first);
	wp.range.len = s.n * HMMT_PAGE_SIZE;
	step_begin(w, STEP_MPROTECT, wp.range.start);
	if (ioctl(h.fd, UFFDIO_WRITEPROTECT, &wp))
		ret = err_transient(-errno) ? -errno : -EAGAIN;
	step_end(w);
	if (!ret && bust_now(w, BUST_UFFD)) {
		wp.mode = 0;
		wp.range.len = HMMT_PAGE_SIZE;
		ioctl(h.fd, UFFDIO_WRITEPROTECT, &wp);
	}
	if (!ret)
		ret = check_wp(w, &h, s, "at once");
	for (i = 0; i < 2 && !ret; i++) {
		ops_warm(w, (unsigned long)p, HMMT_PMD_SIZE);
		ret = check_wp(w, &h, s, "after migration");
	}
	if (!ret)
		ret = disturb(w, p);
	if (!ret)
		ret = check_wp(w, &h, s, "after mprotect or fork");
	/* reading tells nobody, and changes nothing */
	if (!ret)
		ret = lane_check(w, p, 0, AREA, key, VIA_CPU, "uffd, protected");
	if (!ret)
		ret = check_wp(w, &h, s, "after reading");
	for (i = 0; i < 8 && !ret; i++) {
		page = s.first + hmmt_rng_below(&w->rng, s.n);
		ret = do_store(w, page_at(&h, page) + 8, VIA_CPU, lane_word(w, key, page));
		checked(w);
		if (!ret && (!atomic_load(&h.faults[page]) || bust_answer(w, "event"))) {
			fail_add(w->sh, ORACLE_READER, "uffd: write-protect event lost",
				 "page %u of %#lx was written to, nobody was told", page, h.base);
			ret = -EUCLEAN;
		}
		ops_warm(w, (unsigned long)p, HMMT_PMD_SIZE);
	}
	if (!ret)
		ret = lane_check(w, p, 0, AREA, key, VIA_CPU, "uffd, at the end");
	if (!ret && hmmt_rng_chance(&w->rng, 1, 2)) {
		ops_warm(w, (unsigned long)p, HMMT_PMD_SIZE);
		ret = moved_away(w, p, key);
	}
	handler_stop(&h);
out:
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
	step_begin(w, STEP_MREMAP, move.src);
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

const struct op ops_uffd[] = {
	{ "uffd_missing", "userfaultfd fills what was discarded", NEED_UFFD, OP_PLACE, 1,
	  uffd_missing },
	{ "uffd_wp", "write protection survives migration", NEED_UFFD, OP_PLACE, 1, uffd_wp },
	{ "uffd_minor", "minor faults of shared memory", NEED_UFFD, OP_PLACE, 1, uffd_minor },
	{ "uffd_move", "UFFDIO_MOVE", NEED_UFFD, OP_PLACE, 1, uffd_move },
	OP_TABLE_END
};
