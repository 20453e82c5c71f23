// SPDX-License-Identifier: GPL-2.0
/* What hmm_range_fault() tells a device */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "findings.h"

/* hmm_range_fault() of page 5 alone gives the pfn of page 5 */
static bool absent_pmd(void)
{
	struct hmmt_stats stats;
	char *p = thps(1, true);
	uint64_t v;

	all_to_dev(p, HMMT_PMD_SIZE);
	NEED_OK(hmmt_access(&dev, (unsigned long)p + 5 * HMMT_PAGE_SIZE, &v, 8, 0, NULL));
	NEED_OK(hmmt_stats(&dev, &stats));
	NEED(stats.hmm_checked);
	printf("# %llu of %llu pfns were those of another page\n", stats.hmm_wrong,
	       stats.hmm_checked);
	return !stats.hmm_wrong;
}

/* HMM_PFN_REQ_WRITE of a shared device THP does not succeed read-only */
static bool no_write(void)
{
	struct hmmt_stats stats;
	char *p = thps(1, true);
	uint64_t v = 1;
	int pipefd[2], device_write;
	pid_t pid;

	NEED(!pipe(pipefd));
	all_to_dev(p, HMMT_PMD_SIZE);
	pid = fork();
	if (!pid) {
		close(pipefd[1]);
		_exit(read(pipefd[0], &v, 1) != 0);
	}
	NEED(pid > 0);
	device_write = hmmt_access(&dev, (unsigned long)p, &v, 8, HMMT_ACCESS_WRITE, NULL);
	close(pipefd[1]);
	waitpid(pid, NULL, 0);
	NEED_OK(hmmt_stats(&dev, &stats));
	printf("# %llu of %llu pages asked for with write came without\n",
	       stats.hmm_no_write, stats.hmm_write_checked);
	if (stats.hmm_no_write)
		return false;
	NEED_OK(device_write);
	NEED(stats.hmm_write_checked);
	return true;
}

/* hmm_range_fault() fills a hole of a hugetlb mapping without a lockdep report */
static bool hugetlb_hole(void)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_HUGETLB;
	char *p, *q;
	uint64_t v;

	/* who is to report it */
	NEED(!access("/proc/lockdep", F_OK));
	/* a hole is where there is no page table for the PMD: far from the other */
	NEED_OK(hmmt_write_file("/proc/sys/vm/nr_hugepages", "4"));
	p = mmap((void *)0x200000000000UL, HMMT_PMD_SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);
	NEED(p != MAP_FAILED);
	q = mmap((void *)0x210000000000UL, HMMT_PMD_SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);
	NEED(q != MAP_FAILED);
	/* the order of the locks as it is meant to be, for lockdep to know */
	p[0] = 1;
	NEED_OK(hmmt_access(&dev, (unsigned long)q, &v, 8, 0, NULL));
	return true;
}

/* hmm_range_fault() tells no page where there is none, however large the entry */
static bool special_huge(void)
{
	char *p = mmap((void *)0x200000000000UL, HMMT_PMD_SIZE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED_NOREPLACE, dev.fd, HMMT_MMAP_RAW);
	struct hmmt_stats stats;
	uint64_t v;
	int device_read;

	NEED(p != MAP_FAILED);
	(void)*(volatile char *)p;
	device_read = hmmt_access(&dev, (unsigned long)p, &v, 8, 0, NULL);
	/* both the kernel, as it should, and our driver say EFAULT */
	if (device_read != -EFAULT)
		NEED_OK(device_read);
	NEED_OK(hmmt_stats(&dev, &stats));
	return device_read == -EFAULT && !stats.hmm_no_page;
}

/* What @other is told of the first page at @p, without a fault */
static unsigned int told(const struct hmmt_dev *other, const char *p)
{
	uint16_t snap[HMMT_PMD_PAGES];

	NEED_OK(hmmt_snapshot(other, (unsigned long)p, HMMT_PMD_SIZE, snap));
	return HMMT_SNAP_PROT(snap[0]);
}

/*
 * A THP in another device is there for a fault, as base pages are: it is told as nothing,
 * neither as an error nor by pfns that are not this device's
 */
static bool peer_error(void)
{
	struct hmmt_dev other = HMMT_DEV_CLOSED;
	char *p = thps(2, true), *base = p + HMMT_PMD_SIZE;
	unsigned int of_thp, of_base;

	NEED_OK(hmmt_open(&other, 1));
	NEED(!madvise(base, HMMT_PMD_SIZE, MADV_DONTNEED));
	NEED(!madvise(base, HMMT_PMD_SIZE, MADV_NOHUGEPAGE));
	memset(base, 1, HMMT_PMD_SIZE);
	/* else it is told as nothing because there is nothing */
	all_to_dev(p, 2 * HMMT_PMD_SIZE);
	of_thp = told(&other, p);
	of_base = told(&other, base);
	printf("# device 1 is told %#x of a THP in device 0, %#x of base pages; %#x is an error\n",
	       of_thp, of_base, HMM_DMIRROR_PROT_ERROR);
	return of_thp == HMM_DMIRROR_PROT_NONE && of_base == HMM_DMIRROR_PROT_NONE;
}

#define NUMA_KNOBS	"/sys/kernel/debug/sched/numa_balancing/"

/* How many of the pages at @p the device may write to */
static unsigned int writable(const char *p)
{
	uint16_t snap[HMMT_PMD_PAGES];
	unsigned int i, n = 0;

	NEED_OK(hmmt_snapshot(&dev, (unsigned long)p, HMMT_PMD_SIZE, snap));
	for (i = 0; i < HMMT_PMD_PAGES; i++)
		n += HMMT_SNAP_PROT(snap[i]) != HMM_DMIRROR_PROT_ERROR &&
		     HMMT_SNAP_PROT(snap[i]) & HMM_DMIRROR_PROT_WRITE;
	return n;
}

/* How often the scheduler has looked at this address space */
static unsigned long looks(void)
{
	char buf[8192], *at = NULL;

	NEED(hmmt_read_file("/proc/self/sched", buf, sizeof(buf)) > 0);
	at = strstr(buf, "mm->numa_scan_seq");
	NEED(at);
	at = strchr(at, ':');
	NEED(at);
	return strtoul(at + 1, NULL, 10);
}

/* A THP and base pages in the device, while the scheduler looks at who uses what */
static int balanced(void)
{
	char *p, *base;
	unsigned int thp_before, base_before;
	struct hmmt_stats before, now;
	uint64_t v = 1;
	clock_t end;

	hmmt_close(&dev);
	NEED_OK(hmmt_open(&dev, 0));
	p = thps(2, true);
	base = p + HMMT_PMD_SIZE;
	NEED(!madvise(base, HMMT_PMD_SIZE, MADV_DONTNEED));
	NEED(!madvise(base, HMMT_PMD_SIZE, MADV_NOHUGEPAGE));
	memset(base, 1, HMMT_PMD_SIZE);
	all_to_dev(p, 2 * HMMT_PMD_SIZE);
	thp_before = writable(p);
	base_before = writable(base);
	NEED(thp_before == HMMT_PMD_PAGES && base_before == HMMT_PMD_PAGES);
	NEED_OK(hmmt_write_file("/proc/sys/kernel/numa_balancing", "1"));
	for (end = clock() + CLOCKS_PER_SEC / 2; clock() < end;)
		;
	NEED(looks() >= 2);
	NEED_OK(hmmt_write_file("/proc/sys/kernel/numa_balancing", "0"));
	printf("# of a THP the device may write to %u of %u pages, of base pages to %u of %u\n",
	       writable(p), thp_before, writable(base), base_before);
	NEED_OK(hmmt_stats(&dev, &before));
	NEED_OK(hmmt_access(&dev, (unsigned long)p, &v, sizeof(v), HMMT_ACCESS_WRITE, NULL));
	NEED_OK(hmmt_access(&dev, (unsigned long)base, &v, sizeof(v), HMMT_ACCESS_WRITE, NULL));
	NEED_OK(hmmt_stats(&dev, &now));
	printf("# two writes of the device brought %llu pages back\n",
	       (now.fault_thp - before.fault_thp) * HMMT_PMD_PAGES +
	       now.fault_base - before.fault_base);
	return now.cpu_faults != before.cpu_faults;
}

/* What a device has and writes to stays there and writable, also with NUMA balancing */
static bool numa_readonly(void)
{
	int status;
	pid_t pid;

	NEED_OK(hmmt_write_file(NUMA_KNOBS "scan_delay_ms", "1"));
	NEED_OK(hmmt_write_file(NUMA_KNOBS "scan_period_min_ms", "10"));
	/* the delay is that of threads to come */
	pid = fork();
	NEED(pid >= 0);
	if (!pid)
		exit(balanced());
	status = ended(pid);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

#define TAINT_WARN	(1 << 9)

/* Reclaim asks who has used a THP of which a device has a page for itself */
static bool exclusive_reclaim(void)
{
	char buf[HMMT_PAGE_SIZE], text[16] = "", *p;
	unsigned int i;
	int ret;

	NEED_OK(hmmt_swap_on(64));
	p = thps(1, true);
	/* one that is mostly zeros is split sooner */
	memset(p, 7, HMMT_PMD_SIZE);
	/* khugepaged would take it for one that is in part in swap, and make a new one */
	NEED(!madvise(p, HMMT_PMD_SIZE, MADV_NOHUGEPAGE));
	NEED_OK(hmmt_exclusive(&dev, (unsigned long)p, buf, sizeof(buf)));
	for (i = 0; i < 20; i++) {
		ret = hmmt_write_file("/sys/fs/cgroup/memory.reclaim", "1M");
		/* EAGAIN: less than that */
		NEED(!ret || ret == -EAGAIN);
	}
	NEED(hmmt_read_file("/proc/sys/kernel/tainted", text, sizeof(text)) > 0);
	return !(atoi(text) & TAINT_WARN) && *p == 7;
}

const struct finding hmm_findings[] = {
	{ "absent-pmd", absent_pmd },
	{ "no-write", no_write },
	{ "hugetlb-hole", hugetlb_hole },
	{ "special-huge", special_huge },
	{ "hmm-peer-error", peer_error },
	{ "numa-readonly", numa_readonly },
	{ "exclusive-reclaim", exclusive_reclaim },
	{}
};
