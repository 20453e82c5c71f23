// SPDX-License-Identifier: GPL-2.0
/*
 * hmm-findings NAME: the one finding of that name, from the table of its subject,
 * and what all of them use
 */
#include <errno.h>
#include <string.h>

#include "findings.h"

static const struct finding * const subjects[] = {
	hmm_findings, migrate_findings, collect_findings, fault_findings, evict_findings,
	proc_findings, bits_findings, uffd_findings, mlock_findings,
};

struct hmmt_dev dev;

char *thps(unsigned int nr, bool touch)
{
	char *p = mmap((void *)0x200000000000UL, nr * HMMT_PMD_SIZE,
		       PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	unsigned int i;

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, nr * HMMT_PMD_SIZE, MADV_HUGEPAGE);
	for (i = 0; touch && i < nr; i++)
		p[i * HMMT_PMD_SIZE] = 1;
	return p;
}

int to_dev(char *p, size_t len, unsigned int flags)
{
	return hmmt_migrate(&dev, (unsigned long)p, len, flags, NULL);
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
	ok = f->run();
	printf("%sok 1 findings.%s\n", ok ? "" : "not ", f->name);
	return !ok;
}
