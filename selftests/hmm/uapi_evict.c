// SPDX-License-Identifier: GPL-2.0
/* hmm-uapi: eviction in all modes, by the numbers of the pages */
#include <errno.h>
#include <unistd.h>

#include "uapi.h"

/* Device page number of a page, from the entry that stands in the page table */
static uint64_t device_pfn(unsigned long page)
{
	uint64_t entry;

	if (hmmt_pagemap_read(getpid(), at(page), 1, &entry))
		return 0;
	return entry >> 5 & ((1ULL << 50) - 1);
}

bool evict_chunk(void)
{
	struct hmmt_evict e = { .mode = HMMT_EVICT_CHUNK };
	struct hmmt_migrate m;
	int ret;

	TRY(fill(2, true));
	TRY(migrate(&dev0, 0, 2 * PAGES, 0, &m));
	e.pfn = device_pfn(PAGES + 3);
	ret = hmmt_evict_some(&dev0, &e);
	WANT(!ret && e.migrated == PAGES && e.left == PAGES, "ret %d migrated %llu left %llu",
	     ret, e.migrated, e.left);
	WANT(in_device(0) && !in_device(PAGES), "snapshot %#x %#x", snap(0), snap(PAGES));
	return verify(0, 2 * PAGES);
}

bool evict_range(void)
{
	struct hmmt_evict e = { .mode = HMMT_EVICT_RANGE, .nr = 1 };
	int ret;

	TRY(base_in_device());
	e.pfn = device_pfn(7);
	ret = hmmt_evict_some(&dev0, &e);
	WANT(!ret && e.migrated == 1 && e.left == PAGES - 1, "ret %d migrated %llu left %llu",
	     ret, e.migrated, e.left);
	WANT(!in_device(7) && in_device(6) && in_device(8), "snapshot %#x", snap(7));
	return verify(0, PAGES);
}

bool evict_pfns(void)
{
	static const unsigned int pages[] = { 3, 500, 4, 77 };
	struct hmmt_evict e = { .mode = HMMT_EVICT_PFNS, .nr = 4 };
	uint64_t pfns[4];
	unsigned int i;
	int ret;

	TRY(base_in_device());
	for (i = 0; i < 4; i++)
		pfns[i] = device_pfn(pages[i]);
	e.ptr = (uintptr_t)pfns;
	ret = hmmt_evict_some(&dev0, &e);
	if (ret == -EOPNOTSUPP) {
		skip = "this kernel has no migrate_device_pfns()";
		return false;
	}
	WANT(!ret && e.migrated == 4 && e.left == PAGES - 4, "ret %d migrated %llu left %llu",
	     ret, e.migrated, e.left);
	for (i = 0; i < 4; i++)
		WANT(!in_device(pages[i]), "page %u: %#x", pages[i], snap(pages[i]));
	pfns[1] = pfns[0];
	e = (struct hmmt_evict) { .mode = HMMT_EVICT_PFNS, .nr = 2, .ptr = (uintptr_t)pfns };
	ret = hmmt_evict_some(&dev0, &e);
	WANT(ret == -EINVAL, "named twice: %d", ret);
	return verify(0, PAGES);
}

/* A list of page numbers that names a THP by its first page only, or all of it */
bool evict_thp(void)
{
	struct hmmt_evict e = { .mode = HMMT_EVICT_RANGE, .nr = 100 };
	uint64_t pfns[PAGES];
	unsigned int i;
	int ret;

	if (!whole_thps) {
		skip = "this kernel migrates base pages only";
		return false;
	}
	TRY(thp_in_device());
	for (i = 0; i < PAGES; i++)
		pfns[i] = device_pfn(i);
	e.pfn = pfns[0];
	ret = hmmt_evict_some(&dev0, &e);
	WANT(!ret && !e.migrated && e.left == PAGES, "a part: ret %d migrated %llu", ret,
	     e.migrated);
	e = (struct hmmt_evict) { .mode = HMMT_EVICT_PFNS, .nr = 1, .ptr = (uintptr_t)pfns };
	ret = hmmt_evict_some(&dev0, &e);
	WANT(!ret && !e.migrated && e.left == PAGES, "its head: ret %d migrated %llu", ret,
	     e.migrated);
	e = (struct hmmt_evict) { .flags = HMMT_EVICT_BASE };
	ret = hmmt_evict_some(&dev0, &e);
	WANT(!ret && !e.migrated && e.left == PAGES, "to base pages: ret %d migrated %llu", ret,
	     e.migrated);
	WANT(HMMT_SNAP_ORDER(snap(0)) == 9, "snapshot %#x", snap(0));
	e = (struct hmmt_evict) { .mode = HMMT_EVICT_PFNS, .nr = PAGES, .ptr = (uintptr_t)pfns };
	ret = hmmt_evict_some(&dev0, &e);
	WANT(!ret && e.migrated == PAGES && !e.left, "all: ret %d migrated %llu", ret, e.migrated);
	return verify(0, PAGES);
}

bool evict_errors(void)
{
	static const struct hmmt_evict bad[] = {
		{ .mode = 4 },
		{ .mode = HMMT_EVICT_ALL, .pfn = 1 },
		{ .mode = HMMT_EVICT_ALL, .flags = 4 },
		{ .mode = HMMT_EVICT_CHUNK, .pfn = 1 },
		{ .mode = HMMT_EVICT_CHUNK, .pfn = ~0ULL },
		{ .mode = HMMT_EVICT_RANGE, .pfn = 1, .nr = 1 },
		{ .mode = HMMT_EVICT_PFNS, .nr = 0 },
		{ .mode = HMMT_EVICT_PFNS, .nr = 513 },
	};
	struct hmmt_evict e;
	unsigned int i;
	int ret;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		e = bad[i];
		ret = hmmt_evict_some(&dev0, &e);
		WANT(ret == -EINVAL, "case %u: %d", i, ret);
	}
	e = (struct hmmt_evict) { .mode = HMMT_EVICT_PFNS, .nr = 1, .ptr = 16 };
	ret = hmmt_evict_some(&dev0, &e);
	WANT(ret == -EFAULT, "bad pointer: %d", ret);
	TRY(thp_in_device());
	e = (struct hmmt_evict) { .mode = HMMT_EVICT_RANGE, .nr = PAGES,
				  .pfn = device_pfn(0) + 1 };
	ret = hmmt_evict_some(&dev0, &e);
	WANT(ret == -EINVAL, "across a chunk: %d", ret);
	return verify(0, PAGES);
}
