// SPDX-License-Identifier: GPL-2.0
/*
 * Loads and stores that the kernel makes on our behalf: it gets at the memory
 * by a fault in the middle of a copy, or by GUP. A word must not be torn on its
 * way, so the kernel must copy eight bytes by one instruction: NEED_WORDCOPY.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "torture.h"

#define WORD	sizeof(uint64_t)

/* Of each worker; the ring is there when has_ring says so. */
static struct via_files {
	int file;
	int mem;
	int pipe[2];
	bool has_ring;
	struct io_uring ring;
} files[MAX_WORKERS];

static struct via_files *mine(struct worker *w)
{
	return &files[w->idx];
}

bool via_mem_forces(void)
{
	static char known;	/* y, n or not asked yet */
	void *page;
	uint64_t val;
	int fd;

	if (known)
		return known == 'y';
	fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	page = mmap(NULL, HMMT_PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	known = pread(fd, &val, WORD, (off_t)(uintptr_t)page) == WORD ? 'y' : 'n';
	munmap(page, HMMT_PAGE_SIZE);
	close(fd);
	return known == 'y';
}

int via_open(struct worker *w)
{
	struct via_files *f = mine(w);

	f->file = memfd_create("torture", MFD_CLOEXEC);
	if (f->file < 0)
		return -errno;
	f->mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	if (f->mem < 0)
		goto close_file;
	if (pipe2(f->pipe, O_CLOEXEC | O_NONBLOCK))
		goto close_mem;
	f->has_ring = !io_uring_queue_init(16, &f->ring, 0);
	return 0;

close_mem:
	close(f->mem);
close_file:
	close(f->file);
	return -errno;
}

void via_close(struct worker *w)
{
	struct via_files *f = mine(w);

	if (f->has_ring)
		io_uring_queue_exit(&f->ring);
	f->has_ring = false;
	close(f->pipe[0]);
	close(f->pipe[1]);
	close(f->mem);
	close(f->file);
}

struct io_uring *via_ring(struct worker *w)
{
	return mine(w)->has_ring ? &mine(w)->ring : NULL;
}

int via_file(struct worker *w)
{
	return mine(w)->file;
}

/* Of a call that should have moved a word. */
static int result(ssize_t n)
{
	if (n < 0)
		return -errno;
	return n == WORD ? 0 : -EFAULT;
}

static int uring_rw(struct worker *w, unsigned long addr, bool load)
{
	struct io_uring *ring = via_ring(w);
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe;
	int ret;

	if (!ring)
		return -ENODEV;
	sqe = io_uring_get_sqe(ring);
	if (load)
		io_uring_prep_write(sqe, mine(w)->file, (void *)addr, WORD, 0);
	else
		io_uring_prep_read(sqe, mine(w)->file, (void *)addr, WORD, 0);
	do {
		ret = io_uring_submit_and_wait(ring, 1);
	} while (ret == -EINTR);
	if (ret < 0)
		return ret;
	ret = io_uring_wait_cqe(ring, &cqe);
	if (ret)
		return ret;
	ret = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return ret < 0 ? ret : result(ret);
}

/* What an earlier call left in it would be taken for the next one's. */
static void drain(int fd)
{
	uint64_t val;

	while (read(fd, &val, WORD) > 0)
		;
}

/* The user's page goes into the pipe by reference, and is read from there. */
static int splice_load(struct worker *w, struct iovec *iov, uint64_t *val)
{
	int *pipe = mine(w)->pipe;
	int ret;

	drain(pipe[0]);
	ret = result(vmsplice(pipe[1], iov, 1, 0));
	return ret ? ret : result(read(pipe[0], val, WORD));
}

static int splice_store(struct worker *w, struct iovec *iov, uint64_t val)
{
	int *pipe = mine(w)->pipe;
	int ret;

	drain(pipe[0]);
	ret = result(write(pipe[1], &val, WORD));
	return ret ? ret : result(vmsplice(pipe[0], iov, 1, 0));
}

/* It says EIO when it did not get at the page. */
static int mem_result(ssize_t n)
{
	int ret = result(n);

	return ret == -EIO ? -EFAULT : ret;
}

static int load(struct worker *w, unsigned long addr, enum via via, uint64_t *val)
{
	struct iovec remote = { (void *)addr, WORD }, local = { val, WORD };
	struct via_files *f = mine(w);
	int ret;

	switch (via) {
	case VIA_FILE:
		ret = result(pwrite(f->file, (void *)addr, WORD, 0));
		break;
	case VIA_URING:
		ret = uring_rw(w, addr, true);
		break;
	case VIA_VM:
		return result(process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	case VIA_SPLICE:
		return splice_load(w, &remote, val);
	default:
		return mem_result(pread(f->mem, val, WORD, addr));
	}
	return ret ? ret : result(pread(f->file, val, WORD, 0));
}

static int store(struct worker *w, unsigned long addr, enum via via, uint64_t val)
{
	struct iovec remote = { (void *)addr, WORD }, local = { &val, WORD };
	struct via_files *f = mine(w);
	int ret = 0;

	if (via == VIA_FILE || via == VIA_URING)
		ret = result(pwrite(f->file, &val, WORD, 0));
	if (ret)
		return ret;
	switch (via) {
	case VIA_FILE:
		return result(pread(f->file, (void *)addr, WORD, 0));
	case VIA_URING:
		return uring_rw(w, addr, false);
	case VIA_VM:
		return result(process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
	case VIA_SPLICE:
		return splice_store(w, &remote, val);
	default:
		return mem_result(pwrite(f->mem, &val, WORD, addr));
	}
}

int via_load(struct worker *w, unsigned long addr, enum via via, uint64_t *val)
{
	int ret;

	step_begin(w, STEP_KERNEL_LOAD, addr);
	ret = load(w, addr, via, val);
	step_end(w);
	return ret;
}

int via_store(struct worker *w, unsigned long addr, enum via via, uint64_t val)
{
	int ret;

	step_begin(w, STEP_KERNEL_STORE, addr);
	ret = store(w, addr, via, val);
	step_end(w);
	return ret;
}
