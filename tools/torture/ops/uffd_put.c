// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that userfaultfd puts somewhere: out of a device, and to where something is, in a
 * device or not, which has to stay.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "uffd.h"

/* Is there anything where @n pages are said to have gone to? */
static int check_moved(struct worker *w, struct uffd_handler *h, unsigned int first, unsigned int n)
{
	uint64_t entry[AREA];
	struct hmmt_pagemap pm;
	unsigned int i;

	if (hmmt_pagemap_read(getpid(), uffd_page(h, first), n, entry))
		return -EAGAIN;
	for (i = 0; i < n; i++) {
		uffd_checked(w);
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
	struct span s = uffd_part(w);
	uint64_t key = lane_key(w);
	char *dst = uffd_thp(w, 0, 0), *src = uffd_thp(w, 2 * AREA, key);
	struct uffdio_move move = {
		.dst = (uintptr_t)dst + s.first * HMMT_PAGE_SIZE,
		.src = (uintptr_t)src + s.first * HMMT_PAGE_SIZE,
		.len = s.n * HMMT_PAGE_SIZE,
		.mode = hmmt_rng_chance(&w->rng, 1, 2) ? UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES : 0,
	};
	struct uffd_handler h;
	unsigned int moved = 0;
	int ret, err = 0;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	op_arg(w, 0);
	op_arg(w, move.mode);
	if (!dst || !src)
		return -ENOMEM;
	ops_warm(w, (unsigned long)src, HMMT_PMD_SIZE);
	ret = uffd_start(&h, w, UFFD_FEATURE_MOVE, dst, UFFDIO_REGISTER_MODE_MISSING);
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
	uffd_checked(w);
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
	uffd_stop(&h);
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
	struct span s = uffd_part(w);
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
		t->gone = uffd_part(w);
	t->p = uffd_area(w, 0, t->key, advice);
	if (!t->p)
		return -ENOMEM;
	if (!t->key)
		ret = uffd_read_in(w, t->p, (struct span){ 0, AREA });
	if (!ret)
		to_dev_some(w, t->p);
	return ret;
}

enum put { PUT_MOVE, PUT_COPY, PUT_ZERO };

/* Returns how many pages the kernel says were put there, and why no more in @err. */
static unsigned int put_pages(struct worker *w, struct uffd_handler *h, enum put how,
			      unsigned long src, struct span s, int *err)
{
	unsigned long dst = uffd_page(h, s.first), len = s.n * HMMT_PAGE_SIZE;
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
	uffd_checked(w);
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
static int check_target(struct worker *w, const struct target *t, const struct uffd_handler *h,
			struct span fresh, uint64_t key)
{
	unsigned int page;
	uint64_t want;
	int ret = 0;

	for (page = 0; page < AREA && !ret; page++) {
		want = span_has(fresh, page) ? key : span_has(t->gone, page) ? h->key : t->key;
		ret = lane_check(w, t->p + page * HMMT_PAGE_SIZE, page, 1, want, VIA_CPU,
				 "uffd, after it was put upon");
	}
	return ret;
}

/* With @h watching the target: what is there stays there, and only a hole is filled. */
static int put_checked(struct worker *w, enum put how, struct uffd_handler *h,
		       const struct target *t, char *src, uint64_t key, struct span s)
{
	unsigned int room = 0, done, moved;
	int ret, err;

	while (room < s.n && span_has(t->gone, s.first + room))
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
	struct span s = uffd_part(w);
	struct uffd_handler h;
	struct target t;
	char *src = NULL;
	int ret;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	ret = target_make(w, &t);
	op_arg(w, (uint64_t)t.gone.first << 32 | t.gone.n);
	if (!ret) {
		src = uffd_area(w, 2 * AREA, key, hmmt_rng_chance(&w->rng, 1, 2) ? MADV_HUGEPAGE :
			      MADV_NOHUGEPAGE);
		ret = src ? uffd_start(&h, w, how == PUT_MOVE ? UFFD_FEATURE_MOVE : 0, t.p,
					  UFFDIO_REGISTER_MODE_MISSING) : -ENOMEM;
	}
	if (!ret) {
		ret = put_checked(w, how, &h, &t, src, key, s);
		uffd_stop(&h);
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

const struct op ops_uffd_put[] = {
	{ "uffd_move", "UFFDIO_MOVE", NEED_UFFD, OP_PLACE, 1, uffd_move },
	{ "uffd_move_onto", "UFFDIO_MOVE to where something is", NEED_UFFD, OP_PLACE, 1,
	  uffd_move_onto },
	{ "uffd_copy_onto", "UFFDIO_COPY and _ZEROPAGE to where something is", NEED_UFFD, OP_PLACE,
	  1, uffd_copy_onto },
	OP_TABLE_END
};
