// SPDX-License-Identifier: GPL-2.0
/*
 * hmm-api: the rows of HMMT_API, each of which the driver runs in the kernel: what
 * migrate_vma_setup() and memremap_pages() have to refuse, and the kinds of device memory
 * that no other test has. Those at which the kernel warns are told to the judge.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "area.h"
#include "faults.h"

#define MAX_ROWS	64
#define BUST	"/sys/module/test_hmm/parameters/bust"

/* What the kernel says where, depending on what is inlined */
static const char warnings[] =
	"\"WARNING in memremap_pages\",\"WARNING in pagemap_range\",\"WARNING in add_pages\"";

static struct hmmt_api rows[MAX_ROWS];
static bool known_too;	/* --known: also what the kernel is known to get wrong */

static int call(unsigned int which, unsigned int flags, struct hmmt_api *api)
{
	*api = (struct hmmt_api) {
		.which = which, .flags = flags,
		.addr = flags ? (uintptr_t)area + (HMMT_PMD_PAGES - 2) * HMMT_PAGE_SIZE : 0,
	};
	return ioctl(dev0.fd, HMMT_API, api) ? -errno : 0;
}

/* All pages but the last one */
static bool setup(void)
{
	TRY(fill(1, false));
	WANT(!madvise(area + HMMT_PMD_SIZE - HMMT_PAGE_SIZE, HMMT_PAGE_SIZE, MADV_DONTNEED), "%s",
	     strerror(errno));
	return true;
}

static bool run_row(void)
{
	struct hmmt_api api;
	int ret;

	if (rows[running_test].effect == HMMT_API_KILLS && !known_too) {
		skip = "stock kernels do not survive it: docs/findings/setup-backwards.md";
		return false;
	}
	TRY(setup());
	ret = call(running_test, HMMT_API_RUN, &api);
	WANT(!ret, "%s", strerror(-ret));
	if (api.error == -ENODATA) {
		skip = "no memory set aside (api_addr)";
		return false;
	}
	WANT(api.error == (busted("errno") ? api.expected - 1 : api.expected),
	     "%s instead of %s", strerror(-api.error), strerror(-api.expected));
	return verify(0, HMMT_PMD_PAGES - 1);
}

/* Row @which with its @nth allocation failing. @hit: it did fail */
static bool row_failing(int fd, unsigned int which, unsigned int nth, bool *hit)
{
	struct hmmt_api api;
	unsigned int left;
	int ret;

	TRY(setup());
	TRY(nth_set(fd, nth));
	ret = call(which, HMMT_API_RUN, &api);
	TRY(nth_left(fd, &left));
	TRY(nth_set(fd, 0));
	*hit = !left;
	WANT(!ret, "%s: %s", rows[which].name, strerror(-ret));
	WANT(!api.error || api.error == -ENODATA || (*hit && api.error == -ENOMEM),
	     "%s, allocation %u: %s", rows[which].name, nth, strerror(-api.error));
	return verify(0, HMMT_PMD_PAGES - 1);
}

/*
 * Each allocation of each good row fails: it says so, and the next time it works. Not of
 * memory that the CPU maps: that stock kernels do not survive (docs/findings/direct-map.md).
 */
static bool allocations_fail(void)
{
	unsigned int nth, row;
	bool hit;
	int fd;

	if (!faults_setup()) {
		skip = "this kernel injects no faults";
		return false;
	}
	fd = nth_open();
	WANT(fd >= 0, "fail-nth: %s", strerror(errno));
	for (row = 0; row < MAX_ROWS; row++) {
		if (strncmp(rows[row].name, "pagemap_private", 15))
			continue;
		for (nth = 1, hit = true; hit && nth < 1000; nth++)
			TRY(row_failing(fd, row, nth, &hit));
		printf("# %s: %u allocations failed\n", rows[row].name, nth - 2);
		WANT(!hit && nth > 2, "%s: no end, or none failed", rows[row].name);
	}
	close(fd);
	return true;
}

/* How many rows there are, or -errno */
static int read_rows(struct test *tests)
{
	int i, ret = 0;

	for (i = 0; i < MAX_ROWS && !ret; i++) {
		ret = call(i, 0, &rows[i]);
		tests[i] = (struct test) { rows[i].name, run_row };
		if (!ret && rows[i].effect == HMMT_API_WARNS && wanted(&tests[i]))
			splats_planned = warnings;
	}
	return ret == -ENODATA ? i - 1 : ret;
}

int main(int argc, char **argv)
{
	static struct test tests[MAX_ROWS + 1];
	int n, ret;

	known_too = argc == 2 && !strcmp(argv[1], "--known");
	if (!known_too)
		parse_options(argc, argv);
	n = hmmt_open(&dev0, 0) ?: read_rows(tests);
	if (n < 0) {
		printf("KTAP version 1\n1..0 # SKIP no such driver, or kernel: %s\n", strerror(-n));
		return 4;
	}
	hmmt_close(&dev0);
	hmmt_write_file(BUST, "1");
	tests[n++] = (struct test) { "allocations_fail", allocations_fail };
	ret = run_tests("hmm-api", tests, n);
	hmmt_write_file(BUST, "0");
	return ret;
}
