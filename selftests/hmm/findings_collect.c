// SPDX-License-Identifier: GPL-2.0
/* What others do to pages while migrate_vma_setup() collects and unmaps them */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "findings.h"

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

const struct finding collect_findings[] = {
	{ "ksm-migrate", ksm_migrate },
	{ "trylock-leak", trylock_leak },
	{ "start-over", start_over },
	{}
};
