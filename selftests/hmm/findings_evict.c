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
	struct hmmt_function kasan = { .name = "kasan_report" };
	unsigned int i;
	pid_t pid;

	NEED_OK(hmmt_perturb(&dev, 100000, 1));
	NEED_OK(hmmt_evict(&dev, NULL));
	pid = fork();
	while (!pid)
		hmmt_evict(&dev, NULL);
	NEED(pid > 0);
	for (i = 0; i < 300; i++) {
		char *p = mmap(NULL, 16 * HMMT_PAGE_SIZE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			break;
		memset(p, 1, 16 * HMMT_PAGE_SIZE);
		if (to_dev(p, 16 * HMMT_PAGE_SIZE, 0))
			break;
		usleep(500);
		munmap(p, 16 * HMMT_PAGE_SIZE);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	NEED(i == 300);
	/* other kernels may die of it too, but that they do not is no news */
	NEED_OK(hmmt_functions_find(&kasan, 1));
	NEED(kasan.addr);
	return true;
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

	NEED_OK(hmmt_evict_some(&dev, &e));
	pid = fork();
	while (!pid)
		hmmt_evict_some(&dev, &e);
	NEED(pid > 0);
	for (i = 0; i < 4000; i++)
		if (to_dev(p, 4 * HMMT_PMD_SIZE, 0) ||
		    to_dev(p, 4 * HMMT_PMD_SIZE, HMMT_MIGRATE_TO_SYS))
			break;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	NEED(i == 4000);
	return true;
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

	all_to_dev(p + HMMT_PMD_SIZE, HMMT_PMD_SIZE);
	NEED(mremap(p, 3 * HMMT_PMD_SIZE, 3 * HMMT_PMD_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
		    to) == to);
	NEED(!madvise(first, HMMT_PMD_SIZE, MADV_DONTNEED));
	*first = 1;
	NEED(!madvise(first, HMMT_PMD_SIZE, MADV_COLLAPSE));
	NEED_OK(hmmt_evict(&dev, &e));
	printf("# %llu pages evicted, %llu left\n", e.migrated, e.left);
	return !e.left;
}

const struct finding evict_findings[] = {
	{ "evict-unmap", evict_unmap },
	{ "evict-migrated", evict_migrated },
	{ "two-pmds", two_pmds },
	{}
};
