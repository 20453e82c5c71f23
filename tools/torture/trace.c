// SPDX-License-Identifier: GPL-2.0
/*
 * --trace: what an op draws and calls goes into the journal behind it. The calls
 * are caught by the linker (--wrap, see Build.mk), so that no op has to say them;
 * only what a worker or a child of it calls is recorded.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "torture.h"

void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off);
int __real_munmap(void *addr, size_t len);
void *__real_mremap(void *addr, size_t old_len, size_t new_len, int flags, void *to);
int __real_mprotect(void *addr, size_t len, int prot);
int __real_madvise(void *addr, size_t len, int advice);
int __real_ioctl(int fd, unsigned long cmd, void *arg);
pid_t __real_fork(void);
pid_t __real_waitpid(pid_t pid, int *status, int options);
void __real__exit(int status) __attribute__((noreturn));

void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off);
int __wrap_munmap(void *addr, size_t len);
void *__wrap_mremap(void *addr, size_t old_len, size_t new_len, int flags, ...);
int __wrap_mprotect(void *addr, size_t len, int prot);
int __wrap_madvise(void *addr, size_t len, int advice);
int __wrap_ioctl(int fd, unsigned long cmd, ...);
pid_t __wrap_fork(void);
pid_t __wrap_waitpid(pid_t pid, int *status, int options);
void __wrap__exit(int status) __attribute__((noreturn));

/* Whose calls these are; NULL: nobody's, or not to be traced. */
static __thread struct worker *tracer;

void trace_thread(struct worker *w)
{
	tracer = w->r->cfg->trace_calls ? w : NULL;
}

static uint64_t record(struct worker *w, enum hmmt_trace what, uint64_t a, uint64_t b,
		       uint64_t c, uint64_t d, uint64_t seed)
{
	struct journal *j = w->r->journal;
	uint64_t idx = journal_begin(j, HMMT_JOURNAL_TRACE + what, w->idx, getpid(), now_ns(),
				     seed);

	journal_arg(j, idx, 0, a);
	journal_arg(j, idx, 1, b);
	journal_arg(j, idx, 2, c);
	journal_arg(j, idx, 3, d);
	return idx;
}

static uint64_t begin5(enum hmmt_trace what, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
		       uint64_t seed)
{
	return record(tracer, what, a, b, c, d, seed);
}

uint64_t trace_begin(enum hmmt_trace what, uint64_t a, uint64_t b)
{
	return tracer ? begin5(what, a, b, 0, 0, 0) : 0;
}

void trace_end(uint64_t idx, int64_t ret)
{
	if (tracer)
		journal_end(tracer->r->journal, idx, ret);
}

void trace_value(uint64_t idx, uint64_t val)
{
	if (tracer)
		journal_arg(tracer->r->journal, idx, 1, val);
}

void trace_expect(enum trace_expectation what, uint64_t lo, uint64_t hi)
{
	if (tracer)
		trace_end(begin5(HMMT_TRACE_EXPECT, lo, hi, what, 0, 0), 0);
}

static void note(struct hmmt_rng *rng, uint64_t val, uint64_t range)
{
	struct worker *w = (struct worker *)((char *)rng - offsetof(struct worker, rng));

	journal_end(w->r->journal, record(w, HMMT_TRACE_DRAW, val, range, 0, 0, 0), 0);
}

void trace_draws(struct worker *w)
{
	if (w->r->cfg->trace_draws)
		w->rng.note = note;
}

static int64_t result(int64_t ret)
{
	return ret == -1 ? -errno : ret;
}

void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	uint64_t idx;
	void *p;

	if (!tracer)
		return __real_mmap(addr, len, prot, flags, fd, off);
	idx = begin5(HMMT_TRACE_MMAP, (uintptr_t)addr, len, prot, flags, 0);
	p = __real_mmap(addr, len, prot, flags, fd, off);
	trace_end(idx, result((intptr_t)p));
	return p;
}

int __wrap_munmap(void *addr, size_t len)
{
	uint64_t idx = trace_begin(HMMT_TRACE_MUNMAP, (uintptr_t)addr, len);
	int ret = __real_munmap(addr, len);

	trace_end(idx, result(ret));
	return ret;
}

void *__wrap_mremap(void *addr, size_t old_len, size_t new_len, int flags, ...)
{
	void *to = NULL, *p;
	uint64_t idx;
	va_list ap;

	va_start(ap, flags);
	if (flags & MREMAP_FIXED)
		to = va_arg(ap, void *);
	va_end(ap);
	if (!tracer)
		return __real_mremap(addr, old_len, new_len, flags, to);
	idx = begin5(HMMT_TRACE_MREMAP, (uintptr_t)addr, old_len, new_len, (uintptr_t)to, flags);
	p = __real_mremap(addr, old_len, new_len, flags, to);
	trace_end(idx, result((intptr_t)p));
	return p;
}

int __wrap_mprotect(void *addr, size_t len, int prot)
{
	uint64_t idx;
	int ret;

	if (!tracer)
		return __real_mprotect(addr, len, prot);
	idx = begin5(HMMT_TRACE_MPROTECT, (uintptr_t)addr, len, prot, 0, 0);
	ret = __real_mprotect(addr, len, prot);
	trace_end(idx, result(ret));
	return ret;
}

int __wrap_madvise(void *addr, size_t len, int advice)
{
	uint64_t idx;
	int ret;

	if (!tracer)
		return __real_madvise(addr, len, advice);
	idx = begin5(HMMT_TRACE_MADVISE, (uintptr_t)addr, len, advice, 0, 0);
	ret = __real_madvise(addr, len, advice);
	trace_end(idx, result(ret));
	return ret;
}

static unsigned int device_of(int fd)
{
	unsigned int i;

	for (i = 0; i < NR_DEVS - 1; i++)
		if (tracer->r->dev[i].fd == fd)
			break;
	return i;
}

int __wrap_ioctl(int fd, unsigned long cmd, ...)
{
	const struct hmmt_migrate *m;
	const struct hmmt_access *a;
	const struct hmmt_snapshot *s;
	uint64_t idx, dev;
	va_list ap;
	void *arg;
	int ret;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	m = arg;
	a = arg;
	s = arg;
	if (!tracer || _IOC_TYPE(cmd) != 'H' || cmd == HMMT_STATS)
		return __real_ioctl(fd, cmd, arg);
	dev = device_of(fd);
	switch (cmd) {
	case HMMT_MIGRATE:
		idx = begin5(HMMT_TRACE_MIGRATE, m->addr, m->len, m->flags, dev, 0);
		break;
	case HMMT_ACCESS:
		idx = begin5(HMMT_TRACE_ACCESS, a->addr, *(uint64_t *)(uintptr_t)a->ptr,
			     a->flags, dev, 0);
		break;
	case HMMT_SNAPSHOT:
		idx = begin5(HMMT_TRACE_SNAPSHOT, s->addr, s->len, 0, dev, 0);
		break;
	case HMMT_EVICT:
		idx = begin5(HMMT_TRACE_EVICT, 0, 0, 0, dev, 0);
		break;
	default:
		idx = begin5(HMMT_TRACE_COMMAND, cmd, 0, 0, dev, 0);
		break;
	}
	ret = __real_ioctl(fd, cmd, arg);
	if (cmd == HMMT_ACCESS)
		trace_value(idx, *(uint64_t *)(uintptr_t)a->ptr);
	trace_end(idx, result(ret));
	return ret;
}

pid_t __wrap_fork(void)
{
	uint64_t idx = trace_begin(HMMT_TRACE_FORK, 0, 0);
	pid_t pid = __real_fork();

	if (pid)
		trace_end(idx, result(pid));
	return pid;
}

pid_t __wrap_waitpid(pid_t pid, int *status, int options)
{
	pid_t ret = __real_waitpid(pid, status, options);

	/* Who looks whether a child has ended waits for nothing. */
	if (ret > 0)
		trace_end(trace_begin(HMMT_TRACE_WAIT, ret, 0), 0);
	return ret;
}

void __wrap__exit(int status)
{
	trace_end(trace_begin(HMMT_TRACE_EXIT, 0, 0), status);
	__real__exit(status);
}
