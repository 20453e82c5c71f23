// SPDX-License-Identifier: GPL-2.0
/*
 * A guest is ours: swap, huge pages, a cgroup and knobs that the vocabulary
 * needs. What cannot be had is missing later, and said to be: see ops/needs.c.
 */
#include <stdio.h>
#include <stdlib.h>
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

static bool knob_is(const char *path, unsigned long val)
{
	char buf[64];

	return hmmt_read_file(path, buf, sizeof(buf)) > 0 && strtoul(buf, NULL, 0) == val;
}

/*
 * What ops have set is not for the next round, which is to be the same in a program of its
 * own. Nothing is written for nothing: khugepaged wakes up of it.
 */
void guest_reset(const struct config *cfg)
{
	static const struct {
		const char *path;
		unsigned long val;
	} defaults[] = {
		{ NUMA_BALANCING, 0 },
		{ "/sys/kernel/mm/lru_gen/enabled", 0 },
		{ KHUGEPAGED "pages_to_scan", 4096 },
		{ KHUGEPAGED "alloc_sleep_millisecs", 60000 },
		{ KHUGEPAGED "scan_sleep_millisecs", 10000 },
	};
	char val[32];
	unsigned int i;

	for (i = 0; cfg->guest && i < ARRAY_SIZE(defaults); i++) {
		if (knob_is(defaults[i].path, defaults[i].val))
			continue;
		snprintf(val, sizeof(val), "%lu", defaults[i].val);
		hmmt_write_file(defaults[i].path, val);
	}
}

void guest_settle(const struct config *cfg)
{
	/* What is left in the swap cache for no process goes with the swap. */
	if (cfg->guest && !swapoff(HMMT_SWAP_FILE))
		swapon(HMMT_SWAP_FILE, 0);
}
