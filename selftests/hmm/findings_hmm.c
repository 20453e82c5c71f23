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

const struct finding hmm_findings[] = {
	{ "absent-pmd", absent_pmd },
	{ "no-write", no_write },
	{ "hugetlb-hole", hugetlb_hole },
	{ "special-huge", special_huge },
	{ "hmm-peer-error", peer_error },
	{}
};
