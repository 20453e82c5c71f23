// SPDX-License-Identifier: GPL-2.0
/*
 * The first four: moves, forks, storms, and everything at once.
 *
 * mremap: page tables are moved while the device holds the pages. Races:
 * move_page_tables() against collection, against the split of a device PMD on
 * an unaligned target, and against faults on both ends; migration of fewer
 * pages than the folio afterwards. Seen by: slot (wrong offset, lost page),
 * negative (a page left behind), progress (a PTE-mapped large device folio
 * that nobody splits), conservation (deposited page tables).
 *
 * fork: device PMDs and PTEs are copied while both sides write and migrate.
 * Races: copy_huge_pmd() of a device entry against its split, sharers of one
 * device folio migrating it from different address spaces, COW of device
 * pages, exit with everything mapped. Seen by: fork_isolation, slot,
 * conservation (mapcounts that do not come back).
 *
 * storm: all workers fault the block that one has just sent away. Races:
 * migrate_to_ram() against itself on one folio, against eviction, against the
 * next migration to the device, on PMD- and PTE-mapped folios. Seen by:
 * progress (a fault retaken for ever), slot (two copies of a page), and the
 * kernel's own checks.
 *
 * everything: all ops at once, for what nobody thought of.
 */
#include "scenarios.h"

const struct scenario scenarios_basic[] = {
	{
		.name = "mremap",
		.help = "moves of all kinds, with migration and access at the same time",
		.region = {
			{ SHAPE_THP, 10 }, { SHAPE_HOLE, 4 }, { SHAPE_MTHP, 2 },
			{ SHAPE_BASE, 2 }, { SHAPE_HOLE, 6 }, { SHAPE_END, 0 },
		},
		.nr_roles = 2,
		.role = {
			{ /* moves */
				{ "mremap", 10 }, { "mremap_over", 6 }, { "mremap_multi", 3 },
				{ "mremap_unaligned", 6 }, { "mremap_realign", 5 },
				{ "mremap_part", 8 }, { "mremap_dontunmap", 5 },
				{ "mremap_grow", 4 }, { "mremap_shrink", 4 },
				{ "mremap_inplace", 4 }, { "mremap_chain", 4 },
				{ "mremap_shifted", 6 }, { "map_thp", 18 }, { "map_mthp", 3 },
				{ "mprotect_part", 3 }, { "mprotect", 3 }, { "munmap_part", 2 },
				{ "to_dev", 10 }, { "to_dev_part", 6 }, { "to_dev_unaligned", 5 },
				{ "read", 10 }, { "write", 10 },
			},
			{ /* uses what is moved */
				{ "read", 30 }, { "write", 30 }, { "sweep", 8 }, { "probe", 10 },
				{ "stare", 10 }, { "stale_tlb", 2 }, { "dev_read", 15 },
				{ "dev_write", 15 },
				{ "dev_probe", 6 }, { "dev_sweep", 4 }, { "snapshot", 10 },
				{ "to_dev", 12 },
				{ "to_dev_multi", 4 }, { "to_dev_part", 8 },
				{ "to_dev_unaligned", 5 }, { "to_dev_base", 3 },
				{ "to_dev_split", 3 }, { "to_sys", 4 }, { "to_sys_part", 5 },
				{ "to_sys_unaligned", 4 }, { "to_sys_base", 2 },
				{ "to_sys_split", 2 }, { "migrate_drop", 2 }, { "map_thp", 10 },
			},
		},
		.oracles = ALWAYS | 1U << ORACLE_SNAPSHOT,
	},
	{
		.name = "fork",
		.help = "children that read, write, migrate and fork again, beside the parent",
		.region = {
			{ SHAPE_THP, 8 }, { SHAPE_MTHP, 2 }, { SHAPE_BASE, 1 }, { SHAPE_HOLE, 1 },
			{ SHAPE_END, 0 },
		},
		.nr_roles = 1,
		.role = {
			{
				{ "fork", 12 }, { "fork_two", 4 }, { "read", 30 }, { "write", 40 },
				{ "sweep", 6 }, { "probe", 4 }, { "dev_read", 10 },
				{ "dev_write", 12 }, { "dev_sweep", 2 }, { "to_dev", 20 },
				{ "to_dev_multi", 4 }, { "to_dev_part", 8 }, { "to_dev_base", 3 },
				{ "to_dev_split", 3 }, { "to_sys", 5 }, { "to_sys_part", 5 },
				{ "to_sys_split", 2 }, { "evict", 1 }, { "map_thp", 10 },
				{ "map_part", 1 },
				{ "mprotect", 2 }, { "mprotect_part", 2 }, { "dontneed_part", 2 },
				{ "munmap_part", 1 }, { "mremap_shifted", 1 }, { "mremap", 2 },
			},
		},
		.oracles = ALWAYS | 1U << ORACLE_FORK,
	},
	{
		.name = "storm",
		.help = "all workers fault the block that one of them migrates",
		.region = {
			{ SHAPE_THP, 6 }, { SHAPE_MTHP, 1 }, { SHAPE_HOLE, 1 }, { SHAPE_END, 0 },
		},
		.nr_roles = 2,
		.role = {
			{ /* aims */
				{ "storm_aim", 20 }, { "storm_hit", 6 }, { "to_dev_unaligned", 2 },
				{ "to_dev_part", 2 }, { "to_dev_multi", 1 }, { "to_dev_split", 1 },
				{ "to_sys", 2 }, { "to_sys_part", 2 }, { "evict", 1 },
				{ "map_thp", 2 }, { "mremap_shifted", 1 }, { "split", 1 },
			},
			{ /* hits */
				{ "storm_hit", 40 }, { "read", 10 }, { "write", 10 },
				{ "sweep", 3 },
				{ "dev_read", 6 }, { "dev_write", 6 }, { "probe", 2 },
				{ "dev_probe", 1 }, { "storm_aim", 1 }, { "to_dev", 2 },
				{ "mprotect", 1 },
			},
		},
		.oracles = ALWAYS,
	},
	{
		.name = "everything",
		.help = "all ops at once",
		.region = {
			{ SHAPE_THP, 9 }, { SHAPE_HOLE, 3 }, { SHAPE_MTHP, 2 }, { SHAPE_BASE, 1 },
			{ SHAPE_HOLE, 1 }, { SHAPE_END, 0 },
		},
		.nr_roles = 1,
		.role = { { { "*", 1 } } },
		.oracles = ALWAYS | 1U << ORACLE_FORK | 1U << ORACLE_SNAPSHOT,
	},
	{ .name = NULL },
};
