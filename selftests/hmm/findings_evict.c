// SPDX-License-Identifier: GPL-2.0
/* Evictions of device memory */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "findings.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

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

const struct finding evict_findings[] = {
	{ "evict-unmap", evict_unmap },
	{ "evict-migrated", evict_migrated },
	{ "two-pmds", two_pmds },
	{}
};
