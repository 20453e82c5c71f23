// SPDX-License-Identifier: GPL-2.0
/*
 * What the memory looks like, and how it is cut up.
 *
 * mremap-nonsense: the wish on the list: a ton of moves that no one would
 * make. Whole and part THPs to aligned and unaligned places, hardly anything else,
 * while the others fault, let devices access, and migrate fewer pages than the folio
 * has. Races: move_page_tables() against collection and against the split of a
 * PTE-mapped folio at collection. Seen by: slot, progress (a fault that never gets
 * its page back, a leftover migration entry), conservation.
 *
 * partial-unmap: device THPs lose pages out of their middle, by munmap(),
 * MAP_FIXED, DONTNEED, FREE and mprotect(), with and without a fault before. Races:
 * zap of a part of a device PMD against its split, its migration, its eviction. Seen
 * by: conservation (RSS, page tables, device pages), slot, negative.
 *
 * mthp: folios of every size, whole, in parts and across their ends. Races:
 * collection of PTE-mapped large folios against faults on their other pages. Seen
 * by: progress, slot, conservation (the counters of each size).
 *
 * zero-and-holes: the zero pages, ranges that are partly there, read-only THPs:
 * insertion of device pages where nothing was. Races: migrate_vma_insert_page()
 * and its huge twin against faults, discards and userfaultfd. Seen by: slot (old data
 * where zeros have to be), negative, snapshot, conservation.
 */
#include "../ops/ops.h"
#include "scenarios.h"

const struct scenario scenarios_layout[] = {
	{
		.name = "mremap-nonsense",
		.help = "a ton of moves that no one would make",
		.region = {
			{ SHAPE_THP, 8 }, { SHAPE_PTE, 2 }, { SHAPE_SIZES, 2 }, { SHAPE_HOLE, 8 },
			{ SHAPE_END, 0 },
		},
		.nr_roles = 2,
		.role = {
			{
				{ "mremap", 12 }, { "mremap_over", 8 }, { "mremap_multi", 6 },
				{ "mremap_unaligned", 12 }, { "mremap_realign", 10 },
				{ "mremap_part", 16 }, { "mremap_dontunmap", 8 },
				{ "mremap_grow", 6 }, { "mremap_shrink", 6 },
				{ "mremap_inplace", 6 }, { "mremap_chain", 20 },
				{ "mremap_shifted", 12 }, { "map_thp", 8 }, { "mprotect_part", 2 },
			},
			{
				{ "read", 20 }, { "write", 20 }, { "sweep", 6 }, { "dev_read", 10 },
				{ "dev_write", 10 }, { "dev_sweep", 3 }, { "to_dev", 8 },
				{ "to_dev_part", 16 }, { "to_dev_unaligned", 8 },
				{ "to_sys_part", 6 }, { "to_sys_unaligned", 4 },
				{ "kernel_read", 4 }, { "kernel_write", 4 }, { "fault_window", 1 },
				{ "fault_part", 1 },
			},
		},
		.oracles = ALWAYS,
	},
	{
		.name = "partial-unmap",
		.help = "holes are torn into device THPs",
		.region = {
			{ SHAPE_THP, 10 }, { SHAPE_PTE, 1 }, { SHAPE_SIZES, 2 }, { SHAPE_HOLE, 1 },
			{ SHAPE_END, 0 },
		},
		.nr_roles = 1,
		.role = {
			{
				{ "munmap_part", 12 }, { "map_part", 10 }, { "dontneed_part", 10 },
				{ "free", 6 }, { "mprotect_part", 8 }, { "munmap", 1 },
				{ "guard", 4 }, { "split", 2 },
				{ "map_thp", 14 }, { "to_dev", 20 }, { "to_dev_part", 8 },
				{ "to_sys", 2 }, { "to_sys_part", 6 }, { "evict", 1 },
				{ "evict_some", 3 }, { "read", 14 }, { "write", 14 },
				{ "dev_read", 6 }, { "dev_write", 6 }, { "probe", 8 },
				{ "dev_probe", 3 }, { "pagemap", 2 }, { "smaps", 1 },
			},
		},
		.oracles = ALWAYS | 1U << ORACLE_READER,
	},
	{
		.name = "mthp",
		.help = "folios of every size",
		.region = {
			{ SHAPE_SIZES, 6 }, { SHAPE_MTHP, 4 }, { SHAPE_HOLE, 4 }, { SHAPE_END, 0 },
		},
		.nr_roles = 1,
		.needs = NEED_MTHP,
		.role = {
			{
				{ "map_mthp", 20 }, { "to_dev", 12 }, { "to_dev_part", 16 },
				{ "to_dev_unaligned", 6 }, { "to_dev_base", 3 }, { "to_sys", 4 },
				{ "to_sys_part", 6 }, { "read", 20 }, { "write", 20 },
				{ "sweep", 6 }, { "probe", 4 }, { "dev_read", 8 },
				{ "dev_write", 8 }, { "mremap_part", 5 }, { "munmap_part", 2 },
				{ "dontneed_part", 2 }, { "mprotect_part", 3 }, { "collapse", 1 },
				{ "split", 5 }, { "fork", 2 }, { "pagemap", 1 },
			},
		},
		.oracles = ALWAYS,
	},
	{
		.name = "zero-and-holes",
		.help = "zero pages, holes, read-only THPs",
		.region = {
			{ SHAPE_ZERO, 5 }, { SHAPE_SPARSE, 3 }, { SHAPE_READ, 2 }, { SHAPE_THP, 2 },
			{ SHAPE_HOLE, 2 }, { SHAPE_END, 0 },
		},
		.nr_roles = 1,
		.role = {
			{
				{ "map_zero", 12 }, { "map_sparse", 6 }, { "to_dev", 16 },
				{ "to_dev_part", 10 }, { "to_dev_multi", 3 }, { "to_sys", 4 },
				{ "to_sys_part", 4 }, { "dontneed", 4 }, { "dontneed_part", 6 },
				{ "guard", 3 },
				{ "mprotect", 4 }, { "mprotect_part", 4 }, { "populate", 4 },
				{ "read", 20 }, { "write", 10 }, { "probe", 8 }, { "dev_read", 10 },
				{ "dev_write", 6 }, { "dev_probe", 4 }, { "snapshot", 4 },
				{ "stale_tlb", 2 },
				{ "kernel_read", 3 }, { "kernel_write", 3 }, { "pagemap", 2 },
			},
		},
		.oracles = ALWAYS | 1U << ORACLE_SNAPSHOT,
	},
	{ .name = NULL },
};
