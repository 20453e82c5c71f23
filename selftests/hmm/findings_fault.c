// SPDX-License-Identifier: GPL-2.0
/* CPU faults on device memory */
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

const struct finding fault_findings[] = {
	{ "fault-part", fault_part },
	{ "fault-stale", fault_stale },
	{ "fault-base", fault_base },
	{}
};
