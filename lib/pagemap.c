// SPDX-License-Identifier: GPL-2.0
/* /proc/PID/pagemap; the bits are those of Documentation/admin-guide/mm/pagemap.rst. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "hmmt.h"

#define PM_PFN_MASK	((1ULL << 55) - 1)

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
