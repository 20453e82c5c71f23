// SPDX-License-Identifier: GPL-2.0
/* Swap in memory, for guests. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <unistd.h>

#include "hmmt.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

/* The first page of a swap area, as mkswap writes it. */
struct swap_header {
	char boot[1024];
	uint32_t version;
	uint32_t last_page;
	uint32_t nr_bad;
	char uuid[16];
	char label[16];
	uint32_t padding[117];
};

int hmmt_swap_on(unsigned int mib)
{
	union {
		struct swap_header h;
		char page[HMMT_PAGE_SIZE];
	} u;
	int fd, ret = 0;
	char size[16];

	snprintf(size, sizeof(size), "%uM", mib);
	ret = hmmt_write_file("/sys/block/zram0/disksize", size);
	if (ret)
		return ret;
	memset(&u, 0, sizeof(u));
	u.h.version = 1;
	u.h.last_page = ((uint64_t)mib << 20) / HMMT_PAGE_SIZE - 1;
	memcpy(u.page + HMMT_PAGE_SIZE - 10, "SWAPSPACE2", 10);
	fd = open(HMMT_SWAP_FILE, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, &u, sizeof(u)) != sizeof(u) || swapon(HMMT_SWAP_FILE, 0))
		ret = -errno;
	close(fd);
	return ret;
}

int hmmt_swap_out(void *at, size_t len)
{
	uint64_t entry = 0;
	unsigned int i;
	int ret;

	for (i = 0; i < 20 && !hmmt_pagemap_decode(entry).swap; i++) {
		/* What waits on another CPU for an LRU list does not go */
		hmmt_drain();
		if (madvise(at, len, MADV_PAGEOUT))
			return -errno;
		ret = hmmt_pagemap_read(getpid(), (unsigned long)at, 1, &entry);
		if (ret)
			return ret;
	}
	return hmmt_pagemap_decode(entry).swap ? 0 : -EBUSY;
}

int hmmt_swap_off(void)
{
	if (swapoff(HMMT_SWAP_FILE))
		return -errno;
	return hmmt_write_file("/sys/block/zram0/reset", "1");
}
