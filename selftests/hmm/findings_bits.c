// SPDX-License-Identifier: GPL-2.0
/* Bits by which writes are tracked: PAGEMAP_SCAN, soft-dirty */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "findings.h"

#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC	(1 << 15)
#endif

/* @len bytes at @p whose writes PAGEMAP_SCAN tells */
static void track(char *p, size_t len)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_WP_ASYNC };
	struct uffdio_register reg = {
		.range = { (unsigned long)p, len }, .mode = UFFDIO_REGISTER_MODE_WP,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	NEED(fd >= 0);
	NEED(!ioctl(fd, UFFDIO_API, &api));
	NEED(!ioctl(fd, UFFDIO_REGISTER, &reg));
}

/* How many of @pages pages were written to since the scan before */
static long scan(const char *p, size_t pages)
{
	long n = hmmt_pagemap_scan((unsigned long)p, pages);

	if (n < 0) {
		errno = -n;
		cannot("PAGEMAP_SCAN");
	}
	return n;
}

/* PAGEMAP_SCAN tells of a page that the device wrote to since the scan before */
static bool scan_page(void)
{
	char *p = thps(1, false);
	long first, second;
	uint64_t v = 1;

	NEED(!madvise(p, HMMT_PMD_SIZE, MADV_NOHUGEPAGE));
	track(p, HMMT_PMD_SIZE);
	*p = 1;
	all_to_dev(p, HMMT_PAGE_SIZE);
	first = scan(p, 1);
	NEED_OK(hmmt_access(&dev, (unsigned long)p, &v, sizeof(v), HMMT_ACCESS_WRITE, NULL));
	second = scan(p, 1);
	printf("# %ld of 1 page written to by the CPU, then %ld by the device\n", first, second);
	return first == 1 && second == 1;
}

/* PAGEMAP_SCAN tells once of a device THP that nobody writes to any more */
static bool scan_thp(void)
{
	char *p = thps(1, true);
	long first, second;

	track(p, HMMT_PMD_SIZE);
	all_to_dev(p, HMMT_PMD_SIZE);
	first = scan(p, HMMT_PMD_PAGES);
	second = scan(p, HMMT_PMD_PAGES);
	printf("# %ld pages written, then %ld\n", first, second);
	return first == HMMT_PMD_PAGES && !second;
}

/* clear_refs clears the soft-dirty bit of a device THP */
static bool softdirty_clear(void)
{
	char *p = thps(1, true);

	all_to_dev(p, HMMT_PMD_SIZE);
	NEED(soft_dirty(p));
	NEED_OK(hmmt_write_file("/proc/self/clear_refs", "4"));
	return !soft_dirty(p);
}

/* What is at @p and was moved is soft-dirty, although nobody wrote to it */
static bool moved_dirty(char *p, bool device)
{
	char *to = p + 4 * HMMT_PMD_SIZE;

	/* on a kernel without soft-dirty nothing ever is */
	NEED(soft_dirty(p));
	NEED_OK(hmmt_write_file("/proc/self/clear_refs", "4"));
	NEED(!soft_dirty(p));
	if (device)
		all_to_dev(p, HMMT_PMD_SIZE);
	NEED(mremap(p, HMMT_PMD_SIZE, HMMT_PMD_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	return soft_dirty(to);
}

static bool softdirty_move(void)
{
	return moved_dirty(thps(1, true), true);
}

/* Not of device memory: a page that is moved with its page table */
static bool softdirty_table(void)
{
	char *p = thps(1, false);

	NEED(!madvise(p, HMMT_PMD_SIZE, MADV_NOHUGEPAGE));
	*p = 1;
	return moved_dirty(p, false);
}

const struct finding bits_findings[] = {
	{ "scan-page", scan_page },
	{ "scan-thp", scan_thp },
	{ "softdirty-clear", softdirty_clear },
	{ "softdirty-move", softdirty_move },
	{ "softdirty-table", softdirty_table },
	{}
};
