// SPDX-License-Identifier: GPL-2.0
/* See area.h */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include "area.h"

struct hmmt_dev dev0, dev1;
char *area;
char why[256];
const char *skip;

void explain(const char *cond, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = snprintf(why, sizeof(why), "%s: ", cond);
	vsnprintf(why + n, sizeof(why) - n, fmt, ap);
	va_end(ap);
}

uint64_t *word(unsigned long page)
{
	return (uint64_t *)(area + page * HMMT_PAGE_SIZE + 64);
}

uint64_t value(unsigned long page)
{
	return hmmt_mix64(page + 1);
}

/* @pmds PMDs of anonymous memory, as THPs or not, each page with its value */
bool fill(unsigned int pmds, bool thp)
{
	size_t size = pmds * HMMT_PMD_SIZE;
	unsigned long i;
	char *p;

	p = mmap(area, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	WANT(p == area, "mmap: %s", strerror(errno));
	WANT(!madvise(area, size, thp ? MADV_HUGEPAGE : MADV_NOHUGEPAGE),
	     "madvise: %s", strerror(errno));
	for (i = 0; i < size / HMMT_PAGE_SIZE; i++)
		*word(i) = value(i);
	return true;
}

bool verify(unsigned long first, unsigned long last)
{
	unsigned long i;

	for (i = first; i < last; i++)
		WANT(*word(i) == value(i), "page %lu holds %#llx", i,
		     (unsigned long long)*word(i));
	return true;
}

/* The device reads one word of each page */
bool verify_device(struct hmmt_dev *dev, unsigned long first,
			  unsigned long last)
{
	unsigned long i;
	uint64_t v;
	int ret;

	for (i = first; i < last; i++) {
		ret = hmmt_access(dev, (unsigned long)word(i), &v, sizeof(v), 0, NULL);
		WANT(!ret, "page %lu: %s", i, strerror(-ret));
		WANT(v == value(i), "device reads %#llx from page %lu",
		     (unsigned long long)v, i);
	}
	return true;
}

bool migrate(struct hmmt_dev *dev, unsigned long page, unsigned long nr,
		    unsigned int flags, struct hmmt_migrate *res)
{
	int ret = hmmt_migrate(dev, (unsigned long)area + page * HMMT_PAGE_SIZE,
			       nr * HMMT_PAGE_SIZE, flags, res);

	WANT(!ret, "migrate: %s", strerror(-ret));
	return true;
}

uint16_t snap(unsigned long page)
{
	uint16_t s = 0xffff;
	int ret = hmmt_snapshot(&dev0, (unsigned long)area + page * HMMT_PAGE_SIZE,
				HMMT_PAGE_SIZE, &s);

	return ret ? 0xffff : s;
}

bool in_device(unsigned long page)
{
	return (HMMT_SNAP_PROT(snap(page)) & 0x70) ==
	       HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL;
}

/* Nothing may be left in device memory, and the driver must be in order */
static bool clean(struct hmmt_dev *dev)
{
	struct hmmt_stats stats;
	struct hmmt_check check;

	WANT(!hmmt_stats(dev, &stats), "stats");
	WANT(!stats.pages_used, "%llu device pages left", stats.pages_used);
	WANT(!hmmt_check(dev, HMMT_CHECK_QUIET, &check), "check");
	WANT(!check.check, "%s: pfn %#llx expected %#llx found %#llx",
	     hmmt_check_name(check.check), check.pfn, check.expected, check.found);
	return true;
}

int run_tests(const char *program, const struct test *tests, unsigned int nr)
{
	unsigned int i, failed = 0, skipped = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%u\n", nr);
	if (hmmt_open(&dev0, 0) || hmmt_open(&dev1, 1)) {
		printf("Bail out! cannot open the devices: %s\n", strerror(errno));
		return 1;
	}
	area = mmap((void *)0x200000000000UL, AREA_SIZE + HMMT_PMD_SIZE, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (area == MAP_FAILED) {
		printf("Bail out! mmap: %s\n", strerror(errno));
		return 1;
	}

	for (i = 0; i < nr; i++) {
		bool ok;

		skip = NULL;
		ok = tests[i].run();

		munmap(area, AREA_SIZE + HMMT_PMD_SIZE);
		if (skip && !ok) {
			printf("ok %u hmm.%s # SKIP %s\n", i + 1, tests[i].name, skip);
			skipped++;
			continue;
		}
		ok = ok && clean(&dev0) && clean(&dev1);
		failed += !ok;
		if (!ok)
			printf("# %s: %s\n", tests[i].name, why);
		printf("%sok %u hmm.%s\n", ok ? "" : "not ", i + 1, tests[i].name);
	}
	printf("{\"hmmtorture\":1,\"program\":\"%s\",\"pass\":%u,\"fail\":%u,\"skip\":%u}\n",
	       program, nr - failed - skipped, failed, skipped);
	return !!failed;
}
