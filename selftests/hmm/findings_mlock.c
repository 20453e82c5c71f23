// SPDX-License-Identifier: GPL-2.0
/* mlocked memory, and flags that device pages keep of their last use */
#include <sched.h>
#include <string.h>

#include "findings.h"

/* A child that has mlocked what we have; it ends when we close the write end of @fds */
static void locking_child(const char *p, size_t len, int *fds)
{
	char c = 0;
	pid_t pid;

	NEED(!pipe(fds));
	NEED(!pipe(fds + 2));
	pid = fork();
	if (!pid) {
		close(fds[1]);
		NEED(!mlock(p, len));
		NEED(write(fds[3], &c, 1) == 1);
		_exit(read(fds[0], &c, 1) != 0);
	}
	NEED(pid > 0);
	close(fds[3]);
	NEED(read(fds[2], &c, 1) == 1);
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

	NEED(!madvise(p, HMMT_PMD_SIZE, MADV_NOHUGEPAGE));
	memset(p, 1, len);
	for (i = 0; i < 4; i++)
		NEED(!madvise(p, len, MADV_POPULATE_READ));
	all_to_dev(p, len);
	NEED(!madvise(p, len, MADV_DONTNEED));
	memset(p, 2, len);
	/* read-only: to lock it does not make a copy of it */
	NEED(!mprotect(p, len, PROT_READ));
	NEED(!mlock(p, len));
	locking_child(p, len, fds);
	NEED_OK(hmmt_stats(&dev, &before));
	all_to_dev(p, len);
	NEED_OK(hmmt_stats(&dev, &now));
	NEED(now.flags_checked > before.flags_checked);
	printf("# %llu of %llu pages came with flags of their last use\n",
	       now.flags_left - before.flags_left, now.flags_checked - before.flags_checked);
	for (i = 0; i < 64; i++)
		if (p[i * HMMT_PAGE_SIZE] != 2)
			return false;
	return now.flags_left == before.flags_left;
}

static uint64_t mlocked(void)
{
	uint64_t n;

	NEED_OK(hmmt_vmstat_fold());
	NEED_OK(hmmt_file_field("/proc/vmstat", "nr_mlock", &n));
	return n;
}

/* What is unlocked while it is in a device is locked no more */
static bool munlock_device(void)
{
	uint64_t before = mlocked(), now;
	char *p = thps(1, true);

	NEED(!mlock(p, HMMT_PMD_SIZE));
	NEED(mlocked() > before);
	all_to_dev(p, HMMT_PMD_SIZE);
	NEED(!munlock(p, HMMT_PMD_SIZE));
	NEED(!munmap(p, HMMT_PMD_SIZE));
	now = mlocked();
	printf("# nr_mlock %llu, before %llu\n", (unsigned long long)now,
	       (unsigned long long)before);
	return now == before;
}

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	NEED(!sched_setaffinity(0, sizeof(set), &set));
}

static uint64_t used(void)
{
	struct hmmt_stats st;

	NEED_OK(hmmt_stats(&dev, &st));
	return st.pages_used;
}

/* What is unmapped is free, though the CPU that did it does nothing else any more. */
static bool mlock_batch(void)
{
	const size_t len = 8 * HMMT_PAGE_SIZE;
	char *p = thps(1, false);
	uint64_t left, drained;

	run_on(1);
	NEED(!madvise(p, HMMT_PMD_SIZE, MADV_NOHUGEPAGE));
	memset(p, 1, len);
	NEED(!mlock(p, len));
	all_to_dev(p, len);
	NEED(used() == 8);
	NEED(!munmap(p, HMMT_PMD_SIZE));
	run_on(0);
	sleep(2);
	left = used();
	NEED_OK(hmmt_drain());
	drained = used();
	printf("# %llu device pages in use 2 s after all was unmapped, %llu when each CPU was drained\n",
	       (unsigned long long)left, (unsigned long long)drained);
	return !left;
}

const struct finding mlock_findings[] = {
	{ "stale-flags", stale_flags },
	{ "munlock-device", munlock_device },
	{ "mlock-batch", mlock_batch },
	{}
};
