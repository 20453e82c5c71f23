// SPDX-License-Identifier: GPL-2.0
/* A process of the fuzzer: its memory, its files, its threads, its end. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"
#include "module.h"

#define AREAS_AT	0x200000000000UL
#define AREA_GAP	0x1000000000UL
#define THREADS_AT	0x400000000000UL
#define THREAD_GAP	0x1000000000UL

static __thread sigjmp_buf *fault_to;

static void on_fault(int sig)
{
	if (fault_to)
		siglongjmp(*fault_to, 1);
	signal(sig, SIG_DFL);
}

bool fuzz_poke(unsigned long addr, const void *data, size_t len)
{
	sigjmp_buf env;

	if (sigsetjmp(env, 1)) {
		fault_to = NULL;
		return false;
	}
	fault_to = &env;
	/* else the compiler sees two stores and nothing between them */
	atomic_signal_fence(memory_order_seq_cst);
	memcpy((void *)addr, data, len);
	atomic_signal_fence(memory_order_seq_cst);
	fault_to = NULL;
	return true;
}

static bool peek(unsigned long addr, uint64_t *v)
{
	sigjmp_buf env;

	if (sigsetjmp(env, 1)) {
		fault_to = NULL;
		return false;
	}
	fault_to = &env;
	/* else the compiler sees two stores and nothing between them */
	atomic_signal_fence(memory_order_seq_cst);
	*v = *(volatile uint64_t *)addr;
	atomic_signal_fence(memory_order_seq_cst);
	fault_to = NULL;
	return true;
}

/* --- memory --------------------------------------------------------------- */

/* New memory in [addr, addr + len) of an area */
static void map(struct proc *p, enum area_type type, unsigned long addr, unsigned long len,
		int fd)
{
	int flags = MAP_FIXED | (type == AREA_SHMEM || type == AREA_DEVICE ? MAP_SHARED :
								     MAP_PRIVATE);
	void *at = (void *)addr;

	if (type == AREA_HUGETLB)
		flags |= MAP_HUGETLB | (fuzz.avoid & AVOID_HUGETLB_HOLE ? MAP_POPULATE : 0);
	if (type != AREA_DEVICE) {
		flags |= MAP_ANONYMOUS;
		fd = -1;
	}
	if (mmap(at, len, PROT_READ | PROT_WRITE, flags, fd, 0) == MAP_FAILED) {
		if (type == AREA_HUGETLB)
			p->area[type].pages = 0;
		return;
	}
	/* on some kernels THPs must not be shared: before there is one */
	if (type == AREA_THP && fuzz.avoid & AVOID_SHARED_THP)
		madvise(at, len, MADV_DONTFORK);
	if (type == AREA_THP && !fuzz.sh->no_thp)
		madvise(at, len, MADV_HUGEPAGE);
	else if (type == AREA_THP || type == AREA_BASE)
		madvise(at, len, MADV_NOHUGEPAGE);
}

static uint64_t calm_value(unsigned long page)
{
	return hmmt_mix64(page + 77);
}

/* THP and base pages that only move: what is in them stays */
static void map_calm(struct proc *p)
{
	struct area *calm = &p->area[AREA_CALM];
	unsigned long i;

	map(p, AREA_THP, calm->addr, HMMT_PMD_SIZE, -1);
	map(p, AREA_BASE, calm->addr + HMMT_PMD_SIZE,
	    (calm->pages - HMMT_PMD_PAGES) * HMMT_PAGE_SIZE, -1);
	for (i = 0; i < calm->pages; i++)
		*(uint64_t *)(calm->addr + i * HMMT_PAGE_SIZE + 8 * (i % 512)) = calm_value(i);
}

static void check_calm(struct proc *p)
{
	struct area *calm = &p->area[AREA_CALM];
	unsigned long i;

	for (i = 0; i < calm->pages; i++) {
		uint64_t v = ~0ULL, want = calm_value(i);
		bool ok = peek(calm->addr + i * HMMT_PAGE_SIZE + 8 * (i % 512), &v);

		if (ok && v == want)
			continue;
		violation("calm page %lu holds %#llx%s", i, (unsigned long long)v,
			  ok ? "" : " (fault)");
		return;
	}
	fuzz.sh->calm_checked++;
}

static void map_all(struct proc *p)
{
	static const unsigned long pages[NR_AREAS] = {
		[AREA_THP] = 4 * HMMT_PMD_PAGES, [AREA_BASE] = HMMT_PMD_PAGES,
		[AREA_SHMEM] = 128, [AREA_DEVICE] = 16, [AREA_HUGETLB] = HMMT_PMD_PAGES,
		[AREA_CALM] = FUZZ_CALM_PAGES,
	};
	unsigned int i;

	for (i = 0; i < NR_AREAS; i++) {
		p->area[i].addr = AREAS_AT + i * AREA_GAP;
		p->area[i].pages = pages[i];
		/* two half PMDs: else a hole would become a THP in the device */
		if (i == AREA_BASE)
			p->area[i].addr += HMMT_PMD_SIZE / 2;
		if (i == AREA_THP && fuzz.sh->no_thp)
			p->area[i].pages = 0;
		else if (i == AREA_CALM)
			map_calm(p);
		else
			map(p, i, p->area[i].addr, pages[i] * HMMT_PAGE_SIZE, p->fds[0]);
	}
}

/*
 * Some of an area. A THP is not to be mapped by PTEs on some kernels: then what
 * would do so (@whole) has to be whole PMDs.
 */
static unsigned long part_of(struct thread *t, enum area_type type, bool whole,
			     unsigned long *len)
{
	struct area *a = &t->proc->area[type];
	bool calm_thp = type == AREA_CALM;
	unsigned long unit = 1, first, nr, pages = a->pages;

	if (calm_thp && below(t, 2)) {
		/* its base pages */
		first = HMMT_PMD_PAGES + below(t, pages - HMMT_PMD_PAGES);
		nr = 1 + below(t, pages - first);
		*len = nr * HMMT_PAGE_SIZE;
		return a->addr + first * HMMT_PAGE_SIZE;
	}
	if (calm_thp)
		pages = HMMT_PMD_PAGES;
	if (type == AREA_HUGETLB || ((type == AREA_THP || calm_thp) && whole &&
				     (fuzz.avoid & AVOID_PTE_THP || below(t, 2))))
		unit = HMMT_PMD_PAGES;
	first = below(t, pages / unit) * unit;
	nr = (1 + below(t, below(t, 2) ? 4 : pages)) * unit;
	if (nr > pages - first)
		nr = pages - first;
	*len = nr * HMMT_PAGE_SIZE;
	return a->addr + first * HMMT_PAGE_SIZE;
}

static enum area_type pick_area(struct thread *t, bool writes)
{
	static const uint8_t odds[NR_AREAS] = { 35, 35, 6, 3, 3, 18 };
	unsigned int i, n;

	for (;;) {
		n = below(t, 100);
		for (i = 0; n >= odds[i]; i++)
			n -= odds[i];
		if (t->proc->area[i].pages && !(writes && i == AREA_CALM))
			return i;
	}
}

unsigned long fuzz_range(struct thread *t, bool writes, bool whole, unsigned long *len)
{
	return part_of(t, pick_area(t, writes), whole, len);
}

static void touch(struct thread *t)
{
	unsigned long len, addr = fuzz_range(t, true, false, &len);
	uint64_t v;

	addr += 8 * below(t, 512);
	if (below(t, 2) ? peek(addr, &v) : fuzz_poke(addr, &addr, sizeof(addr)))
		return;
	fuzz.sh->faults++;
}

/* A PMD, or some pages, to another place of the area */
static void move(struct thread *t, enum area_type type)
{
	unsigned long len, len2, from, to;

	from = part_of(t, type, true, &len);
	to = part_of(t, type, true, &len2);
	if (len2 < len)
		len = len2;
	if (type == AREA_HUGETLB || type == AREA_DEVICE ||
	    (from < to + len && to < from + len))
		return;
	if (mremap((void *)from, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)to) ==
	    MAP_FAILED)
		return;
	map(t->proc, type, from, len, -1);
}

static void change_memory(struct thread *t)
{
	static const int advice[] = { MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED,
				      MADV_POPULATE_READ, MADV_POPULATE_WRITE,
				      MADV_DONTNEED, MADV_FREE };
	static const int prot[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };
	enum area_type type = pick_area(t, true);
	unsigned long len, addr = part_of(t, type, true, &len);
	int fd = type == AREA_DEVICE ? fuzz_fd(t) : -1;
	unsigned int nr_advice = 7;

	if (type == AREA_HUGETLB && fuzz.avoid & AVOID_HUGETLB_HOLE)
		return;
	/* the last two may meet a migration, as munmap() cannot */
	if (type == AREA_THP && fuzz.avoid & AVOID_ZAP_THP)
		nr_advice = 5;
	switch (fuzz.sh->no_unmap ? 1 + below(t, 2) * 3 : below(t, 8)) {
	case 0:
		munmap((void *)addr, len);
		break;
	case 1:
	case 2:
		mprotect((void *)addr, len, prot[below(t, 3)]);
		break;
	case 3:
		move(t, type);
		break;
	case 4:
	case 5:
		madvise((void *)addr, len, advice[below(t, nr_advice)]);
		break;
	default:
		/* all of it is back: ranges do not become holes for ever */
		map(t->proc, type, t->proc->area[type].addr,
		    t->proc->area[type].pages * HMMT_PAGE_SIZE, fd);
	}
}

static void hog(struct thread *t)
{
	size_t size = (1 + below(t, 8)) * HMMT_PMD_SIZE;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return;
	if (below(t, 2))
		madvise(p, size, MADV_HUGEPAGE);
	madvise(p, size, MADV_POPULATE_WRITE);
	munmap(p, size);
}

/* --- files ---------------------------------------------------------------- */

int fuzz_fd(struct thread *t)
{
	return t->proc->fds[below(t, FUZZ_FDS)];
}

static void put_fd(struct thread *t, int fd)
{
	int old = atomic_exchange(&t->proc->fds[below(t, FUZZ_FDS)], fd);

	if (old >= 0)
		close(old);
}

static void open_device(struct thread *t)
{
	struct hmmt_dev dev = HMMT_DEV_CLOSED;
	int ret = hmmt_open(&dev, below(t, 2));

	fuzz_call_result(t, "open", -ret);
	if (!ret)
		put_fd(t, dev.fd);
}

/* A file of another process: its address space, which may end any time */
static void take_fd(struct thread *t)
{
	pid_t pid = fuzz.sh->pid[below(t, FUZZ_WORKERS)];
	int pidfd, fd;

	pidfd = pid > 0 ? syscall(SYS_pidfd_open, pid, 0) : -1;
	if (pidfd < 0)
		return;
	fd = syscall(SYS_pidfd_getfd, pidfd, 3 + below(t, 16), 0);
	close(pidfd);
	if (fd < 0)
		return;
	fuzz.sh->passed++;
	put_fd(t, fd);
}

/* Pages of the driver's own, and what cannot be mapped */
static void map_device(struct thread *t)
{
	struct area *a = &t->proc->area[AREA_DEVICE];
	size_t len = a->pages * HMMT_PAGE_SIZE;
	void *p;

	p = mmap((void *)a->addr, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 below(t, 4) ? fuzz_fd(t) : -1, below(t, 4) ? 0 : HMMT_MMAP_RAW);
	fuzz_call_result(t, "mmap", p == MAP_FAILED ? errno : 0);
}

/* --- processes ------------------------------------------------------------ */

/* With the parent's files on the parent's memory, then with files of its own */
static void run_child(struct thread *t)
{
	unsigned int i, n = below(t, 12);

	t->child = true;
	t->ring_ok = false;
	for (i = 0; i < n; i++) {
		fuzz_command(t);
		touch(t);
		if (!below(t, 4))
			open_device(t);
	}
	if (below(t, 2))
		pause();
	_exit(0);
}

static void fork_child(struct thread *t)
{
	pid_t pid = fork();

	if (!pid)
		run_child(t);
	if (pid < 0)
		return;
	fuzz.sh->forks++;
	sleep_ms(below(t, 20));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void step(struct thread *t)
{
	unsigned int n = below(t, 1000);

	if (n < 600)
		fuzz_command(t);
	else if (n < 700)
		fuzz_uring(t);
	else if (n < 850)
		touch(t);
	else if (n < 930)
		change_memory(t);
	else if (n < 960)
		open_device(t);
	else if (n < 970 && !fuzz.sh->no_unmap)
		map_device(t);
	else if (n < 980)
		take_fd(t);
	else if (n < 985)
		put_fd(t, -1);
	else if (n < 990)
		hog(t);
	else if (!fuzz.sh->no_unmap)
		fork_child(t);
}

static void *thread_main(void *arg)
{
	struct thread *t = arg;

	while (!t->proc->stop)
		step(t);
	if (t->ring_ok)
		io_uring_queue_exit(&t->ring);
	return NULL;
}

/* Buffer, guard, arguments, a page that cannot be written, guard */
static bool thread_init(struct thread *t, struct proc *p, unsigned int nr)
{
	char *at = (char *)THREADS_AT + nr * THREAD_GAP;

	t->proc = p;
	t->nr = nr;
	hmmt_rng_init(&t->rng, fuzz.seed, (p->life << 16) | (p->slot << 8) | nr);
	t->buf = mmap(at, FUZZ_BUF_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	t->arg = mmap(at + FUZZ_BUF_SIZE + HMMT_PMD_SIZE, 2 * HMMT_PAGE_SIZE,
		      PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (t->buf == MAP_FAILED || t->arg == MAP_FAILED)
		return false;
	memset(t->buf, 0xa5, FUZZ_IO_SIZE);
	return !mprotect(t->arg + HMMT_PAGE_SIZE, HMMT_PAGE_SIZE, PROT_READ);
}

/*
 * Some lives begin with as much in the device as it holds: commands meet a full one.
 * And with what is not theirs alone: addresses that were mutated lead there as well.
 */
static void fill_device(struct proc *p)
{
	struct hmmt_dev dev = HMMT_DEV_CLOSED;
	unsigned int i;

	if (hmmt_open(&dev, p->life & 1))
		return;
	hmmt_migrate(&dev, (uintptr_t)fuzz_everybodys, HMMT_PAGE_SIZE, 0, NULL);
	for (i = 0; i < NR_AREAS; i++) {
		struct hmmt_migrate m = {
			.addr = p->area[i].addr, .len = p->area[i].pages * HMMT_PAGE_SIZE,
		};

		if (i == AREA_BASE || (i == AREA_CALM && fuzz.sh->no_thp))
			ioctl(dev.fd, HMMT_MIGRATE, &m);
	}
	hmmt_close(&dev);
}

/* Ends in one of the ways that a process can: the supervisor has one more */
static void end_life(struct thread *t, pthread_t *ids)
{
	unsigned int i;

	/*
	 * Odd lives are not killed before: each end is met also in a short run, and first the
	 * one that looks at contents.
	 */
	switch (t->proc->life & 1 ? 2 - t->proc->life / 2 % 3 : below(t, 4)) {
	case 0:
		_exit(0);
	case 1:
		fuzz.sh->execs++;
		execl("/proc/self/exe", "hmm-fuzz", "--nothing", (char *)NULL);
		_exit(0);
	case 2:
		t->proc->stop = true;
		for (i = 1; i < FUZZ_THREADS; i++)
			pthread_join(ids[i], NULL);
		check_calm(t->proc);
		_exit(0);
	default:
		/* for the supervisor */
		for (;;)
			step(t);
	}
}

void fuzz_worker(unsigned int slot, uint64_t life)
{
	static struct thread threads[FUZZ_THREADS];
	static struct proc p;
	pthread_t ids[FUZZ_THREADS];
	uint64_t end;
	unsigned int i;
	int fd;

	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	p.slot = slot;
	p.life = life;
	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	p.pagemap = fcntl(fd, F_DUPFD_CLOEXEC, FUZZ_FDS_TAKEN);
	close(fd);
	for (i = 0; i < FUZZ_FDS; i++) {
		struct hmmt_dev dev = HMMT_DEV_CLOSED;

		if (i < 4)
			hmmt_open(&dev, i & 1);
		p.fds[i] = dev.fd;
	}
	map_all(&p);
	if (life & 2)
		fill_device(&p);
	for (i = 0; i < FUZZ_THREADS; i++)
		if (!thread_init(&threads[i], &p, i))
			_exit(1);
	end = now_ms() + 100 + below(&threads[0], 1500);
	for (i = 1; i < FUZZ_THREADS; i++)
		if (pthread_create(&ids[i], NULL, thread_main, &threads[i]))
			_exit(1);
	while (now_ms() < end || fuzz.sh->no_unmap)
		step(&threads[0]);
	end_life(&threads[0], ids);
	_exit(0);
}
