// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel reads and writes on our behalf: copies that fault in the middle,
 * GUP, bounce buffers, io_uring, one at a time or many at once, and the driver's
 * own commands by io_uring.
 */
#include <errno.h>
#include <liburing.h>
#include <string.h>
#include <unistd.h>

#include "ops.h"

static enum via any_way(struct worker *w)
{
	unsigned int nr = via_ring(w) ? NR_VIAS : VIA_URING;

	return hmmt_rng_between(&w->rng, VIA_KERNEL, nr - 1);
}

static int kernel_read(struct worker *w)
{
	unsigned int page = pick_mapped(w), i;
	enum via via = any_way(w);
	int ret = 0;

	op_arg(w, (uint64_t)page << 32 | 1);
	op_arg(w, 0);
	op_arg(w, via);
	for (i = 0; i < 3 && !ret; i++)
		ret = page_read(w, page, pick_slot(w), via);
	return ret;
}

static int kernel_write(struct worker *w)
{
	unsigned int page = pick_mapped(w);
	enum via via = any_way(w);
	int ret;

	op_arg(w, (uint64_t)page << 32 | 1);
	op_arg(w, 0);
	op_arg(w, via);
	ret = page_write(w, page, via);
	if (!ret)	/* as the CPU sees it */
		ret = page_read(w, page, w->idx, VIA_CPU);
	return ret;
}

/* /proc/PID/mem, where it forces, is refused nothing that is mapped: nothing to ask it. */
static int kernel_probe(struct worker *w)
{
	unsigned int page = pick_page(w);
	enum via via = any_way(w);

	if (via == VIA_MEM)
		via = VIA_VM;
	op_arg(w, (uint64_t)page << 32 | 1);
	op_arg(w, 0);
	op_arg(w, via);
	return page_probe(w, page, hmmt_rng_chance(&w->rng, 1, 2), via);
}

#define MANY	8

/* One command of the driver under way. */
struct command {
	struct page_try try;
	struct hmmt_access access;
	struct hmmt_migrate migrate;
	struct hmmt_uring where;
	uint64_t val;
	bool write;
	int ret;
};

static void prep_command(struct worker *w, struct io_uring_sqe *sqe, unsigned int cmd,
			 void *arg, struct command *c)
{
	c->where.arg = (uintptr_t)arg;
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, w->r->dev[0].fd, NULL, 0, 0);
	sqe->cmd_op = cmd;
	memcpy(sqe->cmd, &c->where, sizeof(c->where));
	io_uring_sqe_set_data(sqe, c);
}

/*
 * Submits what was prepared and takes @n results, each into the command that it
 * belongs to. The out fields are written before that.
 */
static int run_commands(struct worker *w, struct io_uring *ring, unsigned int n)
{
	struct io_uring_cqe *cqe;
	int ret = 0;

	step_begin(w, STEP_URING, 0);
	do {
		ret = io_uring_submit_and_wait(ring, n);
	} while (ret == -EINTR);
	while (n--) {
		do {
			ret = io_uring_wait_cqe(ring, &cqe);
		} while (ret == -EINTR);
		if (ret)
			break;
		((struct command *)io_uring_cqe_get_data(cqe))->ret = cqe->res;
		io_uring_cqe_seen(ring, cqe);
	}
	step_end(w);
	return ret;
}

/* Reads of several pages and one write, while a block is migrated: by one ring. */
static int uring_device(struct worker *w)
{
	struct io_uring *ring = via_ring(w);
	struct command c[MANY + 1];
	unsigned int n = hmmt_rng_between(&w->rng, 2, MANY), i, page;
	struct span s = pick_mapped_block(w);
	int ret, err = 0;

	if (!ring)
		return -EAGAIN;
	memset(c, 0, sizeof(c));
	op_arg(w, (uint64_t)s.first << 32 | s.n);
	for (i = 0; i < n; i++) {
		page = hmmt_rng_chance(&w->rng, 3, 4) ?
		       s.first + hmmt_rng_below(&w->rng, s.n) : pick_mapped(w);
		c[i].write = !i && !page_write_begin(w, page, &c[i].try);
		if (c[i].write)
			c[i].val = c[i].try.val;
		else
			page_read_begin(w, page, pick_slot(w), &c[i].try);
		c[i].access.addr = page_addr(page) + slot_offset(c[i].try.slot);
		c[i].access.ptr = (uintptr_t)&c[i].val;
		c[i].access.len = sizeof(c[i].val);
		c[i].access.flags = c[i].write ? HMMT_ACCESS_WRITE : 0;
		prep_command(w, io_uring_get_sqe(ring), HMMT_ACCESS, &c[i].access, &c[i]);
	}
	c[n].migrate.addr = page_addr(s.first);
	c[n].migrate.len = s.n * HMMT_PAGE_SIZE;
	c[n].migrate.flags = hmmt_rng_chance(&w->rng, 1, 3) ? HMMT_MIGRATE_TO_SYS : 0;
	prep_command(w, io_uring_get_sqe(ring), HMMT_MIGRATE, &c[n].migrate, &c[n]);
	ret = run_commands(w, ring, n + 1);
	for (i = 0; i < n && !ret; i++) {
		int res = c[i].ret == -EPERM ? -EFAULT : c[i].ret;

		if (c[i].write)
			res = page_write_end(w, &c[i].try, VIA_DEV0, res);
		else
			res = page_read_end(w, &c[i].try, VIA_DEV0, res, c[i].val);
		err = err ? err : res;
	}
	c[n].ret = bust_errno(w, c[n].ret);
	if (!ret && c[n].ret && c[n].ret != -EFAULT && !err_transient(c[n].ret))
		fail_add(w->sh, ORACLE_NEGATIVE, "migrate: unexpected error",
			 "by io_uring, %#lx+%#lx: %s", page_addr(s.first),
			 s.n * HMMT_PAGE_SIZE, strerror(-c[n].ret));
	return ret ? ret : err;
}

/* Plain reads and writes of a file from and to pages of a block, many at once. */
static int uring_many(struct worker *w)
{
	struct io_uring *ring = via_ring(w);
	struct command c[MANY];
	unsigned int n = hmmt_rng_between(&w->rng, 2, MANY), i, page;
	struct span s = pick_mapped_block(w);
	int ret, err = 0, fd;

	if (!ring)
		return -EAGAIN;
	memset(c, 0, sizeof(c));
	op_arg(w, (uint64_t)s.first << 32 | s.n);
	fd = via_file(w);
	for (i = 0; i < n; i++) {
		struct io_uring_sqe *sqe;
		void *addr;

		page = s.first + hmmt_rng_below(&w->rng, s.n);
		c[i].write = !i && !page_write_begin(w, page, &c[i].try);
		if (!c[i].write)
			page_read_begin(w, page, pick_slot(w), &c[i].try);
		addr = (void *)(page_addr(page) + slot_offset(c[i].try.slot));
		sqe = io_uring_get_sqe(ring);
		if (c[i].write) {
			if (pwrite(fd, &c[i].try.val, sizeof(uint64_t), i * 8) < 0)
				err = -errno;
			io_uring_prep_read(sqe, fd, addr, sizeof(uint64_t), i * 8);
		} else {
			io_uring_prep_write(sqe, fd, addr, sizeof(uint64_t), i * 8);
		}
		if (hmmt_rng_chance(&w->rng, 1, 2))
			io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
		io_uring_sqe_set_data(sqe, &c[i]);
	}
	ret = run_commands(w, ring, n);
	for (i = 0; i < n && !ret; i++) {
		int res = c[i].ret == sizeof(uint64_t) ? 0 : c[i].ret < 0 ? c[i].ret : -EFAULT;

		if (!res && !c[i].write && pread(fd, &c[i].val, sizeof(uint64_t), i * 8) < 0)
			res = -errno;
		if (c[i].write)
			res = page_write_end(w, &c[i].try, VIA_URING, res);
		else
			res = page_read_end(w, &c[i].try, VIA_URING, res, c[i].val);
		err = err ? err : res;
	}
	return ret ? ret : err;
}

const struct op ops_kernel[] = {
	{ "kernel_read", "the kernel reads a slot: files, pipes, other processes' memory",
	  NEED_WORDCOPY, OP_DATA, 6, kernel_read },
	{ "kernel_write", "... and writes the own one", NEED_WORDCOPY, OP_DATA, 6, kernel_write },
	{ "kernel_probe", "... accesses any page", NEED_WORDCOPY, OP_CHECK, 3, kernel_probe },
	{ "uring_many", "several reads and a write in flight", NEED_WORDCOPY | NEED_URING, OP_DATA,
	  3, uring_many },
	{ "uring_device", "commands to the driver in flight", NEED_DEV | NEED_URING, OP_DATA, 3,
	  uring_device },
	OP_TABLE_END
};
