// SPDX-License-Identifier: GPL-2.0
/* What hmm_range_fault() tells a device */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>

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

const struct finding hmm_findings[] = {
	{ "absent-pmd", absent_pmd },
	{ "no-write", no_write },
	{ "hugetlb-hole", hugetlb_hole },
	{ "special-huge", special_huge },
	{ "hmm-peer-error", peer_error },
	{}
};
