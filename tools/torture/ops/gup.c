// SPDX-License-Identifier: GPL-2.0
/*
 * Pinned pages: they come back from the device to be pinned, and then stay
 * where they are until they are released, whoever tries to move them. io_uring's
 * fixed buffers are such pins, by which the kernel also reads and writes.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ops.h"

#define MAX_FIXED	64

/* All of @s is pinned: try to move it, and see that nothing did. */
static int try_to_move(struct worker *w, struct span s, const char *who)
{
	unsigned long addr = page_addr(s.first);
	uint16_t snap[HMMT_PMD_PAGES];
	unsigned int i, kind;
	int ret;

	step_begin(w, STEP_MIGRATE, addr);
	hmmt_migrate(&w->r->dev[0], addr, s.n * HMMT_PAGE_SIZE, 0, NULL);
	step_end(w);
	step_begin(w, STEP_SNAPSHOT, addr);
	ret = hmmt_snapshot(&w->r->dev[0], addr, s.n * HMMT_PAGE_SIZE, snap);
	step_end(w);
	for (i = 0; i < s.n && !ret; i++) {
		atomic_fetch_add_explicit(&w->sh->checked[ORACLE_SNAPSHOT], 1,
					  memory_order_relaxed);
		kind = HMMT_SNAP_PROT(snap[i]) & 0x70;
		if (HMMT_SNAP_PROT(snap[i]) == HMM_DMIRROR_PROT_ERROR ||
		    (kind != HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL &&
		     kind != HMM_DMIRROR_PROT_DEV_PRIVATE_REMOTE))
			continue;
		fail_add(w->sh, ORACLE_SNAPSHOT, "pin: pinned page went to a device",
			 "%s, page %u of %u at %#lx: snapshot %#x", who, i, s.n, addr, snap[i]);
		ret = -EUCLEAN;
	}
	return ret;
}

/* Content by CPU, of pages that are pinned. */
static int look_at(struct worker *w, struct span s)
{
	unsigned int i, page;
	int ret = 0;

	for (i = 0; i < 4 && !ret; i++) {
		page = s.first + hmmt_rng_below(&w->rng, s.n);
		ret = page_check_locked(w, atomic_load(&w->m->page[page].word), page_addr(page),
					pick_slot(w), VIA_CPU);
	}
	return ret;
}

static int unpin(struct worker *w, unsigned long addr, size_t len)
{
	int ret;

	step_begin(w, STEP_PIN, addr);
	ret = hmmt_pin(&w->r->dev[0], addr, len, HMMT_PIN_RELEASE, NULL);
	step_end(w);
	return ret;
}

static int pin(struct worker *w)
{
	struct span s = pick_block_or_part(w);
	unsigned int flags = HMMT_PIN_WRITE;
	uint64_t blocks;
	size_t len;
	int ret;

	if (hmmt_rng_chance(&w->rng, 1, 2))
		flags |= HMMT_PIN_LONGTERM;
	op_arg(w, (uint64_t)s.first << 32 | s.n);
	op_arg(w, 0);
	op_arg(w, flags);
	ret = lock_run(w, &s, word_writable, &blocks);
	if (ret)
		return ret;
	len = s.n * HMMT_PAGE_SIZE;
	ops_warm(w, page_addr(s.first), len);
	step_begin(w, STEP_PIN, page_addr(s.first));
	ret = hmmt_pin(&w->r->dev[0], page_addr(s.first), len, flags, NULL);
	step_end(w);
	ret = bust_errno(w, ret);
	if (!ret) {
		if (bust_now(w, BUST_PIN))
			unpin(w, page_addr(s.first), len);
		ret = try_to_move(w, s, "pinned by the driver");
		if (!ret)
			ret = look_at(w, s);
		if (unpin(w, page_addr(s.first), len) ? w->r->cfg->bust != BUST_PIN :
							bust_answer(w, "held"))
			fail_add(w->sh, ORACLE_NEGATIVE, "pin: cannot be released", "%#lx+%#zx",
				 page_addr(s.first), len);
	} else if (!err_transient(ret)) {
		/* EFAULT is SIGBUS for want of memory, too, of which there is a count */
		struct hmmt_stats st;

		if (ret != -EFAULT || hmmt_stats(&w->r->dev[0], &st) || !st.nomem_sys)
			fail_add(w->sh, ORACLE_NEGATIVE, "pin: unexpected error",
				 "%#lx+%#zx flags %#x: %s", page_addr(s.first), len, flags,
				 strerror(-ret));
	}
	model_unlock(w->m, blocks);
	return ret;
}

/* Left behind: mappings change under the pin, until the next one or the end. */
static int pin_hold(struct worker *w)
{
	struct span s = pick_block_or_part(w);
	unsigned int flags = hmmt_rng_chance(&w->rng, 1, 2) ? HMMT_PIN_WRITE : 0;
	int ret;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	op_arg(w, 0);
	op_arg(w, flags);
	if (w->pin_len)
		unpin(w, w->pin_addr, w->pin_len);
	w->pin_len = 0;
	step_begin(w, STEP_PIN, page_addr(s.first));
	ret = hmmt_pin(&w->r->dev[0], page_addr(s.first), s.n * HMMT_PAGE_SIZE, flags, NULL);
	step_end(w);
	if (!ret) {
		w->pin_addr = page_addr(s.first);
		w->pin_len = s.n * HMMT_PAGE_SIZE;
	}
	return ret == -EFAULT ? -EAGAIN : ret;
}

static int pin_drop(struct worker *w)
{
	int ret;

	if (!w->pin_len)
		return -EAGAIN;
	ret = unpin(w, w->pin_addr, w->pin_len);
	w->pin_len = 0;
	return ret == -ENOENT ? -EAGAIN : ret;
}

/*
 * References that are no pins, which only the count of the folio tells of, for as long as a
 * pipe has the pages: what is collected of them has to be given back as it was.
 */
static int splice_hold(struct worker *w)
{
	struct span s = pick_block_or_part(w);
	struct iovec iov;
	int ret = 0;

	s.n = min_ul(s.n, MAX_FIXED);
	op_arg(w, (uint64_t)s.first << 32 | s.n);
	if (w->pipe_open) {
		close(w->held_pipe[0]);
		close(w->held_pipe[1]);
	}
	w->pipe_open = !pipe2(w->held_pipe, O_CLOEXEC | O_NONBLOCK);
	if (!w->pipe_open)
		return -errno;
	fcntl(w->held_pipe[1], F_SETPIPE_SZ, MAX_FIXED * HMMT_PAGE_SIZE);
	iov.iov_base = (void *)page_addr(s.first);
	iov.iov_len = s.n * HMMT_PAGE_SIZE;
	step_begin(w, STEP_PIN, page_addr(s.first));
	if (vmsplice(w->held_pipe[1], &iov, 1, SPLICE_F_NONBLOCK) < 0)
		ret = errno == EFAULT ? -EAGAIN : -errno;
	step_end(w);
	ops_warm(w, page_addr(s.first), s.n * HMMT_PAGE_SIZE);
	return ret;
}

/* One word of a registered page from or to the file, and its result. */
static int fixed_word(struct worker *w, unsigned long addr, bool load, uint64_t *val)
{
	struct io_uring *ring = via_ring(w);
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	int fd = via_file(w), ret;
	struct io_uring_cqe *cqe;

	if (!load && pwrite(fd, val, sizeof(*val), 0) < 0)
		return -errno;
	if (load)
		io_uring_prep_write_fixed(sqe, fd, (void *)addr, sizeof(*val), 0, 0);
	else
		io_uring_prep_read_fixed(sqe, fd, (void *)addr, sizeof(*val), 0, 0);
	step_begin(w, STEP_URING, addr);
	do {
		ret = io_uring_submit_and_wait(ring, 1);
	} while (ret == -EINTR);
	if (ret >= 0)
		ret = io_uring_wait_cqe(ring, &cqe);
	if (!ret) {
		ret = cqe->res == sizeof(*val) ? 0 : cqe->res < 0 ? cqe->res : -EFAULT;
		io_uring_cqe_seen(ring, cqe);
	}
	step_end(w);
	if (!ret && load && pread(fd, val, sizeof(*val), 0) < 0)
		ret = -errno;
	return ret;
}

/* Reads and writes through the pins, against what the CPU sees. */
static int use_fixed(struct worker *w, struct span s)
{
	struct page_try t;
	unsigned int i, page;
	uint64_t val;
	int ret = 0;

	for (i = 0; i < 6 && !ret; i++) {
		page = s.first + hmmt_rng_below(&w->rng, s.n);
		if (hmmt_rng_chance(&w->rng, 1, 2)) {
			if (page_write_begin(w, page, &t))
				continue;
			val = t.val;
			ret = fixed_word(w, page_addr(page) + slot_offset(w->idx), false, &val);
			ret = page_write_end(w, &t, VIA_URING, ret);
		} else {
			page_read_begin(w, page, pick_slot(w), &t);
			t.stray = false;	/* the block is locked, and settled */
			val = 0;
			ret = fixed_word(w, page_addr(page) + slot_offset(t.slot), true, &val);
			ret = page_read_end(w, &t, VIA_URING, ret, val);
		}
	}
	return ret;
}

static int uring_fixed(struct worker *w)
{
	struct io_uring *ring = via_ring(w);
	struct span s = pick_block_or_part(w);
	struct iovec iov;
	uint64_t blocks;
	int ret;

	if (!ring)
		return -EAGAIN;
	s.n = min_ul(s.n, MAX_FIXED);
	op_arg(w, (uint64_t)s.first << 32 | s.n);
	ret = lock_run(w, &s, word_writable, &blocks);
	if (ret)
		return ret;
	ops_warm(w, page_addr(s.first), s.n * HMMT_PAGE_SIZE);
	iov.iov_base = (void *)page_addr(s.first);
	iov.iov_len = s.n * HMMT_PAGE_SIZE;
	step_begin(w, STEP_PIN, page_addr(s.first));
	ret = io_uring_register_buffers(ring, &iov, 1);
	step_end(w);
	if (!ret) {
		if (hmmt_is_open(&w->r->dev[0]))
			ret = try_to_move(w, s, "fixed buffer");
		if (!ret)
			ret = use_fixed(w, s);
		if (!ret)
			ret = look_at(w, s);
		step_begin(w, STEP_PIN, page_addr(s.first));
		io_uring_unregister_buffers(ring);
		step_end(w);
	} else if (ret == -EFAULT) {
		ret = -ENOMEM;
	}
	model_unlock(w->m, blocks);
	return ret;
}

const struct op ops_gup[] = {
	{ "pin", "pin, try to migrate, release", NEED_DEV, OP_PLACE, 2, pin },
	{ "pin_hold", "pin, and let it be", NEED_DEV, OP_PLACE, 1, pin_hold },
	{ "pin_drop", "release what was left pinned", NEED_DEV, OP_PLACE, 1, pin_drop },
	{ "splice_hold", "let a pipe have pages, and let it be", 0, OP_PLACE, 2, splice_hold },
	{ "uring_fixed", "reads and writes by fixed buffers", NEED_WORDCOPY | NEED_URING, OP_DATA,
	  2, uring_fixed },
	OP_TABLE_END
};
