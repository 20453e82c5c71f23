// SPDX-License-Identifier: GPL-2.0
/*
 * hmm-findings NAME: the one finding of that name, from the table of its subject,
 * and what all of them use
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "findings.h"

static const struct finding * const subjects[] = {
	hmm_findings, migrate_findings, collect_findings, fault_findings, evict_findings,
	proc_findings, bits_findings, uffd_findings, mlock_findings,
};

struct hmmt_dev dev;

static pid_t program;

void cannot(const char *what)
{
	int err = errno;
	bool child = getpid() != program;

	/* only the parent bails out: what a child says is a remark */
	printf("%s cannot set up: %s%s%s\n", child ? "# child" : "Bail out!", what,
	       err ? ": " : "", err ? strerror(err) : "");
	fflush(stdout);
	if (child)
		_exit(CANNOT);
	exit(1);
}

void child_needs(int status)
{
	if (!WIFEXITED(status) || WEXITSTATUS(status) != CANNOT)
		return;
	/* the child has told what */
	errno = 0;
	cannot("child");
}

int ended(pid_t pid)
{
	int status;

	NEED(waitpid(pid, &status, 0) == pid);
	child_needs(status);
	return status;
}

void wait_caught(uint64_t was)
{
	unsigned int ms;
	uint64_t is = was;

	for (ms = 0; is == was && ms < 1000; ms++) {
		usleep(1000);
		NEED_OK(hmmt_catch(&dev, 0, 0, &is));
	}
	NEED(is != was);
}

void touch_thps(char *p, unsigned int nr)
{
	uint64_t huge_kb;
	unsigned int i;

	for (i = 0; i < nr; i++)
		p[i * HMMT_PMD_SIZE] = 1;
	/* where there is no THP to be had these are base pages */
	NEED_OK(hmmt_file_field("/proc/self/smaps_rollup", "AnonHugePages", &huge_kb));
	NEED(huge_kb >= nr * HMMT_PMD_SIZE / 1024);
}

char *thps(unsigned int nr, bool touch)
{
	char *p = mmap((void *)0x200000000000UL, nr * HMMT_PMD_SIZE,
		       PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	NEED(p != MAP_FAILED);
	NEED(!madvise(p, nr * HMMT_PMD_SIZE, MADV_HUGEPAGE));
	if (touch)
		touch_thps(p, nr);
	return p;
}

int to_dev(char *p, size_t len, unsigned int flags)
{
	return hmmt_migrate(&dev, (unsigned long)p, len, flags, NULL);
}

void all_to_dev(char *p, size_t len)
{
	struct hmmt_migrate m;

	NEED_OK(hmmt_migrate(&dev, (unsigned long)p, len, 0, &m));
	NEED(m.migrated == len / HMMT_PAGE_SIZE);
}

bool soft_dirty(const char *p)
{
	uint64_t entry;

	NEED_OK(hmmt_pagemap_read(getpid(), (unsigned long)p, 1, &entry));
	return hmmt_pagemap_decode(entry).soft_dirty;
}

static const struct finding *find(const char *name)
{
	const struct finding *f;
	unsigned int i;

	for (i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		for (f = subjects[i]; f->name; f++)
			if (!strcmp(name, f->name))
				return f;
	return NULL;
}

static int usage(void)
{
	const struct finding *f;
	const char *before = " ";
	unsigned int i;

	fprintf(stderr, "usage: hmm-findings");
	for (i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		for (f = subjects[i]; f->name; f++) {
			fprintf(stderr, "%s%s", before, f->name);
			before = "|";
		}
	fprintf(stderr, "\n");
	return 2;
}

int main(int argc, char **argv)
{
	const struct finding *f = argc == 2 ? find(argv[1]) : NULL;
	bool ok;

	if (!f)
		return usage();
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (hmmt_open(&dev, 0)) {
		printf("Bail out! no device: %s\n", strerror(errno));
		return 1;
	}
	printf("KTAP version 1\n1..1\n");
	program = getpid();
	errno = 0;
	ok = f->run();
	printf("%sok 1 findings.%s\n", ok ? "" : "not ", f->name);
	return !ok;
}
