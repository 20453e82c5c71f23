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
static bool track(char *p, size_t len)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_WP_ASYNC };
	struct uffdio_register reg = {
		.range = { (unsigned long)p, len }, .mode = UFFDIO_REGISTER_MODE_WP,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	return fd >= 0 && !ioctl(fd, UFFDIO_API, &api) && !ioctl(fd, UFFDIO_REGISTER, &reg);
}

/* PAGEMAP_SCAN tells of a page that the device wrote to since the scan before */
static bool scan_page(void)
{
	char *p = thps(1, false);
	uint64_t v = 1;
	long n;

	if (!p || madvise(p, HMMT_PMD_SIZE, MADV_NOHUGEPAGE) || !track(p, HMMT_PMD_SIZE))
		return false;
	*p = 1;
	if (to_dev(p, HMMT_PAGE_SIZE, 0) || hmmt_pagemap_scan((unsigned long)p, 1) != 1 ||
	    hmmt_access(&dev, (unsigned long)p, &v, sizeof(v), HMMT_ACCESS_WRITE, NULL))
		return false;
	n = hmmt_pagemap_scan((unsigned long)p, 1);
	printf("# %ld of 1 page written to by the device\n", n);
	return n == 1;
}

/* PAGEMAP_SCAN tells once of a device THP that nobody writes to any more */
static bool scan_thp(void)
{
	char *p = thps(1, true);
	long first, second;

	if (!p || !track(p, HMMT_PMD_SIZE) || to_dev(p, HMMT_PMD_SIZE, 0))
		return false;
	first = hmmt_pagemap_scan((unsigned long)p, HMMT_PMD_PAGES);
	second = hmmt_pagemap_scan((unsigned long)p, HMMT_PMD_PAGES);
	printf("# %ld pages written, then %ld\n", first, second);
	return first == HMMT_PMD_PAGES && !second;
}

static bool soft_dirty(const char *p)
{
	uint64_t entry = 0;

	hmmt_pagemap_read(getpid(), (unsigned long)p, 1, &entry);
	return hmmt_pagemap_decode(entry).soft_dirty;
}

/* clear_refs clears the soft-dirty bit of a device THP */
static bool softdirty_clear(void)
{
	char *p = thps(1, true);

	return p && !to_dev(p, HMMT_PMD_SIZE, 0) && soft_dirty(p) &&
	       !hmmt_write_file("/proc/self/clear_refs", "4") && !soft_dirty(p);
}

/* What is at @p and was moved is soft-dirty, although nobody wrote to it */
static bool moved_dirty(char *p, bool device)
{
	char *to = p + 4 * HMMT_PMD_SIZE;

	return !hmmt_write_file("/proc/self/clear_refs", "4") && !soft_dirty(p) &&
	       (!device || !to_dev(p, HMMT_PMD_SIZE, 0)) &&
	       mremap(p, HMMT_PMD_SIZE, HMMT_PMD_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to &&
	       soft_dirty(to);
}

static bool softdirty_move(void)
{
	char *p = thps(1, true);

	return p && moved_dirty(p, true);
}

/* Not of device memory: a page that is moved with its page table */
static bool softdirty_table(void)
{
	char *p = thps(1, false);

	if (!p || madvise(p, HMMT_PMD_SIZE, MADV_NOHUGEPAGE))
		return false;
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
