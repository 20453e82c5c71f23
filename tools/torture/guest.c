// SPDX-License-Identifier: GPL-2.0
/*
 * A guest is ours: swap, huge pages, a cgroup and knobs that the vocabulary
 * needs. What cannot be had is missing later, and said to be: see ops/needs.c.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <unistd.h>

#include "torture.h"

#define SWAP_FILE	"/dev/zram0"
#define SWAP_MIB	128

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

static void make_swap(void)
{
	union {
		struct swap_header h;
		char page[HMMT_PAGE_SIZE];
	} u;
	char size[16];
	int fd;

	snprintf(size, sizeof(size), "%uM", SWAP_MIB);
	if (hmmt_write_file("/sys/block/zram0/disksize", size))
		return;
	memset(&u, 0, sizeof(u));
	u.h.version = 1;
	u.h.last_page = (SWAP_MIB << 20) / HMMT_PAGE_SIZE - 1;
	memcpy(u.page + HMMT_PAGE_SIZE - 10, "SWAPSPACE2", 10);
	fd = open(SWAP_FILE, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, &u, sizeof(u)) == sizeof(u))
		swapon(SWAP_FILE, 0);
	close(fd);
}

void guest_setup(const struct config *cfg)
{
	static const char * const knobs[][2] = {
		{ "/proc/sys/vm/nr_hugepages", "4" },
		{ "/proc/sys/kernel/core_pattern", "/tmp/core.%e" },
		{ "/sys/kernel/mm/transparent_hugepage/shmem_enabled", "advise" },
		{ "/sys/kernel/mm/ksm/sleep_millisecs", "20" },
		{ "/sys/kernel/mm/ksm/pages_to_scan", "512" },
		{ "/sys/fs/cgroup/cgroup.subtree_control", "+memory" },
	};
	unsigned int i;

	if (!cfg->guest)
		return;
	for (i = 0; i < ARRAY_SIZE(knobs); i++)
		hmmt_write_file(knobs[i][0], knobs[i][1]);
	make_swap();
	/* Everything below the supervisor is in here. */
	if (!mkdir(GUEST_CGROUP, 0755))
		hmmt_write_file(GUEST_CGROUP "/cgroup.procs", "0");
}

void guest_settle(const struct config *cfg)
{
	/* What is left in the swap cache for no process goes with the swap. */
	if (cfg->guest && !swapoff(SWAP_FILE))
		swapon(SWAP_FILE, 0);
}
