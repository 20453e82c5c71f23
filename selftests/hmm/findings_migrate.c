// SPDX-License-Identifier: GPL-2.0
/* Sources that are shared, absent, of other sizes than destinations, or in the swap cache */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "findings.h"

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

const struct finding migrate_findings[] = {
	{ "softdirty", softdirty },
	{ "partial-hole", partial_hole },
	{ "split-shared", split_shared },
	{ "join", join },
	{ "swap-mapping", swap_mapping },
	{}
};
