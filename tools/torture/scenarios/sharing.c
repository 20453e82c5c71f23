// SPDX-License-Identifier: GPL-2.0
/*
 * Who else has the page, or wants it at this moment.
 *
 * fork-tree: children of children, deep and short-lived, that exit, exec and are
 * killed while their pages are on their way. Races: copy_huge_pmd() of device entries,
 * exit_mmap() against migration and eviction, the mirrors of processes that are gone.
 * Seen by: fork_isolation, slot, conservation, the driver's invariants.
 *
 * cow-siblings: many processes share two THPs which each of them splits,
 * migrates, unmaps in part and writes. Races: a split or migration with mapcount above
 * one, write faults that copy against those that migrate. Seen by: fork_isolation,
 * slot, conservation (mapcounts that do not come back).
 *
 * storm-same-page: everybody touches the one page that has just been sent away,
 * by CPU, by device and by the kernel. Races: migrate_to_ram() against itself, against
 * hmm_range_fault() and GUP on one folio. Seen by: progress, slot.
 *
 * storm-strided: each thread comes to the same block with a stride of its own, so
 * that the pages of one folio fault at once. Races: the split of one device folio by
 * several faults, of part and of whole. Seen by: progress, slot, conservation.
 *
 * held-up: migrations and faults wait in the driver, at each of its points, while
 * somebody else needs the block, changes it, moves it, or dies. Races: those of the other
 * scenarios, but no matter of luck. Seen by: slot, fork_isolation, progress (faults
 * that do not wait), conservation.
 */
#include "scenarios.h"

const struct scenario scenarios_sharing[] = {
	{
		.name = "fork-tree",
		.help = "children of children, that end in the middle",
		.region = { { SHAPE_THP, 4 }, { SHAPE_SIZES, 2 }, { SHAPE_END, 0 } },
		.nr_roles = 1,
		.role = {
			{
				{ "fork", 10 }, { "fork_two", 4 }, { "fork_chain", 6 },
				{ "exit_child", 5 }, { "exec_child", 3 }, { "vfork", 3 },
				{ "ptrace", 2 }, { "mseal", 1 }, { "to_dev", 12 },
				{ "to_dev_part", 4 }, { "evict", 1 }, { "evict_some", 1 },
				{ "read", 12 }, { "write", 16 }, { "dev_read", 4 },
				{ "dev_write", 6 }, { "map_thp", 6 }, { "mremap", 1 },
				{ "dontneed_part", 1 },
			},
		},
		.oracles = ALWAYS | 1U << ORACLE_FORK,
	},
	{
		.name = "cow-siblings",
		.help = "processes that share two THPs, split and migrate them",
		.region = { { SHAPE_THP, 2 }, { SHAPE_END, 0 } },
		.nr_roles = 1,
		.role = {
			{
				{ "fork", 20 }, { "fork_two", 10 }, { "write", 20 }, { "read", 10 },
				{ "to_dev", 14 }, { "to_dev_part", 6 }, { "to_sys", 2 },
				{ "to_sys_part", 3 }, { "evict_some", 2 }, { "dev_write", 6 },
				{ "dev_read", 4 }, { "map_thp", 6 }, { "mprotect_part", 2 },
				{ "kernel_write", 2 }, { "smaps", 1 },
			},
		},
		.oracles = ALWAYS | 1U << ORACLE_FORK,
	},
	{
		.name = "storm-same-page",
		.help = "everybody touches one page that was just sent away",
		.region = { { SHAPE_THP, 3 }, { SHAPE_SIZES, 1 }, { SHAPE_END, 0 } },
		.nr_roles = 4,
		.role = {
			{ { "storm_aim", 20 }, { "storm_same", 6 } },
			{ { "storm_same", 20 }, { "map_thp", 1 } },
			{ { "storm_same", 20 }, { "read", 2 }, { "write", 2 } },
			{ { "storm_same", 20 }, { "dev_read", 2 }, { "dev_write", 2 } },
		},
		.oracles = ALWAYS,
	},
	{
		.name = "storm-strided",
		.help = "threads walk over one block that was just sent away",
		.region = { { SHAPE_THP, 4 }, { SHAPE_PTE, 1 }, { SHAPE_END, 0 } },
		.nr_roles = 2,
		.role = {
			{ { "storm_aim", 20 }, { "storm_stride", 6 }, { "fault_window", 1 },
			  { "fault_part", 1 } },
			{ { "storm_stride", 20 }, { "dev_sweep", 1 }, { "map_thp", 1 } },
		},
		.oracles = ALWAYS,
	},
	{
		.name = "held-up",
		.help = "something happens to memory whose migration is held up",
		.region = { { SHAPE_THP, 3 }, { SHAPE_END, 0 } },
		.nr_roles = 1,
		.role = {
			{
				{ "held_access", 8 }, { "held_discard", 2 }, { "held_free", 2 },
				{ "held_pageout", 5 }, { "held_collapse", 2 },
				{ "held_migrate", 4 }, { "held_evict", 2 }, { "held_protect", 3 },
				{ "held_move", 3 }, { "held_fork", 3 }, { "held_look", 1 },
				{ "held_uffd_move", 2 },
				{ "held_compact", 1 }, { "held_reap", 3 }, { "held_zap", 3 },
				{ "to_dev", 2 }, { "read", 4 }, { "write", 4 }, { "map_thp", 2 },
				{ "mprotect_part", 1 }, { "stale_tlb", 4 },
			},
		},
		.oracles = ALWAYS | 1U << ORACLE_FORK,
	},
	{ .name = NULL },
};
