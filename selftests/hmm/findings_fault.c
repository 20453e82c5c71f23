// SPDX-License-Identifier: GPL-2.0
/* CPU faults on device memory */
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "findings.h"

/* A CPU fault on a device THP may bring back one page of it: the kernel splits */
static bool fault_part(void)
{
	struct hmmt_stats stats;
	char *p = thps(1, true);
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		hmmt_close(&dev);
		NEED_OK(hmmt_open(&dev, 0));
		NEED_OK(hmmt_tune(&dev, HMMT_PAGE_SIZE, 0));
		all_to_dev(p, HMMT_PMD_SIZE);
		/* a fault that is retaken for ever is ended by the signal */
		alarm(10);
		_exit(*(volatile char *)(p + 300 * HMMT_PAGE_SIZE) != 0);
	}
	NEED(pid > 0);
	status = ended(pid);
	NEED_OK(hmmt_stats(&dev, &stats));
	printf("# %llu faults, of which %llu brought nothing back\n", stats.cpu_faults,
	       stats.cpu_faults_failed);
	return !status;
}

/*
 * A fault handler may migrate more than the page that was touched, also where a
 * THP is mapped by PTEs
 */
static bool fault_stale(void)
{
	char *p = thps(1, true);

	all_to_dev(p, HMMT_PMD_SIZE);
	NEED(!madvise(p + 10 * HMMT_PAGE_SIZE, HMMT_PAGE_SIZE, MADV_DONTNEED));
	NEED_OK(hmmt_tune(&dev, HMMT_PMD_SIZE, 0));
	return !*(volatile char *)(p + 300 * HMMT_PAGE_SIZE);
}

/* A fault handler that finds no THP, and gives base pages for all of it, is called once */
static bool fault_base(void)
{
	struct hmmt_inject none = { .sites = HMMT_SITE_SYS_THP, .nth = 1, .interval = 1 };
	struct hmmt_stats before, now;
	char *p = thps(1, true);
	unsigned int i;

	all_to_dev(p, HMMT_PMD_SIZE);
	NEED_OK(hmmt_inject(&dev, &none));
	NEED_OK(hmmt_stats(&dev, &before));
	/* base pages in the device take a fault each */
	NEED(before.compound);
	for (i = 0; i < HMMT_PMD_PAGES; i++)
		(void)*(volatile char *)(p + i * HMMT_PAGE_SIZE);
	NEED_OK(hmmt_stats(&dev, &now));
	printf("# %llu faults, of which %llu brought nothing back, for %llu base pages\n",
	       now.cpu_faults - before.cpu_faults,
	       now.cpu_faults_failed - before.cpu_faults_failed,
	       now.fault_base - before.fault_base);
	return now.cpu_faults - before.cpu_faults == 1;
}

#define SPIN_HOLD_MS	500

static void *touch(void *p)
{
	(void)*(volatile char *)p;
	return NULL;
}

/* Faults that a touch of page 100 at @p takes */
static long faults_of_touch(char *p)
{
	struct rusage before, now;

	getrusage(RUSAGE_THREAD, &before);
	touch(p + 100 * HMMT_PAGE_SIZE);
	getrusage(RUSAGE_THREAD, &now);
	return now.ru_minflt - before.ru_minflt;
}

/* ... while the fault of another page is held up */
static long faults_beside(char *p)
{
	pthread_t other;
	long n;

	NEED_OK(hmmt_hold(&dev, HMMT_HOLD_FAULTED, SPIN_HOLD_MS));
	NEED(!pthread_create(&other, NULL, touch, p));
	usleep(SPIN_HOLD_MS * 1000 / 10);
	n = faults_of_touch(p);
	pthread_join(other, NULL);
	return n;
}

#define SPIN_CATCH_MS	100

static void *evict(void *unused)
{
	hmmt_stay_on(1);
	NEED_OK(hmmt_catch(&dev, 1, SPIN_CATCH_MS * 1000, NULL));
	NEED_OK(hmmt_evict(&dev, NULL));
	return unused;
}

/* ... while an eviction has the lock and is caught before it unmaps; -1: it cannot be caught */
static long faults_beside_eviction(char *p)
{
	pthread_t other;
	uint64_t was;
	long n;

	if (hmmt_catch_in(&dev, "try_to_migrate"))
		return -1;
	hmmt_stay_on(0);
	NEED_OK(hmmt_catch(&dev, 0, 0, &was));
	NEED(!pthread_create(&other, NULL, evict, NULL));
	wait_caught(was);
	n = faults_of_touch(p);
	pthread_join(other, NULL);
	return n;
}

/* Who needs a page that another one's fault has locked waits for it, and does not spin */
static bool fault_spin(void)
{
	char *p = thps(2, true), *parts = p + HMMT_PMD_SIZE;
	struct hmmt_stats stats;
	long whole, part, evicted;

	all_to_dev(p, 2 * HMMT_PMD_SIZE);
	/* the second one is mapped by PTEs from then on */
	NEED(!madvise(parts + 10 * HMMT_PAGE_SIZE, HMMT_PAGE_SIZE, MADV_DONTNEED));
	part = faults_beside(parts);
	whole = faults_beside(p);
	NEED_OK(hmmt_stats(&dev, &stats));
	NEED(stats.held == 2);
	printf("# in %u ms a touch took %ld faults on a THP, %ld on one mapped by PTEs\n",
	       SPIN_HOLD_MS - SPIN_HOLD_MS / 10, whole, part);
	all_to_dev(p, HMMT_PMD_SIZE);
	evicted = faults_beside_eviction(p);
	printf("# in %u ms, before an eviction unmaps the THP, %ld faults\n", SPIN_CATCH_MS,
	       evicted);
	return whole < 10 && part < 10 && evicted < 10;
}

const struct finding fault_findings[] = {
	{ "fault-part", fault_part },
	{ "fault-stale", fault_stale },
	{ "fault-base", fault_base },
	{ "fault-spin", fault_spin },
	{}
};
