// SPDX-License-Identifier: GPL-2.0
/* What /proc and core dumps say of device memory */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "findings.h"

static void dump_core(void)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	char *p = thps(1, true);
	unsigned int i;

	hmmt_close(&dev);
	NEED(!setrlimit(RLIMIT_CORE, &all));
	for (i = 0; i < HMMT_PMD_PAGES; i++)
		*(uint64_t *)(p + i * HMMT_PAGE_SIZE) = hmmt_mix64(i + 1);
	NEED_OK(hmmt_open(&dev, 0));
	all_to_dev(p, HMMT_PMD_SIZE);
	abort();
}

/* What is in the device is in the core dump as well */
static bool coredump(void)
{
	uint64_t page[HMMT_PAGE_SIZE / 8];
	unsigned int found = 0;
	int status, fd;
	pid_t pid;

	NEED_OK(hmmt_write_file("/proc/sys/kernel/core_pattern", "/tmp/core"));
	/* that of another process is no answer */
	unlink("/tmp/core");
	pid = fork();
	if (!pid)
		dump_core();
	NEED(pid > 0);
	status = ended(pid);
	NEED(WCOREDUMP(status));
	fd = open("/tmp/core", O_RDONLY);
	NEED(fd >= 0);
	/* segments begin at pages of the file, and this one is in order */
	while (read(fd, page, sizeof(page)) == sizeof(page))
		found += page[0] == hmmt_mix64(found + 1);
	printf("# status %#x, %u of %lu pages are in the dump\n", status, found, HMMT_PMD_PAGES);
	return found == HMMT_PMD_PAGES;
}

/* A device THP that one process has is private in its smaps */
static bool smaps_private(void)
{
	uint64_t clean, dirty;
	char *p = thps(1, true);

	all_to_dev(p, HMMT_PMD_SIZE);
	NEED_OK(hmmt_file_field("/proc/self/smaps_rollup", "Shared_Clean", &clean));
	NEED_OK(hmmt_file_field("/proc/self/smaps_rollup", "Shared_Dirty", &dirty));
	printf("# %llu kB shared\n", (unsigned long long)(clean + dirty));
	return clean + dirty < HMMT_PMD_SIZE / 1024;
}

const struct finding proc_findings[] = {
	{ "coredump-hole", coredump },
	{ "smaps-private", smaps_private },
	{}
};
