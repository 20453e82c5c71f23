// SPDX-License-Identifier: GPL-2.0
/*
 * hmm-failnth: every allocation of every command fails once. A row
 * is called with its first allocation failing, then its second, until a call is
 * through before its turn comes. After each call the answer is one that the row
 * allows, data and the driver's invariants hold, and all device memory comes back.
 *
 * What fails is the kernel's own fault injection (/proc/PID/fail-nth): failslab,
 * fail_page_alloc, and fail_alloc of the driver for what does not fail by itself.
 */
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"
#include "faults.h"
#include "module.h"
#include "ring.h"

#define PAGES		HMMT_PMD_PAGES
#define SOME		8UL	/* base pages: each has allocations of its own */
#define EACH		64U	/* of more than these, one in STRIDE: they are all alike */
#define STRIDE		61U
#define MAX_NTH		2000
#define CHUNKS		4U
#define PARAMS		"chunks=4"	/* each call is followed by a check of all pages */

static char buf[PAGES * HMMT_PAGE_SIZE];
static uint64_t first_pfn;
static struct hmmt_dev dev2 = HMMT_DEV_CLOSED;
static struct io_uring ring;
static int pipe_fds[2];
static uint64_t free_before;

/* --- what is there before the call ---------------------------------------- */

static bool some_system(void)
{
	return fill(1, false);
}

static bool thp_system(void)
{
	return fill(1, true);
}

static bool hole(void)
{
	TRY(fill(1, true));
	return !madvise(area, HMMT_PMD_SIZE, MADV_DONTNEED);
}

/* Where nothing ever was: it has no page tables and no anon_vma */
static bool new_hole(void)
{
	void *p = mmap(area, HMMT_PMD_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	WANT(p == area, "mmap: %s", strerror(errno));
	return !madvise(area, HMMT_PMD_SIZE, MADV_HUGEPAGE);
}

static bool some_device(void)
{
	TRY(fill(1, false));
	return migrate(&dev0, 0, SOME, 0, NULL);
}

static bool pfn_device(void)
{
	uint64_t entry;
	int ret;

	TRY(some_device());
	ret = hmmt_pagemap_read(getpid(), (uintptr_t)area, 1, &entry);
	WANT(!ret, "pagemap: %s", strerror(-ret));
	/* swap entries have a type in the five bits below */
	first_pfn = entry >> 5 & ((1ULL << 50) - 1);
	return true;
}

/* In the memory of the first device-coherent one, if there is any */
static bool coherent_device(void)
{
	TRY(fill(1, false));
	if (hmmt_is_open(&dev2) || !hmmt_open(&dev2, 2))
		return migrate(&dev2, 0, SOME, 0, NULL);
	return true;
}

static bool thp_device(void)
{
	TRY(fill(1, true));
	return migrate(&dev0, 0, PAGES, 0, NULL);
}

static bool thp_peer(void)
{
	TRY(fill(1, true));
	return migrate(&dev1, 0, PAGES, 0, NULL);
}

/* --- the calls: 0 or -errno ------------------------------------------------ */

static uint64_t base(void)
{
	return (uintptr_t)area;
}

static int stock(unsigned int cmd, unsigned long nr)
{
	struct hmm_dmirror_cmd arg = {
		.addr = base(), .ptr = (uintptr_t)buf, .npages = nr,
	};

	return ioctl(dev0.fd, cmd, &arg) ? -errno : 0;
}

#define STOCK(fn, cmd, nr)	static int fn(void) { return stock(cmd, nr); }
STOCK(stock_read, HMM_DMIRROR_READ, SOME)
STOCK(stock_write, HMM_DMIRROR_WRITE, SOME)
STOCK(stock_to_dev, HMM_DMIRROR_MIGRATE_TO_DEV, SOME)
STOCK(stock_to_sys, HMM_DMIRROR_MIGRATE_TO_SYS, SOME)
STOCK(stock_snapshot, HMM_DMIRROR_SNAPSHOT, SOME)
STOCK(stock_exclusive, HMM_DMIRROR_EXCLUSIVE, SOME)
STOCK(stock_check_exclusive, HMM_DMIRROR_CHECK_EXCLUSIVE, SOME)
STOCK(stock_release, HMM_DMIRROR_RELEASE, 0)
STOCK(stock_flags, HMM_DMIRROR_FLAGS, 0)
STOCK(stock_unlocked, HMM_DMIRROR_READ_UNLOCKED, SOME)

#define MIGRATE(fn, pages, flags) \
	static int fn(void) \
	{ return hmmt_migrate(&dev0, base(), (pages) * HMMT_PAGE_SIZE, flags, NULL); }
MIGRATE(migrate_thp, PAGES, 0)
MIGRATE(migrate_some, SOME, 0)
MIGRATE(migrate_base_some, SOME, HMMT_MIGRATE_BASE)
MIGRATE(migrate_split, PAGES, HMMT_MIGRATE_SPLIT)
MIGRATE(migrate_to_sys, PAGES, HMMT_MIGRATE_TO_SYS)
MIGRATE(migrate_some_to_sys, SOME, HMMT_MIGRATE_TO_SYS)

static int migrate_peer(void)
{
	return hmmt_migrate_peer(&dev0, base(), HMMT_PMD_SIZE, 0, 1, NULL);
}

static int access_read(void)
{
	return hmmt_access(&dev0, base(), buf, SOME * HMMT_PAGE_SIZE, 0, NULL);
}

static int access_write(void)
{
	return hmmt_access(&dev0, base(), buf, SOME * HMMT_PAGE_SIZE, HMMT_ACCESS_WRITE, NULL);
}

static int dma(unsigned int flags)
{
	return hmmt_access(&dev0, base(), buf, SOME * HMMT_PAGE_SIZE, HMMT_ACCESS_DMA | flags,
			   NULL);
}

static int dma_read(void)
{
	return dma(0);
}

static int dma_write(void)
{
	return dma(HMMT_ACCESS_WRITE);
}

static int snapshot(void)
{
	return hmmt_snapshot(&dev0, base(), HMMT_PMD_SIZE, (uint16_t *)buf);
}

static int stats(void)
{
	struct hmmt_stats st;

	return hmmt_stats(&dev0, &st);
}

static int check(void)
{
	struct hmmt_check c;

	return hmmt_check(&dev0, 0, &c);
}

static int evict_all(void)
{
	return hmmt_evict(&dev0, NULL);
}

static int evict_pfns(void)
{
	struct hmmt_evict e = {
		.mode = HMMT_EVICT_PFNS, .nr = 1, .ptr = (uintptr_t)&first_pfn,
	};

	return hmmt_evict_some(&dev0, &e);
}

static bool all_plugged(void)
{
	int ret = hmmt_plug_all(&dev0);

	WANT(ret >= 0, "plug: %s", strerror(-ret));
	return thp_device();
}

/* With the last one its pagemap goes: see PARAMS */
static bool all_unplugged(void)
{
	unsigned int i;
	int ret;

	TRY(some_system());
	for (i = 0; i < CHUNKS; i++) {
		ret = hmmt_unplug(&dev0, i, 0, 1000, NULL);
		WANT(!ret || ret == -EALREADY, "chunk %u: %s", i, strerror(-ret));
	}
	return true;
}

static int unplug(void)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < CHUNKS && !ret; i++)
		ret = hmmt_unplug(&dev0, i, 0, 0, NULL);
	return ret;
}

static int plug(void)
{
	return hmmt_unplug(&dev0, 0, HMMT_UNPLUG_PLUG, 0, NULL);
}

static int tune(void)
{
	return hmmt_tune(&dev0, 0, 0);
}

static int inject(void)
{
	struct hmmt_inject none = { 0 };

	return hmmt_inject(&dev0, &none);
}

static int perturb(void)
{
	return hmmt_perturb(&dev0, 0, 0);
}

static int catch(void)
{
	return hmmt_catch(&dev0, 0, 0, NULL);
}

static int checksum(void)
{
	return hmmt_checksum(&dev0, base(), HMMT_PMD_SIZE, (uint64_t *)buf, NULL);
}

static int pin(void)
{
	return hmmt_pin(&dev0, base(), SOME * HMMT_PAGE_SIZE, HMMT_PIN_WRITE, NULL);
}

static int pin_coherent(void)
{
	if (!hmmt_is_open(&dev2))
		return -ENOTTY;
	return hmmt_pin(&dev0, base(), SOME * HMMT_PAGE_SIZE,
			HMMT_PIN_WRITE | HMMT_PIN_LONGTERM, NULL);
}

static int unpin(void)
{
	return hmmt_pin(&dev0, 0, 0, HMMT_PIN_RELEASE, NULL);
}

static int open_close(void)
{
	struct hmmt_dev dev;
	int ret = hmmt_open(&dev, 0);

	if (!ret)
		hmmt_close(&dev);
	return ret;
}

static int map(void)
{
	char *p = mmap(NULL, SOME * HMMT_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, dev0.fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, SOME * HMMT_PAGE_SIZE);
	return 0;
}

static int cpu_fault(void)
{
	return *(volatile uint64_t *)word(3) == value(3) ? 0 : -EIO;
}

/* The faulting access is the kernel's: what fails here is told to the caller */
static int kernel_fault(void)
{
	ssize_t n = write(pipe_fds[1], area, SOME * HMMT_PAGE_SIZE);
	int ret = n < 0 ? -errno : 0;

	if (n > 0 && read(pipe_fds[0], buf, n) != n)
		return -EIO;
	return ret;
}

/* By the one worker that the ring has: see worker_of() */
static int by_ring(unsigned int cmd, void *arg)
{
	int res = 0, ret;

	ring_prep(&ring, &dev0, cmd, arg, 0);
	io_uring_submit(&ring);
	ret = ring_wait(&ring, 1, &res);
	return ret ?: res;
}

static int ring_migrate(void)
{
	struct hmmt_migrate m = { .addr = base(), .len = HMMT_PMD_SIZE };

	return by_ring(HMMT_MIGRATE, &m);
}

static int ring_access(void)
{
	struct hmmt_access a = {
		.addr = base(), .ptr = (uintptr_t)buf, .len = SOME * HMMT_PAGE_SIZE,
	};

	return by_ring(HMMT_ACCESS, &a);
}

static int ring_checksum(void)
{
	struct hmmt_checksum c = { .addr = base(), .len = HMMT_PMD_SIZE };

	return by_ring(HMMT_CHECKSUM, &c);
}

/* Each process has its own count: the child's allocations do not fail */
static int fork_and_wait(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return pid < 0 ? -errno : waitpid(pid, NULL, 0) == pid ? 0 : -errno;
}

/* --- rows ------------------------------------------------------------------- */

struct row {
	const char	*name;
	bool		(*prepare)(void);
	int		(*call)(void);
	unsigned int	flags;
	int		errs[4];	/* beside success */
};

#define NONE	(1U << 0)	/* allocates nothing: then nothing may fail */
#define RING	(1U << 1)	/* the allocations are those of a worker */
#define MAYBE	(1U << 2)	/* a command that not all kernels have */
#define EMPTY	(1U << 3)	/* the area has no content */
#define UNDO	(1U << 4)	/* pins are to be released */

/* A device fault that finds no memory says EFAULT, as hmm_range_fault() does */
#define FAULT_ERRS	{ ENOMEM, EFAULT }

static const struct row rows[] = {
	{ "open", some_system, open_close, 0, { ENOMEM } },
	{ "mmap", some_system, map, 0, { ENOMEM } },
	{ "READ", some_device, stock_read, 0, FAULT_ERRS },
	{ "READ of a THP", thp_system, stock_read, 0, FAULT_ERRS },
	{ "WRITE", some_system, stock_write, 0, FAULT_ERRS },
	{ "MIGRATE_TO_DEV", some_system, stock_to_dev, 0, { ENOMEM, EFAULT, ENOENT } },
	{ "MIGRATE_TO_SYS", some_device, stock_to_sys, 0, { ENOMEM } },
	{ "SNAPSHOT", thp_device, stock_snapshot, 0, { ENOMEM } },
	{ "EXCLUSIVE", some_system, stock_exclusive, 0, { ENOMEM, EFAULT, EBUSY } },
	{ "EXCLUSIVE of a THP", thp_system, stock_exclusive, 0, { ENOMEM, EFAULT, EBUSY } },
	{ "CHECK_EXCLUSIVE", some_system, stock_check_exclusive, NONE, { } },
	{ "RELEASE", some_device, stock_release, 0, { ENOMEM } },
	{ "FLAGS", some_system, stock_flags, NONE, { } },
	{ "READ_UNLOCKED", some_system, stock_unlocked, MAYBE, FAULT_ERRS },
	{ "HMMT_MIGRATE THP", thp_system, migrate_thp, 0, { ENOMEM } },
	{ "HMMT_MIGRATE base", some_system, migrate_some, 0, { ENOMEM } },
	{ "HMMT_MIGRATE hole", hole, migrate_thp, EMPTY, { ENOMEM } },
	{ "HMMT_MIGRATE new hole", new_hole, migrate_thp, EMPTY, { ENOMEM } },
	{ "HMMT_MIGRATE new hole SPLIT", new_hole, migrate_split, EMPTY, { ENOMEM } },
	{ "HMMT_MIGRATE new hole BASE", new_hole, migrate_base_some, EMPTY, { ENOMEM } },
	{ "HMMT_MIGRATE BASE", thp_system, migrate_base_some, 0, { ENOMEM } },
	{ "HMMT_MIGRATE SPLIT", thp_system, migrate_split, 0, { ENOMEM } },
	{ "HMMT_MIGRATE TO_SYS THP", thp_device, migrate_to_sys, 0, { ENOMEM } },
	{ "HMMT_MIGRATE TO_SYS part", thp_device, migrate_some_to_sys, 0, { ENOMEM } },
	{ "HMMT_MIGRATE TO_SYS base", some_device, migrate_some_to_sys, 0, { ENOMEM } },
	{ "HMMT_MIGRATE PEER", thp_peer, migrate_peer, 0, { ENOMEM } },
	{ "HMMT_ACCESS", thp_device, access_read, 0, FAULT_ERRS },
	{ "HMMT_ACCESS system", some_system, access_read, 0, FAULT_ERRS },
	{ "HMMT_ACCESS WRITE", some_device, access_write, 0, FAULT_ERRS },
	{ "HMMT_ACCESS DMA", thp_device, dma_read, MAYBE, FAULT_ERRS },
	{ "HMMT_ACCESS DMA WRITE", some_device, dma_write, MAYBE, FAULT_ERRS },
	{ "HMMT_SNAPSHOT", some_device, snapshot, 0, { ENOMEM } },
	{ "HMMT_STATS", thp_device, stats, NONE, { } },
	{ "HMMT_CHECK", thp_device, check, NONE, { } },
	{ "HMMT_EVICT all", thp_device, evict_all, 0, { ENOMEM } },
	{ "HMMT_EVICT pfns", pfn_device, evict_pfns, 0, { ENOMEM, EOPNOTSUPP } },
	{ "HMMT_TUNE", some_system, tune, NONE, { } },
	{ "HMMT_INJECT", some_system, inject, NONE, { } },
	{ "HMMT_CHECKSUM", thp_device, checksum, 0, FAULT_ERRS },
	{ "HMMT_PIN", some_device, pin, UNDO, FAULT_ERRS },
	{ "HMMT_PIN LONGTERM coherent", coherent_device, pin_coherent, MAYBE | UNDO,
	  { ENOMEM, EFAULT, EBUSY, EAGAIN } },
	{ "HMMT_PIN RELEASE", some_system, unpin, NONE, { } },
	{ "HMMT_PERTURB", some_system, perturb, NONE, { } },
	{ "HMMT_CATCH", some_system, catch, NONE, { } },
	{ "HMMT_UNPLUG", all_plugged, unplug, 0, { ENOMEM, EBUSY } },
	{ "HMMT_UNPLUG PLUG", all_unplugged, plug, 0, { ENOMEM } },
	{ "HMMT_UNPLUG plugged", all_plugged, stats, NONE, { } },
	{ "io_uring HMMT_MIGRATE", thp_system, ring_migrate, RING, { ENOMEM } },
	{ "io_uring HMMT_ACCESS", some_device, ring_access, RING, FAULT_ERRS },
	{ "io_uring HMMT_CHECKSUM", thp_device, ring_checksum, RING, FAULT_ERRS },
	{ "fork of a THP", thp_device, fork_and_wait, 0, { ENOMEM, EAGAIN } },
	{ "CPU fault THP", thp_device, cpu_fault, 0, { } },
	{ "CPU fault base", some_device, cpu_fault, 0, { } },
	{ "CPU fault of the kernel THP", thp_device, kernel_fault, 0, { ENOMEM, EFAULT } },
	{ "CPU fault of the kernel base", some_device, kernel_fault, 0, { ENOMEM, EFAULT } },
};

#define NR_ROWS		(sizeof(rows) / sizeof(rows[0]))

/* What a write writes is what is there */
static void fill_buf(void)
{
	unsigned long i;

	memset(buf, 0, sizeof(buf));
	for (i = 0; i < SOME; i++)
		memcpy(buf + i * HMMT_PAGE_SIZE + 64, &(uint64_t){ value(i) }, 8);
}

/* --- one failing allocation ------------------------------------------------- */

/* fail-nth of the thread that works for the ring, or -1 */
static int nth_open_worker(void)
{
	char path[300], comm[32];
	struct dirent *d;
	DIR *dir;
	int fd = -1;

	dir = opendir("/proc/self/task");
	while (dir && fd < 0 && (d = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", d->d_name);
		if (hmmt_read_file(path, comm, sizeof(comm)) <= 0 || strncmp(comm, "iou-wrk", 7))
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/fail-nth", d->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	if (dir)
		closedir(dir);
	return fd;
}

/* One worker, so that it is known whose allocations are to fail; it stays for 5 s */
static bool ring_start(void)
{
	unsigned int workers[2] = { 1, 1 };
	int ret = io_uring_queue_init(4, &ring, 0) ?:
		  io_uring_register_iowq_max_workers(&ring, workers);

	WANT(!ret, "io_uring: %s", strerror(-ret));
	return true;
}

static bool answer_ok(const struct row *row, int ret)
{
	unsigned int i;

	if (!ret)
		return true;
	for (i = 0; i < 4 && row->errs[i]; i++)
		if (ret == -row->errs[i])
			return !busted("errno");
	return false;
}

/* What a call that leaks would do */
static void leak(void)
{
	int fd = open("/tmp/leak", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (write(fd, buf, sizeof(buf)) < 0)
		exit(1);
	close(fd);
}

/* @hit: an allocation has failed */
static bool fail_one(const struct row *row, unsigned int nth, bool *hit)
{
	struct hmmt_check c;
	unsigned int left;
	int fd, ret;

	TRY(row->prepare());
	fill_buf();
	if (row->flags & RING) {
		struct hmmt_checksum sum = { .addr = base(), .len = HMMT_PAGE_SIZE };

		ret = by_ring(HMMT_CHECKSUM, &sum);
		WANT(!ret, "%s: %s", row->name, strerror(-ret));
	}
	fd = row->flags & RING ? nth_open_worker() : nth_open();
	WANT(fd >= 0, "%s: fail-nth: %s", row->name, strerror(errno));
	TRY(nth_set(fd, busted("nothing") ? 0 : nth));
	ret = row->call();
	TRY(nth_left(fd, &left));
	*hit = !busted("nothing") && !left;
	TRY(nth_set(fd, 0));
	close(fd);

	WANT(ret >= 0 || *hit, "%s, nothing fails: %s", row->name, strerror(-ret));
	WANT(answer_ok(row, ret) || !*hit, "%s, allocation %u: %s", row->name, nth, strerror(-ret));
	if (*hit && busted("data"))
		*word(5) ^= 1;
	if (*hit && busted("memory"))
		leak();
	ret = hmmt_check(&dev0, HMMT_CHECK_QUIET, &c);
	WANT(!ret && !c.check, "%s, allocation %u: %s, page %#llx: expected %#llx, found %#llx",
	     row->name, nth, hmmt_check_name(c.check), c.pfn, c.expected, c.found);
	if (row->flags & UNDO)
		WANT(!hmmt_pin(&dev0, 0, 0, HMMT_PIN_RELEASE, NULL), "release");
	if (!(row->flags & EMPTY) && !verify(0, PAGES)) {
		explain(row->name, "allocation %u: data", nth);
		return false;
	}
	return true;
}

static bool all_back(const struct row *row, unsigned int nth)
{
	struct hmmt_stats a, b;

	if (!busted("pages"))
		munmap(area, AREA_SIZE);
	WANT(!hmmt_stats(&dev0, &a) && !hmmt_stats(&dev1, &b), "stats");
	WANT(!a.pages_used && !b.pages_used, "%s, allocation %u: %llu and %llu pages left",
	     row->name, nth, a.pages_used, b.pages_used);
	return true;
}

/* Each allocation in turn; @nr: how many have failed */
static bool fail_all(const struct row *row, unsigned int *nr)
{
	bool hit = true;
	unsigned int nth;

	for (nth = 1; nth < MAX_NTH; nth += nth < EACH ? 1 : STRIDE) {
		TRY(fail_one(row, nth, &hit));
		if (busted("pages"))
			TRY(migrate(&dev0, 0, 1, 0, NULL));
		TRY(all_back(row, nth));
		if (!hit)
			return true;
		++*nr;
	}
	WANT(false, "%s: %u allocations, and no end", row->name, nth);
}

/* The answer of a kernel that has no such command */
static bool is_missing(int ret)
{
	return ret == -ENOTTY || ret == -EOPNOTSUPP;
}

static bool run_row(void)
{
	const struct row *row = &rows[running_test];
	unsigned int nr = 0;

	TRY(ring_start());
	WANT(!pipe(pipe_fds), "pipe: %s", strerror(errno));
	if (row->flags & MAYBE && row->prepare() && is_missing(row->call())) {
		skip = "this kernel does not have it";
		return false;
	}
	TRY(fail_all(row, &nr));
	printf("# %s: %u allocations failed\n", row->name, nr);
	if (row->flags & NONE)
		WANT(!nr, "%u allocations where there are to be none", nr);
	else
		WANT(nr, "no allocation has failed");
	io_uring_queue_exit(&ring);
	return true;
}

static bool memory_back(void)
{
	uint64_t missing = mem_missing_kb(free_before);

	WANT(!missing, "%llu kB are missing", (unsigned long long)missing);
	return true;
}

static bool kmemleak(void)
{
	static char text[1200];
	int n = leaks_found(text, sizeof(text));

	if (n < 0) {
		skip = "this kernel has no kmemleak";
		return false;
	}
	if (n)
		printf("# %s\n", text);
	WANT(!n, "%d objects", n);
	return true;
}

int main(int argc, char **argv)
{
	char coherent[64] = "", addr[32], params[96];
	struct test tests[NR_ROWS + 2];
	unsigned int i;
	int ret;

	parse_options(argc, argv);
	/* what the guest was started with stays */
	if (hmmt_read_file("/sys/module/test_hmm/parameters/spm_addr_dev0", addr,
			   sizeof(addr)) > 0 && atoll(addr))
		snprintf(coherent, sizeof(coherent), "spm_addr_dev0=%s", addr);
	snprintf(params, sizeof(params), PARAMS " %s", coherent);
	if (!faults_setup()) {
		printf("1..0 # SKIP this kernel injects no faults\n");
		return 4;
	}
	ret = module_reload(params);
	if (ret) {
		printf("Bail out! %s\n", strerror(-ret));
		return 1;
	}
	for (i = 0; i < NR_ROWS; i++)
		tests[i] = (struct test) { rows[i].name, run_row };
	tests[i++] = (struct test) { "memory_back", memory_back };
	tests[i++] = (struct test) { "kmemleak", kmemleak };
	leaks_forget();
	free_before = mem_free_kb();
	ret = run_tests("hmm-failnth", tests, i);
	/* as it was found, for who comes next */
	module_reload(coherent);
	return ret;
}
