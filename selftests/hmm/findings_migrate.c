// SPDX-License-Identifier: GPL-2.0
/* Sources that are shared, absent, of other sizes than destinations, or in the swap cache */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "findings.h"

/* To the device with THP @p, which a child shares */
static void shared_to_dev(char *p, unsigned int flags)
{
	struct hmmt_migrate m;
	int pipefd[2];
	pid_t pid;
	char c;

	NEED(!pipe(pipefd));
	pid = fork();
	if (!pid) {
		close(pipefd[1]);
		_exit(read(pipefd[0], &c, 1) != 0);
	}
	NEED(pid > 0);
	NEED_OK(hmmt_migrate(&dev, (unsigned long)p, HMMT_PMD_SIZE, flags, &m));
	/* how many of these go is the kernel's matter */
	NEED(m.collected == HMMT_PMD_PAGES);
	close(pipefd[1]);
	waitpid(pid, NULL, 0);
}

/* A soft-dirty THP that is shared goes to the device without a BUG */
static bool softdirty(void)
{
	char *p = thps(1, true);

	NEED(soft_dirty(p));
	shared_to_dev(p, 0);
	return true;
}

/* A shared THP that is split on its way is split for all who share it */
static bool split_shared(void)
{
	shared_to_dev(thps(1, true), HMMT_MIGRATE_SPLIT);
	return true;
}

/* A hole with fewer destinations than pages is filled in part, or not at all */
static bool partial_hole(void)
{
	struct hmmt_stats stats;
	unsigned int chunks;
	char *p;

	NEED_OK(hmmt_stats(&dev, &stats));
	chunks = stats.pages_capacity / HMMT_PMD_PAGES;
	p = thps(chunks + 1, false);
	/* all chunks but one are taken whole, of the last one a page is gone */
	NEED_OK(to_dev(p, (chunks - 1) * HMMT_PMD_SIZE, 0));
	NEED_OK(to_dev(p + (chunks - 1) * HMMT_PMD_SIZE, HMMT_PAGE_SIZE, 0));
	NEED_OK(hmmt_stats(&dev, &stats));
	NEED(stats.pages_capacity - stats.pages_used == HMMT_PMD_PAGES - 1);
	NEED_OK(to_dev(p + chunks * HMMT_PMD_SIZE, HMMT_PMD_SIZE,
		       HMMT_MIGRATE_SPLIT | HMMT_MIGRATE_PARTIAL_HOLE));
	return true;
}

/* Memory that is not to have THPs gets none, neither in a device nor when it is back */
static bool no_huge_hole(void)
{
	struct hmmt_stats before, stats;
	char *p = thps(1, false);

	NEED(!madvise(p, HMMT_PMD_SIZE, MADV_NOHUGEPAGE));
	NEED_OK(hmmt_stats(&dev, &before));
	NEED_OK(to_dev(p, HMMT_PMD_SIZE, 0));
	(void)*(volatile char *)p;
	NEED_OK(hmmt_stats(&dev, &stats));
	printf("# %llu THPs and %llu base pages to the device, %llu THPs back\n",
	       stats.to_dev_thp - before.to_dev_thp, stats.to_dev_base - before.to_dev_base,
	       stats.fault_thp - before.fault_thp);
	return stats.to_dev_thp == before.to_dev_thp && stats.fault_thp == before.fault_thp;
}

/* Base page sources with one compound destination stay what and where they are */
static bool join(void)
{
	struct hmmt_stats stats;
	char *p = thps(1, false);
	unsigned int i;

	NEED(!madvise(p, HMMT_PMD_SIZE, MADV_NOHUGEPAGE));
	for (i = 0; i < HMMT_PMD_PAGES; i++)
		p[i * HMMT_PAGE_SIZE] = i;
	NEED_OK(to_dev(p, HMMT_PMD_SIZE, HMMT_MIGRATE_JOIN));
	NEED_OK(hmmt_stats(&dev, &stats));
	NEED(stats.joined);
	for (i = 0; i < HMMT_PMD_PAGES; i++)
		if (p[i * HMMT_PAGE_SIZE] != (char)i)
			return false;
	return true;
}

static int swap_on(void)
{
	int ret = hmmt_swap_on(32);

	/* it is there already */
	return ret == -EBUSY ? 0 : ret;
}

/* A page that was swapped in is in the swap cache as well: it goes, or stays what it was */
static bool swap_mapping(void)
{
	char *p = thps(1, false);
	pid_t pid;
	char c;

	NEED_OK(swap_on());
	NEED(!madvise(p, HMMT_PMD_SIZE, MADV_NOHUGEPAGE));
	memset(p, 7, HMMT_PAGE_SIZE);
	NEED_OK(hmmt_swap_out(p, HMMT_PAGE_SIZE));
	/* what only one has is not put into the swap cache on its way back */
	pid = fork();
	while (!pid)
		pause();
	NEED(pid > 0);
	c = *(volatile char *)(p + 5);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	NEED_OK(to_dev(p, HMMT_PAGE_SIZE, 0));
	return c == 7 && p[5] == 7;
}

#define LOST_HOLD_MS	1500

/* A child that waits until it is told by @go; 0: we are that one, and were told */
static pid_t waiting_child(int *go)
{
	int fds[2];
	pid_t pid;
	char c;

	NEED(!pipe(fds));
	pid = fork();
	NEED(pid >= 0);
	if (!pid)
		NEED(read(fds[0], &c, 1) == 1);
	*go = fds[1];
	return pid;
}

static void tell(int go)
{
	NEED(write(go, "", 1) == 1);
}

static void wait_held(uint64_t n)
{
	struct hmmt_stats stats;
	unsigned int ms = 0;

	do {
		usleep(1000);
		NEED_OK(hmmt_stats(&dev, &stats));
	} while (stats.held < n && ms++ < LOST_HOLD_MS);
	NEED(stats.held == n);
}

static void own_device(void)
{
	hmmt_close(&dev);
	NEED_OK(hmmt_open(&dev, 0));
}

/*
 * Those who leave while a device THP that they share is on its way back take nothing that is
 * another one's: one leaves, the memory of the THP must not be handed out then. Before the
 * migration ends another one leaves as well, or @next_leaves, who has got that memory.
 */
static bool zap_shared(bool next_leaves)
{
	enum { MIGRATES, NEXT, FIRST, SECOND, NR_CHILDREN };
	static const unsigned int order[] = { MIGRATES, FIRST, NEXT, SECOND };
	char *p = thps(2, true), *other = p + HMMT_PMD_SIZE;
	pid_t pid[NR_CHILDREN];
	int go[NR_CHILDREN];
	unsigned int i, n;

	all_to_dev(p, HMMT_PMD_SIZE);
	for (i = 0; i < NR_CHILDREN; i++) {
		pid[i] = waiting_child(&go[i]);
		if (pid[i])
			continue;
		if (i >= FIRST)
			_exit(0);
		own_device();
		if (i == MIGRATES) {
			NEED_OK(hmmt_hold(&dev, HMMT_HOLD_COPIED, LOST_HOLD_MS));
			NEED_OK(hmmt_migrate(&dev, (unsigned long)p, HMMT_PMD_SIZE,
					     HMMT_MIGRATE_TO_SYS | HMMT_MIGRATE_DROP, NULL));
			_exit(p[0] != 1);
		}
		if (!next_leaves)
			NEED_OK(hmmt_hold(&dev, HMMT_HOLD_COPIED, 2 * LOST_HOLD_MS));
		NEED_OK(to_dev(other, HMMT_PMD_SIZE, 0));
		_exit(!next_leaves && other[0] != 1);
	}
	for (i = 0; i < NR_CHILDREN; i++) {
		n = order[i];
		tell(go[n]);
		if (n == MIGRATES || (n == NEXT && !next_leaves))
			wait_held(1 + (n == NEXT));
		else
			NEED(!ended(pid[n]));
		if (n == NEXT && next_leaves)
			break;
	}
	if (ended(pid[MIGRATES]) || (!next_leaves && ended(pid[NEXT])))
		return false;
	return p[0] == 1;
}

static bool zap_migration(void)
{
	return zap_shared(false);
}

static bool zap_reused(void)
{
	return zap_shared(true);
}

/* The same, while the one that migrates it restores the mappings, as it has no destination */
static bool zap_restored(void)
{
	char *p = thps(1, true);
	pid_t migrates, leaves;
	uint64_t was;
	int go, leave;

	all_to_dev(p, HMMT_PMD_SIZE);
	NEED_OK(hmmt_catch_in(&dev, "remove_migration_pte"));
	hmmt_stay_on(0);
	NEED_OK(hmmt_catch(&dev, 0, 0, &was));
	migrates = waiting_child(&go);
	if (!migrates) {
		own_device();
		hmmt_stay_on(1);
		NEED_OK(hmmt_catch(&dev, 1, 100000, NULL));
		NEED_OK(hmmt_migrate(&dev, (unsigned long)p, HMMT_PMD_SIZE,
				     HMMT_MIGRATE_TO_SYS | HMMT_MIGRATE_DROP, NULL));
		_exit(p[0] != 1);
	}
	leaves = waiting_child(&leave);
	if (!leaves)
		_exit(0);
	tell(go);
	wait_caught(was);
	tell(leave);
	NEED(!ended(leaves));
	return !ended(migrates) && p[0] == 1;
}

const struct finding migrate_findings[] = {
	{ "softdirty", softdirty },
	{ "partial-hole", partial_hole },
	{ "split-shared", split_shared },
	{ "join", join },
	{ "no-huge-hole", no_huge_hole },
	{ "swap-mapping", swap_mapping },
	{ "zap-migration", zap_migration },
	{ "zap-reused", zap_reused },
	{ "zap-restored", zap_restored },
	{}
};
