// SPDX-License-Identifier: GPL-2.0
/*
 * The smallest programs for docs/findings/: hmm-findings NAME. Each states what
 * a kernel should do: "ok" means that the bug is not there.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hmmt.h"
#include "uffd_move.h"

#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC	(1 << 15)
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

static struct hmmt_dev dev;

/* @nr THPs that are touched, or holes when @touch is false */
static char *thps(unsigned int nr, bool touch)
{
	char *p = mmap((void *)0x200000000000UL, nr * HMMT_PMD_SIZE,
		       PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	unsigned int i;

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, nr * HMMT_PMD_SIZE, MADV_HUGEPAGE);
	for (i = 0; touch && i < nr; i++)
		p[i * HMMT_PMD_SIZE] = 1;
	return p;
}

static int to_dev(char *p, size_t len, unsigned int flags)
{
	return hmmt_migrate(&dev, (unsigned long)p, len, flags, NULL);
}

/* hmm_range_fault() of page 5 alone gives the pfn of page 5 */
static bool absent_pmd(void)
{
	struct hmmt_stats stats;
	char *p = thps(1, true);
	uint64_t v;

	if (!p || to_dev(p, HMMT_PMD_SIZE, 0) ||
	    hmmt_access(&dev, (unsigned long)p + 5 * HMMT_PAGE_SIZE, &v, 8, 0, NULL) ||
	    hmmt_stats(&dev, &stats))
		return false;
	printf("# %llu of %llu pfns were those of another page\n", stats.hmm_wrong,
	       stats.hmm_checked);
	return stats.hmm_checked && !stats.hmm_wrong;
}

/* HMM_PFN_REQ_WRITE of a shared device THP does not succeed read-only */
static bool no_write(void)
{
	struct hmmt_stats stats;
	char *p = thps(1, true);
	uint64_t v = 1;
	int pipefd[2];
	pid_t pid;

	if (!p || pipe(pipefd) || to_dev(p, HMMT_PMD_SIZE, 0))
		return false;
	pid = fork();
	if (!pid) {
		close(pipefd[1]);
		_exit(read(pipefd[0], &v, 1) != 0);
	}
	hmmt_access(&dev, (unsigned long)p, &v, 8, HMMT_ACCESS_WRITE, NULL);
	hmmt_stats(&dev, &stats);
	close(pipefd[1]);
	waitpid(pid, NULL, 0);
	printf("# %llu of %llu pages asked for with write came without\n",
	       stats.hmm_no_write, stats.hmm_write_checked);
	return stats.hmm_write_checked && !stats.hmm_no_write;
}

/* To the device with a THP that a child shares */
static bool shared_to_dev(unsigned int flags)
{
	char *p = thps(1, true);
	int pipefd[2];
	pid_t pid;
	char c;
	int ret;

	if (!p || pipe(pipefd))
		return false;
	pid = fork();
	if (!pid) {
		close(pipefd[1]);
		_exit(read(pipefd[0], &c, 1) != 0);
	}
	ret = to_dev(p, HMMT_PMD_SIZE, flags);
	close(pipefd[1]);
	waitpid(pid, NULL, 0);
	return !ret;
}

/* A soft-dirty THP that is shared goes to the device without a BUG */
static bool softdirty(void)
{
	return shared_to_dev(0);
}

/* A shared THP that is split on its way is split for all who share it */
static bool split_shared(void)
{
	return shared_to_dev(HMMT_MIGRATE_SPLIT);
}

/* A hole with fewer destinations than pages is filled in part, or not at all */
static bool partial_hole(void)
{
	struct hmmt_stats stats;
	unsigned int chunks;
	char *p;

	if (hmmt_stats(&dev, &stats))
		return false;
	chunks = stats.pages_capacity / HMMT_PMD_PAGES;
	p = thps(chunks + 1, false);
	/* all chunks but one are taken whole, of the last one a page is gone */
	if (!p || to_dev(p, (chunks - 1) * HMMT_PMD_SIZE, 0) ||
	    to_dev(p + (chunks - 1) * HMMT_PMD_SIZE, HMMT_PAGE_SIZE, 0))
		return false;
	return !to_dev(p + chunks * HMMT_PMD_SIZE, HMMT_PMD_SIZE,
		       HMMT_MIGRATE_SPLIT | HMMT_MIGRATE_PARTIAL_HOLE);
}

/* A CPU fault on a device THP may bring back one page of it: the kernel splits */
static bool fault_part(void)
{
	struct hmmt_stats stats;
	char *p = thps(1, true);
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		p = p + 300 * HMMT_PAGE_SIZE;
		hmmt_close(&dev);
		if (hmmt_open(&dev, 0) || hmmt_tune(&dev, HMMT_PAGE_SIZE, 0) ||
		    to_dev(p - 300 * HMMT_PAGE_SIZE, HMMT_PMD_SIZE, 0))
			_exit(1);
		/* a fault that is retaken for ever is ended by the signal */
		alarm(10);
		_exit(*(volatile char *)p);
	}
	waitpid(pid, &status, 0);
	if (!p || hmmt_stats(&dev, &stats))
		return false;
	printf("# %llu faults, of which %llu brought nothing back\n", stats.cpu_faults,
	       stats.cpu_faults_failed);
	return !status;
}

/* Base page sources with one compound destination stay what and where they are */
static bool join(void)
{
	char *p = thps(1, false);
	unsigned int i;

	if (!p || madvise(p, HMMT_PMD_SIZE, MADV_NOHUGEPAGE))
		return false;
	for (i = 0; i < HMMT_PMD_PAGES; i++)
		p[i * HMMT_PAGE_SIZE] = i;
	if (to_dev(p, HMMT_PMD_SIZE, HMMT_MIGRATE_JOIN))
		return false;
	for (i = 0; i < HMMT_PMD_PAGES; i++)
		if (p[i * HMMT_PAGE_SIZE] != (char)i)
			return false;
	return true;
}

/*
 * A fault handler may migrate more than the page that was touched, also where a
 * THP is mapped by PTEs
 */
static bool fault_stale(void)
{
	char *p = thps(1, true);

	if (!p || to_dev(p, HMMT_PMD_SIZE, 0) ||
	    madvise(p + 10 * HMMT_PAGE_SIZE, HMMT_PAGE_SIZE, MADV_DONTNEED) ||
	    hmmt_tune(&dev, HMMT_PMD_SIZE, 0))
		return false;
	return !*(volatile char *)(p + 300 * HMMT_PAGE_SIZE);
}

/* hmm_range_fault() fills a hole of a hugetlb mapping without a lockdep report */
static bool hugetlb_hole(void)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_HUGETLB;
	char *p, *q;
	uint64_t v;

	/* a hole is where there is no page table for the PMD: far from the other */
	hmmt_write_file("/proc/sys/vm/nr_hugepages", "4");
	p = mmap((void *)0x200000000000UL, HMMT_PMD_SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);
	q = mmap((void *)0x210000000000UL, HMMT_PMD_SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (p == MAP_FAILED || q == MAP_FAILED)
		return false;
	/* the order of the locks as it is meant to be, for lockdep to know */
	p[0] = 1;
	return !hmmt_access(&dev, (unsigned long)q, &v, 8, 0, NULL);
}

/* hmm_range_fault() tells no page where there is none, however large the entry */
static bool special_huge(void)
{
	char *p = mmap((void *)0x200000000000UL, HMMT_PMD_SIZE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED_NOREPLACE, dev.fd, HMMT_MMAP_RAW);
	struct hmmt_stats stats;
	uint64_t v;

	if (p == MAP_FAILED)
		return false;
	(void)*(volatile char *)p;
	return hmmt_access(&dev, (unsigned long)p, &v, 8, 0, NULL) == -EFAULT &&
	       !hmmt_stats(&dev, &stats) && !stats.hmm_no_page;
}

/* An eviction and munmap() of the same pages; the damage is seen by KASAN */
static bool evict_unmap(void)
{
	unsigned int i;
	pid_t pid;

	hmmt_perturb(&dev, 100000, 1);
	pid = fork();
	while (!pid)
		hmmt_evict(&dev, NULL);
	for (i = 0; pid > 0 && i < 300; i++) {
		char *p = mmap(NULL, 16 * HMMT_PAGE_SIZE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			break;
		memset(p, 1, 16 * HMMT_PAGE_SIZE);
		to_dev(p, 16 * HMMT_PAGE_SIZE, 0);
		usleep(500);
		munmap(p, 16 * HMMT_PAGE_SIZE);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return i == 300;
}

/*
 * An eviction and the way back of the same THPs. On a kernel with the bug the
 * eviction hangs, with its CPU: what it moved has no memcg and cannot be put on an LRU
 * list.
 */
static bool evict_migrated(void)
{
	struct hmmt_evict e = { .flags = HMMT_EVICT_UNUSED };
	char *p = thps(4, true);
	unsigned int i;
	pid_t pid;

	if (!p)
		return false;
	pid = fork();
	while (!pid)
		hmmt_evict_some(&dev, &e);
	for (i = 0; pid > 0 && i < 4000; i++) {
		to_dev(p, 4 * HMMT_PMD_SIZE, 0);
		to_dev(p, 4 * HMMT_PMD_SIZE, HMMT_MIGRATE_TO_SYS);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return i == 4000;
}

static void dump_core(void)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	char *p = thps(1, true);
	unsigned int i;

	hmmt_close(&dev);
	setrlimit(RLIMIT_CORE, &all);
	for (i = 0; p && i < HMMT_PMD_PAGES; i++)
		*(uint64_t *)(p + i * HMMT_PAGE_SIZE) = hmmt_mix64(i + 1);
	if (p && !hmmt_open(&dev, 0) && !to_dev(p, HMMT_PMD_SIZE, 0))
		abort();
	_exit(1);
}

/* What is in the device is in the core dump as well */
static bool coredump(void)
{
	uint64_t page[HMMT_PAGE_SIZE / 8];
	unsigned int found = 0;
	int status, fd;
	pid_t pid;

	hmmt_write_file("/proc/sys/kernel/core_pattern", "/tmp/core");
	pid = fork();
	if (!pid)
		dump_core();
	waitpid(pid, &status, 0);
	fd = open("/tmp/core", O_RDONLY);
	/* segments begin at pages of the file, and this one is in order */
	while (fd >= 0 && read(fd, page, sizeof(page)) == sizeof(page))
		found += page[0] == hmmt_mix64(found + 1);
	printf("# status %#x, %u of %lu pages are in the dump\n", status, found, HMMT_PMD_PAGES);
	return found == HMMT_PMD_PAGES;
}

/* @len bytes at @p whose writes PAGEMAP_SCAN tells */
static bool track(char *p, size_t len)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_WP_ASYNC };
	struct uffdio_register reg = {
		.range = { (unsigned long)p, len }, .mode = UFFDIO_REGISTER_MODE_WP,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	return fd >= 0 && !ioctl(fd, UFFDIO_API, &api) && !ioctl(fd, UFFDIO_REGISTER, &reg);
}

/* PAGEMAP_SCAN tells of a page that the device wrote to since the scan before */
static bool scan_page(void)
{
	char *p = thps(1, false);
	uint64_t v = 1;
	long n;

	if (!p || madvise(p, HMMT_PMD_SIZE, MADV_NOHUGEPAGE) || !track(p, HMMT_PMD_SIZE))
		return false;
	*p = 1;
	if (to_dev(p, HMMT_PAGE_SIZE, 0) || hmmt_pagemap_scan((unsigned long)p, 1) != 1 ||
	    hmmt_access(&dev, (unsigned long)p, &v, sizeof(v), HMMT_ACCESS_WRITE, NULL))
		return false;
	n = hmmt_pagemap_scan((unsigned long)p, 1);
	printf("# %ld of 1 page written to by the device\n", n);
	return n == 1;
}

/* PAGEMAP_SCAN tells once of a device THP that nobody writes to any more */
static bool scan_thp(void)
{
	char *p = thps(1, true);
	long first, second;

	if (!p || !track(p, HMMT_PMD_SIZE) || to_dev(p, HMMT_PMD_SIZE, 0))
		return false;
	first = hmmt_pagemap_scan((unsigned long)p, HMMT_PMD_PAGES);
	second = hmmt_pagemap_scan((unsigned long)p, HMMT_PMD_PAGES);
	printf("# %ld pages written, then %ld\n", first, second);
	return first == HMMT_PMD_PAGES && !second;
}

/* A device THP that one process has is private in its smaps */
static bool smaps_private(void)
{
	uint64_t clean, dirty;
	char *p = thps(1, true);

	if (!p || to_dev(p, HMMT_PMD_SIZE, 0) ||
	    hmmt_file_field("/proc/self/smaps_rollup", "Shared_Clean", &clean) ||
	    hmmt_file_field("/proc/self/smaps_rollup", "Shared_Dirty", &dirty))
		return false;
	printf("# %llu kB shared\n", (unsigned long long)(clean + dirty));
	return clean + dirty < HMMT_PMD_SIZE / 1024;
}

/*
 * A device folio that is mapped by PTEs in two PMDs is evicted, also when the
 * first of them maps another THP by now
 */
static bool two_pmds(void)
{
	char *p = thps(3, true), *to = p + 4 * HMMT_PMD_SIZE + HMMT_PMD_SIZE / 2;
	char *first = p + 5 * HMMT_PMD_SIZE;
	struct hmmt_evict e;

	if (!p || to_dev(p + HMMT_PMD_SIZE, HMMT_PMD_SIZE, 0) ||
	    mremap(p, 3 * HMMT_PMD_SIZE, 3 * HMMT_PMD_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
		   to) != to || madvise(first, HMMT_PMD_SIZE, MADV_DONTNEED))
		return false;
	*first = 1;
	if (madvise(first, HMMT_PMD_SIZE, MADV_COLLAPSE) || hmmt_evict(&dev, &e))
		return false;
	printf("# %llu pages evicted, %llu left\n", e.migrated, e.left);
	return !e.left;
}

static bool soft_dirty(const char *p)
{
	uint64_t entry = 0;

	hmmt_pagemap_read(getpid(), (unsigned long)p, 1, &entry);
	return hmmt_pagemap_decode(entry).soft_dirty;
}

/* clear_refs clears the soft-dirty bit of a device THP */
static bool softdirty_clear(void)
{
	char *p = thps(1, true);

	return p && !to_dev(p, HMMT_PMD_SIZE, 0) && soft_dirty(p) &&
	       !hmmt_write_file("/proc/self/clear_refs", "4") && !soft_dirty(p);
}

/* What is at @p and was moved is soft-dirty, although nobody wrote to it */
static bool moved_dirty(char *p, bool device)
{
	char *to = p + 4 * HMMT_PMD_SIZE;

	return !hmmt_write_file("/proc/self/clear_refs", "4") && !soft_dirty(p) &&
	       (!device || !to_dev(p, HMMT_PMD_SIZE, 0)) &&
	       mremap(p, HMMT_PMD_SIZE, HMMT_PMD_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to &&
	       soft_dirty(to);
}

static bool softdirty_move(void)
{
	char *p = thps(1, true);

	return p && moved_dirty(p, true);
}

/* Not of device memory: a page that is moved with its page table */
static bool softdirty_table(void)
{
	char *p = thps(1, false);

	if (!p || madvise(p, HMMT_PMD_SIZE, MADV_NOHUGEPAGE))
		return false;
	*p = 1;
	return moved_dirty(p, false);
}

/* A device THP is no hole, and is not passed over like one */
static bool uffd_move(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	char *dst = thps(3, false), *src = dst + 2 * HMMT_PMD_SIZE;
	struct uffdio_register reg = {
		.range = { (unsigned long)dst, HMMT_PMD_SIZE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_move move = {
		.dst = (unsigned long)dst,
		.src = (unsigned long)src,
		.len = HMMT_PMD_SIZE,
		.mode = UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), err = 0;
	uint64_t entry = 0;

	if (!dst || fd < 0)
		return false;
	munmap(dst + HMMT_PMD_SIZE, HMMT_PMD_SIZE);
	*src = 1;
	if (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg) ||
	    to_dev(src, HMMT_PMD_SIZE, 0))
		return false;
	if (ioctl(fd, UFFDIO_MOVE, &move))
		err = errno;
	hmmt_pagemap_read(getpid(), (unsigned long)dst, 1, &entry);
	printf("# %s, %lld bytes said to be moved, pagemap of the destination %#llx\n",
	       strerror(err), move.move, (unsigned long long)entry);
	return err ? err != ENOENT && move.move <= 0 : entry >> 62;
}

/* An UFFDIO_MOVE of a page onto page 1 of a device THP; its errno, or 0 */
static int move_onto(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_MOVE };
	char *dst = thps(3, false), *src = dst + 2 * HMMT_PMD_SIZE;
	struct uffdio_register reg = {
		.range = { (unsigned long)dst, HMMT_PMD_SIZE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_move move = {
		.dst = (unsigned long)dst + HMMT_PAGE_SIZE,
		.src = (unsigned long)src,
		.len = HMMT_PAGE_SIZE,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), err = 0;

	hmmt_close(&dev);
	if (!dst || fd < 0 || hmmt_open(&dev, 0) ||
	    madvise(src, HMMT_PMD_SIZE, MADV_NOHUGEPAGE))
		return -1;
	*src = 1;
	dst[HMMT_PAGE_SIZE] = 2;
	if (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg) ||
	    to_dev(dst, HMMT_PMD_SIZE, 0))
		return -1;
	/* one that does not return is ended by the signal */
	alarm(10);
	if (ioctl(fd, UFFDIO_MOVE, &move))
		err = errno;
	return dst[HMMT_PAGE_SIZE] == 2 && *src == 1 ? err : 0;
}

/* A page cannot be moved to where a device THP is: EEXIST, as for any other page */
static bool uffd_move_onto(void)
{
	int status = 0;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(move_onto());
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("# UFFDIO_MOVE did not return for 10 s, signal %d\n", WTERMSIG(status));
	else
		printf("# %s\n", strerror(WEXITSTATUS(status)));
	return WIFEXITED(status) && WEXITSTATUS(status) == EEXIST;
}

static unsigned int protected_pages(const char *p)
{
	uint64_t entry[HMMT_PMD_PAGES];
	unsigned int i, n = 0;

	if (hmmt_pagemap_read(getpid(), (unsigned long)p, HMMT_PMD_PAGES, entry))
		return 0;
	for (i = 0; i < HMMT_PMD_PAGES; i++)
		n += hmmt_pagemap_decode(entry[i]).uffd_wp;
	return n;
}

/* Zero pages are write-protected and migrated as @flags say; are they protected after it? */
static bool wp_zero_pages(bool huge, unsigned int flags)
{
	/* with SIGBUS for an event, a system call that is to write there gets EFAULT */
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_SIGBUS,
	};
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_WP };
	struct uffdio_writeprotect wp = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC), zero = open("/dev/zero", O_RDONLY);
	unsigned int i, before, after;
	char *p = thps(1, false);
	bool told;

	if (!p || fd < 0 || zero < 0 || (!huge && madvise(p, HMMT_PMD_SIZE, MADV_NOHUGEPAGE)))
		return false;
	for (i = 0; i < HMMT_PMD_PAGES; i++)
		(void)*(volatile char *)(p + i * HMMT_PAGE_SIZE);
	reg.range = (struct uffdio_range){ (unsigned long)p, HMMT_PMD_SIZE };
	wp.range = reg.range;
	if (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg) ||
	    ioctl(fd, UFFDIO_WRITEPROTECT, &wp))
		return false;
	before = protected_pages(p);
	if (to_dev(p, HMMT_PMD_SIZE, flags))
		return false;
	after = protected_pages(p);
	told = read(zero, p + 5 * HMMT_PAGE_SIZE, 1) < 0 && errno == EFAULT;
	printf("# flags %#x: %u pages protected, then %u; of a write %s is told\n", flags, before,
	       after, told ? "userfaultfd" : "nobody");
	close(zero);
	close(fd);
	munmap(p, HMMT_PMD_SIZE);
	return before == HMMT_PMD_PAGES && after == before && told;
}

static bool wp_zero(bool huge)
{
	static const unsigned int flags[] = { 0, HMMT_MIGRATE_SPLIT, HMMT_MIGRATE_BASE };
	bool ok = true;
	unsigned int i;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		ok &= wp_zero_pages(huge, flags[i]);
	return ok;
}

/* Write protection of pages that were only read survives that a migration fills them */
static bool uffd_wp_zero(void)
{
	return wp_zero(false);
}

/* ... also where it is the huge zero page */
static bool uffd_wp_huge_zero(void)
{
	return wp_zero(true);
}

/* @nr pages that are all alike, for ksmd to merge */
static char *alike(unsigned int nr)
{
	char *p = mmap(NULL, nr * HMMT_PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	memset(p, 1, nr * HMMT_PAGE_SIZE);
	madvise(p, nr * HMMT_PAGE_SIZE, MADV_MERGEABLE);
	return p;
}

/* Pages that ksmd merges while they are migrated can be read afterwards */
static bool ksm_migrate(void)
{
	const unsigned int nr = 32;
	int status = 0, i, k, ms;
	char *p;
	pid_t pid;

	hmmt_write_file("/sys/kernel/mm/ksm/sleep_millisecs", "1");
	hmmt_write_file("/sys/kernel/mm/ksm/pages_to_scan", "64");
	if (hmmt_write_file("/sys/kernel/mm/ksm/run", "1"))
		return false;
	for (i = 0; i < 60; i++) {
		pid = fork();
		if (!pid) {
			hmmt_close(&dev);
			p = alike(nr);
			if (!p || hmmt_open(&dev, 0))
				_exit(0);
			for (k = 0; k < 40; k++) {
				to_dev(p, nr * HMMT_PAGE_SIZE, k & 1 ? HMMT_MIGRATE_TO_SYS : 0);
				usleep(200);
			}
			for (k = 0; k < (int)nr; k++)
				p[k * HMMT_PAGE_SIZE] = 2;
			_exit(0);
		}
		for (ms = 0; ms < 10000 && waitpid(pid, &status, WNOHANG) != pid; ms += 10)
			usleep(10000);
		if (ms < 10000)
			continue;
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		printf("# process %d faulted for 10 s and got nowhere\n", i);
		return false;
	}
	return true;
}

static pthread_barrier_t both_ready;

static void *to_dev_at_once(void *p)
{
	pthread_barrier_wait(&both_ready);
	to_dev(p, HMMT_PMD_SIZE, 0);
	return NULL;
}

/* A THP that two threads migrate at once is freed in the end */
static bool trylock_leak(void)
{
	uint64_t before, now;
	pthread_t other;
	int i;

	pthread_barrier_init(&both_ready, NULL, 2);
	if (hmmt_mthp_stat(2048, "nr_anon", &before))
		return false;
	for (i = 0; i < 200; i++) {
		char *p = thps(1, true);

		if (!p || pthread_create(&other, NULL, to_dev_at_once, p))
			return false;
		to_dev_at_once(p);
		pthread_join(other, NULL);
		munmap(p, HMMT_PMD_SIZE);
	}
	if (hmmt_mthp_stat(2048, "nr_anon", &now))
		return false;
	printf("# %d of %d THPs are left\n", (int)(now - before), i);
	return now == before;
}

/* A page that was swapped in is in the swap cache as well: it goes, or stays what it was */
static bool swap_mapping(void)
{
	char *p = thps(1, false);
	pid_t pid;
	int i;

	hmmt_swap_on(32);
	if (!p || madvise(p, HMMT_PMD_SIZE, MADV_NOHUGEPAGE))
		return false;
	memset(p, 7, HMMT_PAGE_SIZE);
	if (hmmt_swap_out(p, HMMT_PAGE_SIZE))
		return false;
	/* what only one has is not put into the swap cache on its way back */
	pid = fork();
	while (!pid)
		pause();
	i = p[5];
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return i == 7 && !to_dev(p, HMMT_PAGE_SIZE, 0) && p[5] == 7;
}

static void *drop_at_once(void *arg)
{
	unsigned int spin;

	pthread_barrier_wait(&both_ready);
	for (spin = *(unsigned int *)arg; spin; spin--)
		__builtin_ia32_pause();
	madvise((void *)0x200000000000UL, HMMT_PMD_SIZE, MADV_DONTNEED);
	return NULL;
}

/*
 * Base pages, then the rest of a THP, which collection splits; meanwhile all of it is
 * dropped, with its page table: it fills as many slots as there are pages
 */
static bool start_over(void)
{
	struct hmmt_stats stats = { 0 };
	unsigned int i, page, spin;
	pthread_t other;

	pthread_barrier_init(&both_ready, NULL, 2);
	for (i = 0; i < 200 && !stats.source_more && !stats.source_wrong; i++) {
		char *p = thps(1, true);

		if (!p || madvise(p, HMMT_PMD_SIZE / 2, MADV_DONTNEED) ||
		    madvise(p, HMMT_PMD_SIZE, MADV_NOHUGEPAGE))
			return false;
		for (page = 0; page < HMMT_PMD_PAGES / 2; page++)
			p[page * HMMT_PAGE_SIZE] = 1;
		spin = i * 37 % 4000;
		if (pthread_create(&other, NULL, drop_at_once, &spin))
			return false;
		pthread_barrier_wait(&both_ready);
		to_dev(p, HMMT_PMD_SIZE, 0);
		pthread_join(other, NULL);
		munmap(p, HMMT_PMD_SIZE);
		if (hmmt_stats(&dev, &stats))
			return false;
	}
	printf("# after %u times: %llu slots wrong, %llu collections with too many\n", i,
	       stats.source_wrong, stats.source_more);
	return !stats.source_more && !stats.source_wrong;
}

/* A child that has mlocked what we have; it ends when we close the write end of @fds */
static pid_t locking_child(const char *p, size_t len, int *fds)
{
	char c = 0;
	pid_t pid;

	if (pipe(fds) || pipe(fds + 2))
		return -1;
	pid = fork();
	if (!pid) {
		close(fds[1]);
		if (!mlock(p, len) && write(fds[3], &c, 1) == 1)
			_exit(read(fds[0], &c, 1) != 0);
		_exit(1);
	}
	close(fds[3]);
	return pid > 0 && read(fds[2], &c, 1) == 1 ? pid : -1;
}

/*
 * What a device page was in its last life it is not any more. First it is active, and
 * unmapped in the device. Then two have it mlocked: what is unlocked for one of them while it
 * is migrated stays unevictable. With both it cannot come back.
 */
static bool stale_flags(void)
{
	const size_t len = 64 * HMMT_PAGE_SIZE;
	struct hmmt_stats before, now;
	char *p = thps(1, false);
	unsigned int i;
	int fds[4];

	if (!p || madvise(p, HMMT_PMD_SIZE, MADV_NOHUGEPAGE))
		return false;
	memset(p, 1, len);
	for (i = 0; i < 4; i++)
		madvise(p, len, MADV_POPULATE_READ);
	if (to_dev(p, len, 0) || madvise(p, len, MADV_DONTNEED))
		return false;
	memset(p, 2, len);
	/* read-only: to lock it does not make a copy of it */
	if (mprotect(p, len, PROT_READ) || mlock(p, len) || locking_child(p, len, fds) < 0 ||
	    hmmt_stats(&dev, &before) || to_dev(p, len, 0) || hmmt_stats(&dev, &now))
		return false;
	printf("# %llu of %llu pages came with flags of their last use\n",
	       now.flags_left - before.flags_left, now.flags_checked - before.flags_checked);
	for (i = 0; i < 64; i++)
		if (p[i * HMMT_PAGE_SIZE] != 2)
			return false;
	return now.flags_checked > before.flags_checked && now.flags_left == before.flags_left;
}

static uint64_t mlocked(void)
{
	uint64_t n = 0;

	hmmt_vmstat_fold();
	hmmt_file_field("/proc/vmstat", "nr_mlock", &n);
	return n;
}

/* What is unlocked while it is in a device is locked no more */
static bool munlock_device(void)
{
	uint64_t before = mlocked(), now;
	char *p = thps(1, true);

	if (!p || mlock(p, HMMT_PMD_SIZE) || to_dev(p, HMMT_PMD_SIZE, 0) ||
	    munlock(p, HMMT_PMD_SIZE) || munmap(p, HMMT_PMD_SIZE))
		return false;
	now = mlocked();
	printf("# nr_mlock %llu, before %llu\n", (unsigned long long)now,
	       (unsigned long long)before);
	return now == before;
}

/* What @other is told of the first page at @p, without a fault */
static unsigned int told(const struct hmmt_dev *other, const char *p)
{
	uint16_t snap[HMMT_PMD_PAGES] = { 0 };

	hmmt_snapshot(other, (unsigned long)p, HMMT_PMD_SIZE, snap);
	return HMMT_SNAP_PROT(snap[0]);
}

/* A THP in another device is there for a fault, as base pages are */
static bool peer_error(void)
{
	struct hmmt_dev other = HMMT_DEV_CLOSED;
	char *p = thps(2, true), *base = p + HMMT_PMD_SIZE;

	if (!p || hmmt_open(&other, 1) || madvise(base, HMMT_PMD_SIZE, MADV_DONTNEED) ||
	    madvise(base, HMMT_PMD_SIZE, MADV_NOHUGEPAGE))
		return false;
	memset(base, 1, HMMT_PMD_SIZE);
	if (to_dev(p, 2 * HMMT_PMD_SIZE, 0))
		return false;
	printf("# device 1 is told %#x of a THP in device 0, %#x of base pages; %#x is an error\n",
	       told(&other, p), told(&other, base), HMM_DMIRROR_PROT_ERROR);
	return told(&other, p) != HMM_DMIRROR_PROT_ERROR &&
	       told(&other, base) != HMM_DMIRROR_PROT_ERROR;
}

/* A fault handler that finds no THP, and gives base pages for all of it, is called once */
static bool fault_base(void)
{
	struct hmmt_inject none = { .sites = HMMT_SITE_SYS_THP, .nth = 1, .interval = 1 };
	struct hmmt_stats before, now;
	char *p = thps(1, true);
	unsigned int i;

	if (!p || to_dev(p, HMMT_PMD_SIZE, 0) || hmmt_inject(&dev, &none) ||
	    hmmt_stats(&dev, &before))
		return false;
	for (i = 0; i < HMMT_PMD_PAGES; i++)
		(void)*(volatile char *)(p + i * HMMT_PAGE_SIZE);
	if (hmmt_stats(&dev, &now))
		return false;
	printf("# %llu faults, of which %llu brought nothing back, for %llu base pages\n",
	       now.cpu_faults - before.cpu_faults,
	       now.cpu_faults_failed - before.cpu_faults_failed,
	       now.fault_base - before.fault_base);
	return now.cpu_faults - before.cpu_faults == 1;
}

static const struct {
	const char *name;
	bool (*run)(void);
} findings[] = {
	{ "absent-pmd", absent_pmd },
	{ "no-write", no_write },
	{ "softdirty", softdirty },
	{ "partial-hole", partial_hole },
	{ "split-shared", split_shared },
	{ "fault-part", fault_part },
	{ "join", join },
	{ "fault-stale", fault_stale },
	{ "hugetlb-hole", hugetlb_hole },
	{ "special-huge", special_huge },
	{ "evict-unmap", evict_unmap },
	{ "evict-migrated", evict_migrated },
	{ "coredump-hole", coredump },
	{ "scan-page", scan_page },
	{ "scan-thp", scan_thp },
	{ "smaps-private", smaps_private },
	{ "two-pmds", two_pmds },
	{ "softdirty-clear", softdirty_clear },
	{ "softdirty-move", softdirty_move },
	{ "softdirty-table", softdirty_table },
	{ "uffd-move", uffd_move },
	{ "uffd-move-onto", uffd_move_onto },
	{ "uffd-wp-zero", uffd_wp_zero },
	{ "uffd-wp-huge-zero", uffd_wp_huge_zero },
	{ "ksm-migrate", ksm_migrate },
	{ "trylock-leak", trylock_leak },
	{ "swap-mapping", swap_mapping },
	{ "start-over", start_over },
	{ "stale-flags", stale_flags },
	{ "munlock-device", munlock_device },
	{ "hmm-peer-error", peer_error },
	{ "fault-base", fault_base },
};

int main(int argc, char **argv)
{
	unsigned int i;
	bool ok;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; argc == 2 && i < sizeof(findings) / sizeof(findings[0]); i++) {
		if (strcmp(argv[1], findings[i].name))
			continue;
		if (hmmt_open(&dev, 0)) {
			printf("Bail out! no device: %s\n", strerror(errno));
			return 1;
		}
		printf("KTAP version 1\n1..1\n");
		ok = findings[i].run();
		printf("%sok 1 findings.%s\n", ok ? "" : "not ", argv[1]);
		return !ok;
	}
	fprintf(stderr, "usage: hmm-findings");
	for (i = 0; i < sizeof(findings) / sizeof(findings[0]); i++)
		fprintf(stderr, "%s%s", i ? "|" : " ", findings[i].name);
	fprintf(stderr, "\n");
	return 2;
}
