// SPDX-License-Identifier: GPL-2.0
/* /proc/PID/pagemap; the bits are those of Documentation/admin-guide/mm/pagemap.rst. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "hmmt.h"

#define PM_PFN_MASK	((1ULL << 55) - 1)
#define PM_SWAP_TYPE_BITS	5

/* PAGEMAP_SCAN of include/uapi/linux/fs.h, newer than the headers of some */
struct scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t inverted, mask, anyof, return_mask;
};

#define SCAN_WP		(1 << 0)	/* PM_SCAN_WP_MATCHING */
#define SCAN_WRITTEN	(1 << 1)	/* PAGE_IS_WRITTEN */
#define SCAN_CMD	_IOWR('f', 16, struct scan_arg)

struct hmmt_pagemap hmmt_pagemap_decode(uint64_t entry)
{
	struct hmmt_pagemap pm = {
		.present = entry >> 63 & 1,
		.swap = entry >> 62 & 1,
		.file_or_shared = entry >> 61 & 1,
		.uffd_wp = entry >> 57 & 1,
		.exclusive = entry >> 56 & 1,
		.soft_dirty = entry >> 55 & 1,
	};

	/* For swap entries the field is type and offset, not a pfn. */
	if (pm.present)
		pm.pfn = entry & PM_PFN_MASK;
	else if (pm.swap)
		pm.swap_pfn = (entry & PM_PFN_MASK) >> PM_SWAP_TYPE_BITS;
	return pm;
}

int hmmt_pagemap_read(pid_t pid, unsigned long addr, size_t n, uint64_t *out)
{
	off_t off = (addr >> HMMT_PAGE_SHIFT) * sizeof(*out);
	char path[32];
	ssize_t len;
	int fd, ret = 0;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = pread(fd, out, n * sizeof(*out), off);
	if (len < 0)
		ret = -errno;
	else if ((size_t)len != n * sizeof(*out))
		ret = -EIO;
	close(fd);
	return ret;
}

long hmmt_pagemap_scan(unsigned long addr, size_t n)
{
	struct hmmt_region region[64];
	struct scan_arg arg = {
		.size = sizeof(arg), .flags = SCAN_WP, .start = addr,
		.end = addr + n * HMMT_PAGE_SIZE, .vec = (uintptr_t)region, .vec_len = 64,
		.mask = SCAN_WRITTEN, .return_mask = SCAN_WRITTEN,
	};
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), i, ret = 0;
	long pages = 0;

	if (fd < 0)
		return -errno;
	while (arg.start < arg.end) {
		ret = ioctl(fd, SCAN_CMD, &arg);
		if (ret < 0)
			break;
		for (i = 0; i < ret; i++)
			pages += (region[i].end - region[i].start) / HMMT_PAGE_SIZE;
		arg.start = arg.walk_end;
	}
	if (ret < 0)
		pages = -errno;
	close(fd);
	return pages;
}

int hmmt_pagemap_regions(unsigned long addr, size_t len, uint64_t any, uint64_t wanted,
			 struct hmmt_region *out, size_t n)
{
	struct scan_arg arg = {
		.size = sizeof(arg), .start = addr, .end = addr + len,
		.vec = (uintptr_t)out, .vec_len = n, .anyof = any, .return_mask = wanted,
	};
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = ioctl(fd, SCAN_CMD, &arg);
	if (ret < 0)
		ret = -errno;
	close(fd);
	return ret;
}
