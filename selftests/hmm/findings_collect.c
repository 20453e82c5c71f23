// SPDX-License-Identifier: GPL-2.0
/* What others do to pages while migrate_vma_setup() collects and unmaps them */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "findings.h"

/* Migrates pages that ksmd merges, as they are all alike, and then writes to them */
static void migrate_alike(void)
{
	const size_t len = 32 * HMMT_PAGE_SIZE;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int k;

	NEED(p != MAP_FAILED);
	memset(p, 1, len);
	NEED(!madvise(p, len, MADV_MERGEABLE));
	hmmt_close(&dev);
	NEED_OK(hmmt_open(&dev, 0));
	for (k = 0; k < 40; k++) {
		NEED_OK(to_dev(p, len, k & 1 ? HMMT_MIGRATE_TO_SYS : 0));
		usleep(200);
	}
	for (k = 0; k < 32; k++)
		p[k * HMMT_PAGE_SIZE] = 2;
	_exit(0);
}

/* False: @pid died of what it read, or did not end in 10 s and was killed */
static bool ends(pid_t pid)
{
	int status, ms;

	for (ms = 0; ms < 10000; ms += 10) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			child_needs(status);
			return !status;
		}
		usleep(10000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return false;
}

/* Pages that ksmd merges while they are migrated can be read afterwards */
static bool ksm_migrate(void)
{
	unsigned int i;
	pid_t pid;

	NEED_OK(hmmt_write_file("/sys/kernel/mm/ksm/sleep_millisecs", "1"));
	NEED_OK(hmmt_write_file("/sys/kernel/mm/ksm/pages_to_scan", "64"));
	NEED_OK(hmmt_write_file("/sys/kernel/mm/ksm/run", "1"));
	for (i = 0; i < 60; i++) {
		pid = fork();
		if (!pid)
			migrate_alike();
		NEED(pid > 0);
		if (ends(pid))
			continue;
		printf("# process %u got nowhere for 10 s, or died of what it read\n", i);
		return false;
	}
	return true;
}

static pthread_barrier_t both_ready;

static void *to_dev_at_once(void *p)
{
	pthread_barrier_wait(&both_ready);
	NEED_OK(to_dev(p, HMMT_PMD_SIZE, 0));
	return NULL;
}

/* A THP that two threads migrate at once is freed in the end */
static bool trylock_leak(void)
{
	uint64_t before, now;
	pthread_t other;
	int i;

	pthread_barrier_init(&both_ready, NULL, 2);
	NEED_OK(hmmt_mthp_stat(2048, "nr_anon", &before));
	for (i = 0; i < 200; i++) {
		char *p = thps(1, true);

		NEED_OK(-pthread_create(&other, NULL, to_dev_at_once, p));
		to_dev_at_once(p);
		pthread_join(other, NULL);
		munmap(p, HMMT_PMD_SIZE);
	}
	NEED_OK(hmmt_mthp_stat(2048, "nr_anon", &now));
	printf("# %d of %d THPs are left\n", (int)(now - before), i);
	return now == before;
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

		NEED(!madvise(p, HMMT_PMD_SIZE / 2, MADV_DONTNEED));
		NEED(!madvise(p, HMMT_PMD_SIZE, MADV_NOHUGEPAGE));
		for (page = 0; page < HMMT_PMD_PAGES / 2; page++)
			p[page * HMMT_PAGE_SIZE] = 1;
		spin = i * 37 % 4000;
		NEED_OK(-pthread_create(&other, NULL, drop_at_once, &spin));
		pthread_barrier_wait(&both_ready);
		NEED_OK(to_dev(p, HMMT_PMD_SIZE, 0));
		pthread_join(other, NULL);
		munmap(p, HMMT_PMD_SIZE);
		NEED_OK(hmmt_stats(&dev, &stats));
	}
	printf("# after %u times: %llu slots wrong, %llu collections with too many\n", i,
	       stats.source_wrong, stats.source_more);
	return !stats.source_more && !stats.source_wrong;
}

const struct finding collect_findings[] = {
	{ "ksm-migrate", ksm_migrate },
	{ "trylock-leak", trylock_leak },
	{ "start-over", start_over },
	{}
};
