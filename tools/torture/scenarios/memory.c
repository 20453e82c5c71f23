// SPDX-License-Identifier: GPL-2.0
/*
 * The rest of the memory management, beside devices.
 *
 * swap-and-reclaim: pages go to swap and come back between migrations. Races:
 * reclaim and swap-in against collection (swap cache, lazyfree, dirty bits). Seen by:
 * slot (a write that reclaim lost), conservation, readers.
 *
 * khugepaged-collapse: THPs are split and put together again, by khugepaged and on
 * request. Races: collapse against migration entries and device entries in the
 * range. Seen by: slot, conservation, reader (a page that is nowhere).
 *
 * merged-pages: KSM makes one page of many, while they are migrated. Races: ksmd, which
 * maps the merged page before it can be found from it, against collection. Seen by:
 * progress (a migration entry that stays), slot.
 *
 * compaction-and-node-moves: the kernel's other migration, of the same folios at
 * the same time, now and then by where its scheduler wants pages. Races: folio_isolate_lru()
 * and migration entries of both, entries without access against all. Seen by: slot, progress,
 * conservation (isolated pages).
 *
 * uffd: missing, write-protected and moved ranges of device THPs, and what is put to
 * where they are. Races: the bits in entries against their splits and migrations. Seen by:
 * reader (lost protection, an event that never came), slot, progress.
 *
 * readers: everything that walks page tables and only looks, over entries of all
 * kinds. Races: walks against splits. Seen by: reader, the kernel's own checks.
 *
 * oom-and-memcg: processes die in full cgroups, pages fail, CPUs go. Races: the OOM
 * reaper and memory failure against device entries. Seen by: conservation, slot.
 */
#include "../ops/ops.h"
#include "scenarios.h"

#define USE	{ "read", 12 }, { "write", 14 }, { "dev_read", 5 }, { "dev_write", 6 }, \
		{ "to_dev", 12 }, { "to_dev_part", 5 }, { "to_sys_part", 3 }, { "map_thp", 5 }

const struct scenario scenarios_memory[] = {
	{
		.name = "swap-and-reclaim",
		.help = "swap, reclaim and migration by turns",
		.region = {
			{ SHAPE_THP, 8 }, { SHAPE_SIZES, 2 }, { SHAPE_BASE, 1 }, { SHAPE_END, 0 },
		},
		.nr_roles = 1,
		.needs = NEED_SWAP,
		.role = {
			{
				{ "pageout", 16 }, { "reclaim", 3 }, { "cold", 4 }, { "free", 8 },
				{ "lru_gen", 1 }, { "mlock", 2 }, { "fork", 2 }, { "pagemap", 2 },
				{ "smaps", 1 }, { "mincore", 2 }, { "dontneed_part", 2 },
				{ "mprotect_part", 2 }, { "kernel_read", 3 }, { "damon", 1 }, USE,
			},
		},
		.oracles = ALWAYS | 1U << ORACLE_READER,
	},
	{
		.name = "khugepaged-collapse",
		.help = "THPs are split, and put together again",
		.region = {
			{ SHAPE_THP, 4 }, { SHAPE_PTE, 3 }, { SHAPE_SPARSE, 3 }, { SHAPE_END, 0 },
		},
		.nr_roles = 1,
		.needs = NEED_THP,
		.role = {
			{
				{ "collapse", 16 }, { "khugepaged", 1 }, { "hugepage", 3 },
				{ "nohugepage", 2 }, { "to_dev_base", 4 }, { "to_sys_base", 4 },
				{ "mprotect_part", 4 }, { "dontneed_part", 4 }, { "map_sparse", 4 },
				{ "fork", 2 }, { "pagemap", 2 }, { "snapshot", 2 }, USE,
			},
		},
		.oracles = ALWAYS | 1U << ORACLE_READER,
	},
	{
		.name = "merged-pages",
		.help = "KSM merges pages while they are migrated",
		.region = { { SHAPE_THP, 2 }, { SHAPE_END, 0 } },
		.nr_roles = 1,
		.needs = NEED_KSM,
		.role = {
			{ { "ksm", 10 }, { "evict", 1 }, { "fork", 2 }, { "munmap_part", 1 }, USE },
		},
		.oracles = ALWAYS,
	},
	{
		.name = "compaction-and-node-moves",
		.help = "the kernel's other migration",
		.region = {
			{ SHAPE_THP, 8 }, { SHAPE_SIZES, 2 }, { SHAPE_BASE, 1 }, { SHAPE_END, 0 },
		},
		.nr_roles = 1,
		.role = {
			{
				{ "move_pages", 12 }, { "mbind", 8 }, { "migrate_pages", 1 },
				{ "compact", 2 }, { "split", 3 }, { "numa_balance", 3 },
				{ "numa_maps", 1 },
				{ "fork", 2 }, { "mprotect_part", 2 }, { "mremap", 2 },
				{ "munmap_part", 1 }, { "evict_some", 1 }, { "snapshot", 3 }, USE,
			},
		},
		.oracles = ALWAYS,
	},
	{
		.name = "uffd",
		.help = "userfaultfd over device THPs",
		.region = { { SHAPE_THP, 4 }, { SHAPE_END, 0 } },
		.nr_roles = 1,
		.needs = NEED_UFFD,
		.role = {
			{
				{ "uffd_missing", 10 }, { "uffd_wp", 12 }, { "uffd_minor", 3 },
				{ "uffd_move", 10 }, { "uffd_wp_zero", 6 }, { "uffd_move_onto", 6 },
				{ "uffd_copy_onto", 4 }, { "to_dev", 6 }, { "evict", 1 },
				{ "read", 6 }, { "write", 6 }, { "dev_read", 3 },
				{ "dev_write", 3 }, { "map_thp", 6 },
			},
		},
		.oracles = ALWAYS | 1U << ORACLE_READER,
	},
	{
		.name = "readers",
		.help = "pagemap, smaps, mincore, clear_refs over everything",
		.region = {
			{ SHAPE_THP, 6 }, { SHAPE_PTE, 1 }, { SHAPE_SIZES, 2 }, { SHAPE_ZERO, 1 },
			{ SHAPE_SPARSE, 1 }, { SHAPE_HOLE, 1 }, { SHAPE_END, 0 },
		},
		.nr_roles = 2,
		.role = {
			{
				{ "pagemap", 10 }, { "pagemap_scan", 8 }, { "smaps", 4 },
				{ "smaps_rollup", 2 }, { "numa_maps", 2 }, { "mincore", 6 },
				{ "clear_refs", 2 }, { "snapshot", 6 }, { "smaps_shared", 2 },
				{ "smaps_shared_base", 2 }, { "soft_dirty", 6 }, USE,
			},
			{
				{ "mremap_part", 3 }, { "mprotect_part", 4 }, { "munmap_part", 2 },
				{ "dontneed_part", 3 }, { "pageout", 2 }, { "fork", 2 },
				{ "to_sys_base", 2 }, { "evict_some", 2 }, USE,
			},
		},
		.oracles = ALWAYS | 1U << ORACLE_READER | 1U << ORACLE_SNAPSHOT,
	},
	{
		.name = "oom-and-memcg",
		.help = "full cgroups, failing pages, CPUs that go",
		.region = { { SHAPE_THP, 5 }, { SHAPE_SIZES, 1 }, { SHAPE_END, 0 } },
		.nr_roles = 1,
		.needs = NEED_GUEST,
		.role = {
			{
				{ "oom", 6 }, { "poison", 4 }, { "cpu_off", 2 }, { "coredump", 2 },
				{ "exit_child", 2 }, { "reclaim", 1 }, { "evict", 1 },
				{ "munmap_part", 1 }, USE,
			},
		},
		.oracles = ALWAYS,
	},
	{ .name = NULL },
};
