// SPDX-License-Identifier: GPL-2.0
/*
 * What devices do beside migration, and what becomes of them.
 *
 * gup-and-uring: pages are pinned by the driver and by io_uring, read and written by
 * the kernel, while migrations try to take them. Races: GUP against collection and
 * against the split of device folios; a pin that comes between unmapping and the check
 * of the reference count. Seen by: snapshot (a pinned page that went), slot.
 *
 * oversubscribe-evict: more memory than the device has, whose allocations also fail
 * on request, with evictions all the time. Races: eviction by page number against
 * faults, unmapping and exit of the owner. Seen by: slot, driver_check, conservation.
 *
 * device-to-device: one range, two devices, exclusive access. Races: migration from
 * one to the other against faults to either. Seen by: slot, snapshot, driver_check.
 *
 * unplug-and-rmmod: memory of the devices goes and comes back, chunk by chunk, and with
 * the last chunk of a pagemap its struct pages; between rounds all of the driver goes, while a
 * process still has its pages. Races: unplugging against allocation, fault, eviction,
 * migration to the other device. Seen by: slot, the driver's invariants, also at unload.
 *
 * random-mix: all ops, with weights that each round draws by the seed: some often,
 * some not at all, for what no table says.
 */
#include "../ops/ops.h"
#include "scenarios.h"

const struct scenario scenarios_device[] = {
	{
		.name = "gup-and-uring",
		.help = "pins, io_uring, and migrations that must be refused",
		.region = { { SHAPE_THP, 6 }, { SHAPE_SIZES, 2 }, { SHAPE_END, 0 } },
		.nr_roles = 1,
		.role = {
			{
				{ "pin", 10 }, { "pin_hold", 4 }, { "pin_drop", 4 },
				{ "splice_hold", 8 },
				{ "uring_fixed", 8 }, { "uring_many", 8 }, { "uring_device", 8 },
				{ "kernel_read", 10 }, { "kernel_write", 10 },
				{ "kernel_probe", 4 }, { "coredump", 1 }, { "ptrace", 1 },
				{ "to_dev", 16 }, { "to_dev_part", 6 }, { "evict_some", 2 },
				{ "read", 6 }, { "write", 6 }, { "dev_write", 4 },
				{ "dev_read", 4 }, { "map_thp", 5 }, { "mprotect_part", 2 },
				{ "fork", 2 },
				{ "munmap_part", 1 }, { "mremap_part", 2 }, { "dontneed_part", 1 },
			},
		},
		.oracles = ALWAYS | 1U << ORACLE_SNAPSHOT,
	},
	{
		.name = "oversubscribe-evict",
		.help = "more than the device has, and evictions all the time",
		.region = { { SHAPE_THP, 30 }, { SHAPE_SIZES, 2 }, { SHAPE_END, 0 } },
		.nr_roles = 1,
		.role = {
			{
				{ "to_dev_multi", 20 }, { "to_dev", 10 }, { "to_dev_part", 10 },
				{ "to_dev_base", 5 }, { "evict", 3 }, { "evict_some", 12 },
				{ "inject", 4 }, { "read", 10 }, { "write", 10 }, { "sweep", 3 },
				{ "dev_read", 6 }, { "dev_write", 6 }, { "munmap_part", 2 },
				{ "map_thp", 8 }, { "fork", 3 }, { "mremap_part", 1 },
			},
		},
		.oracles = ALWAYS,
	},
	{
		.name = "device-to-device",
		.help = "two devices on one range",
		.region = { { SHAPE_THP, 6 }, { SHAPE_SIZES, 1 }, { SHAPE_END, 0 } },
		.nr_roles = 1,
		.needs = NEED_DEV2,
		.role = {
			{
				{ "to_peer", 20 }, { "to_dev", 8 }, { "to_dev_part", 4 },
				{ "exclusive", 6 }, { "dev_read", 16 }, { "dev_write", 16 },
				{ "dev_sweep", 3 }, { "checksum", 2 }, { "snapshot", 4 },
				{ "read", 6 }, { "write", 6 }, { "evict", 1 }, { "evict_some", 2 },
				{ "fault_window", 1 }, { "fault_part", 1 }, { "fork", 2 },
				{ "map_thp", 5 }, { "mprotect_part", 2 }, { "munmap_part", 1 },
			},
		},
		.oracles = ALWAYS | 1U << ORACLE_SNAPSHOT,
	},
	{
		.name = "unplug-and-rmmod",
		.help = "device memory goes under load, between rounds all of the driver",
		.region = { { SHAPE_THP, 6 }, { SHAPE_SIZES, 1 }, { SHAPE_END, 0 } },
		.nr_roles = 1,
		.needs = NEED_GUEST | NEED_DEV | NEED_MODULE,
		.unload = true,
		.role = {
			{
				{ "to_dev", 20 }, { "to_dev_part", 6 }, { "dev_read", 8 },
				{ "dev_write", 8 }, { "read", 6 }, { "write", 8 }, { "fork", 4 },
				{ "map_thp", 8 }, { "munmap_part", 2 }, { "pin_hold", 2 },
				{ "exclusive", 2 }, { "unplug", 6 }, { "plug", 4 },
				{ "to_peer", 4 }, { "evict_some", 1 },
			},
		},
		.oracles = ALWAYS,
	},
	{
		.name = "random-mix",
		.help = "all ops, with weights that each round draws by the seed",
		.region = {
			{ SHAPE_THP, 6 }, { SHAPE_PTE, 1 }, { SHAPE_SIZES, 2 }, { SHAPE_ZERO, 1 },
			{ SHAPE_SPARSE, 1 }, { SHAPE_READ, 1 }, { SHAPE_HOLE, 2 }, { SHAPE_END, 0 },
		},
		.nr_roles = 1,
		.shuffle = true,
		.role = { { { "*", 1 } } },
		.oracles = 1U << ORACLE_SLOT | 1U << ORACLE_NEGATIVE | 1U << ORACLE_PROGRESS |
			   1U << ORACLE_CONSERVATION | 1U << ORACLE_DRIVER,
	},
	{ .name = NULL },
};
