// SPDX-License-Identifier: GPL-2.0
/*
 * A guest is ours: swap, huge pages, a cgroup and knobs that the vocabulary
 * needs. What cannot be had is missing later, and said to be: see ops/needs.c.
 */
#include <sys/stat.h>
#include <sys/swap.h>

#include "torture.h"

#define SWAP_MIB	128
#define NUMA_KNOBS	"/sys/kernel/debug/sched/numa_balancing/"

void guest_setup(const struct config *cfg)
{
	static const char * const knobs[][2] = {
		{ "/proc/sys/vm/nr_hugepages", "4" },
		{ "/proc/sys/kernel/core_pattern", "/tmp/core.%e" },
		{ "/sys/kernel/mm/transparent_hugepage/shmem_enabled", "advise" },
		{ "/sys/kernel/mm/ksm/sleep_millisecs", "20" },
		{ "/sys/kernel/mm/ksm/pages_to_scan", "512" },
		/* a look at some THPs after 20 ms of a thread's time, not after a second */
		{ NUMA_KNOBS "scan_delay_ms", "1" },
		{ NUMA_KNOBS "scan_period_min_ms", "20" },
		{ NUMA_KNOBS "scan_period_max_ms", "40" },
		{ NUMA_KNOBS "scan_size_mb", "16" },
		{ "/sys/fs/cgroup/cgroup.subtree_control", "+memory" },
	};
	unsigned int i;

	if (!cfg->guest)
		return;
	for (i = 0; i < ARRAY_SIZE(knobs); i++)
		hmmt_write_file(knobs[i][0], knobs[i][1]);
	hmmt_swap_on(SWAP_MIB);
	/* Everything below the supervisor is in here. */
	if (!mkdir(GUEST_CGROUP, 0755))
		hmmt_write_file(GUEST_CGROUP "/cgroup.procs", "0");
}

void guest_settle(const struct config *cfg)
{
	/* What is left in the swap cache for no process goes with the swap. */
	if (cfg->guest && !swapoff(HMMT_SWAP_FILE))
		swapon(HMMT_SWAP_FILE, 0);
}
