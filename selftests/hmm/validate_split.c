// SPDX-License-Identifier: GPL-2.0
/* Sources and destinations of different sizes, some missing; mTHPs */
#include <stdlib.h>

#include "validate.h"

static bool whole(unsigned long back)
{
	struct hmmt_migrate m;

	if (back)
		TRY(device_thps(1));
	else
		TRY(system_thps(1));
	TRY(move(0, PAGES, HMMT_MIGRATE_SPLIT | (back ? HMMT_MIGRATE_TO_SYS : 0), &m));
	WANT(m.split == 1 && m.migrated == PAGES && !m.thp, "split %llu migrated %llu thp %llu",
	     m.split, m.migrated, m.thp);
	TRY(placed(0, PAGES, back ? SYSTEM : DEVICE, 0));
	return intact(0, PAGES);
}

/* Every other page of a THP has a destination */
static bool some(unsigned long back)
{
	unsigned int i, n = 0;
	struct hmmt_migrate m;

	if (back)
		TRY(device_thps(1));
	else
		TRY(system_thps(1));
	TRY(inject(back ? HMMT_SITE_SYS_BASE : HMMT_SITE_DEV_BASE, 2, 2));
	TRY(move(0, PAGES, HMMT_MIGRATE_SPLIT | (back ? HMMT_MIGRATE_TO_SYS : 0), &m));
	TRY(inject(0, 0, 0));
	WANT(m.migrated == PAGES / 2, "migrated %llu of 256 that had a destination", m.migrated);
	for (i = 0; i < PAGES; i++)
		n += in_device(i) == !(i % 2 ^ !!back);
	WANT(n == PAGES, "%u pages are where they belong", n);
	return intact(0, PAGES);
}

/* The driver has no THP, it falls back to base pages by itself */
static bool no_thp(unsigned long back)
{
	struct hmmt_migrate m;

	if (back)
		TRY(device_thps(1));
	else
		TRY(system_thps(1));
	TRY(inject(back ? HMMT_SITE_SYS_THP : HMMT_SITE_DEV_THP, 1, 1));
	TRY(move(0, PAGES, back ? HMMT_MIGRATE_TO_SYS : 0, &m));
	WANT(m.split == 1 && m.migrated == PAGES, "split %llu migrated %llu", m.split,
	     m.migrated);
	TRY(placed(0, PAGES, back ? SYSTEM : DEVICE, 0));
	return intact(0, PAGES);
}

/* No destination for the head, nor for any */
static bool none(unsigned long back)
{
	struct hmmt_migrate m;

	if (back)
		TRY(device_thps(1));
	else
		TRY(system_thps(1));
	TRY(inject(back ? HMMT_SITE_SYS_THP | HMMT_SITE_SYS_BASE :
		   HMMT_SITE_DEV_THP | HMMT_SITE_DEV_BASE, 1, 1));
	TRY(move(0, PAGES, back ? HMMT_MIGRATE_TO_SYS : 0, &m));
	TRY(inject(0, 0, 0));
	WANT(!m.migrated, "migrated %llu", m.migrated);
	TRY(placed(0, PAGES, back ? DEVICE : SYSTEM, 9));
	return intact(0, PAGES);
}

static bool shared(unsigned long unused)
{
	struct hmmt_migrate m;

	TRY(system_thps(1));
	TRY(child_begin());
	TRY(move(0, PAGES, HMMT_MIGRATE_SPLIT, &m));
	WANT(!m.thp, "thp %llu migrated %llu", m.thp, m.migrated);
	TRY(intact(0, PAGES));
	return child_end();
}

/* Destination number @missing is not to be had. Nothing is there afterwards */
static bool hole_partial(unsigned long missing)
{
	struct hmmt_migrate m;
	unsigned long i;

	TRY(fill(1, true));
	WANT(!madvise(area, HMMT_PMD_SIZE, MADV_DONTNEED), "%s", strerror(errno));
	TRY(inject(HMMT_SITE_DEV_BASE, missing, 0));
	TRY(move(0, PAGES, HMMT_MIGRATE_SPLIT | HMMT_MIGRATE_PARTIAL_HOLE, &m));
	/* the kernel gives up a hole whose first page has none */
	if (missing == 1)
		TRY(placed(0, PAGES, NOWHERE, -1));
	WANT(m.migrated == (missing == 1 ? 0 : PAGES - 1) && m.nomem == 1,
	     "migrated %llu of 511 that had a destination, nomem %llu", m.migrated, m.nomem);
	for (i = 0; i < PAGES; i++)
		WANT(!*word(i), "page %lu holds %#llx", i, (unsigned long long)*word(i));
	return true;
}

static bool join(unsigned long unused)
{
	struct hmmt_migrate m;

	TRY(fill(1, false));
	TRY(move(0, PAGES, HMMT_MIGRATE_JOIN, &m));
	WANT(COUNTED(joined) == PAGES, "%llu pages joined", COUNTED(joined));
	WANT(!m.migrated, "migrated %llu", m.migrated);
	TRY(placed(0, PAGES, SYSTEM, 0));
	TRY(intact(0, PAGES));
	/* they are ordinary pages still */
	TRY(move(0, PAGES, 0, &m));
	WANT(m.migrated == PAGES, "migrated %llu afterwards", m.migrated);
	return intact(0, PAGES);
}

/* The same of shared memory, which goes nowhere in any case */
static bool join_shared(unsigned long unused)
{
	struct hmmt_migrate m;
	unsigned long i;

	WANT(mmap(area, HMMT_PMD_SIZE, PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == area, "%s", strerror(errno));
	for (i = 0; i < PAGES; i++)
		*word(i) = value(i);
	TRY(move(0, PAGES, HMMT_MIGRATE_JOIN, &m));
	WANT(COUNTED(joined) == PAGES, "%llu pages joined", COUNTED(joined));
	WANT(!m.migrated, "migrated %llu", m.migrated);
	return verify(0, PAGES);
}

/* Eviction has no vma to split in: refused is right, lost is not */
static bool evict_no_thp(unsigned long unused)
{
	struct hmmt_inject all = { .sites = HMMT_SITE_SYS_THP, .nth = 1, .interval = 1 };
	struct hmmt_evict e = {};

	TRY(device_thps(1));
	WANT(!hmmt_inject(&dev0, &all), "inject");
	WANT(!hmmt_evict(&dev0, &e), "evict");
	WANT(e.migrated == 0 || e.migrated == PAGES, "migrated %llu", e.migrated);
	TRY(inject(0, 0, 0));
	TRY(intact(0, PAGES));
	return placed(0, PAGES, SYSTEM, -1);
}

static bool peer(unsigned long flags)
{
	struct hmmt_migrate m;
	int ret;

	TRY(fill(1, true));
	TRY(migrate(&dev1, 0, PAGES, 0, &m));
	WANT(m.thp == 1, "thp %llu migrated %llu", m.thp, m.migrated);
	ret = hmmt_migrate_peer(&dev0, at(0), HMMT_PMD_SIZE, flags, 1, &m);
	WANT(!ret && m.migrated == PAGES && m.thp == !flags, "ret %d migrated %llu thp %llu",
	     ret, m.migrated, m.thp);
	TRY(placed(0, PAGES, DEVICE, flags ? 0 : 9));
	return intact(0, PAGES);
}

static bool peer_partly(unsigned long unused)
{
	struct hmmt_migrate m;
	int ret;

	TRY(fill(1, true));
	TRY(migrate(&dev1, 0, PAGES, 0, NULL));
	ret = hmmt_migrate_peer(&dev0, at(255), 2 * HMMT_PAGE_SIZE, 0, 1, &m);
	WANT(!ret && m.migrated == 2, "ret %d migrated %llu", ret, m.migrated);
	WANT(!in_device(254) && in_device(255) && in_device(256) && !in_device(257),
	     "snapshot %#x %#x", snap(255), snap(256));
	return intact(0, PAGES);
}

const struct row split_rows[] = {
	{ "split.whole", "a THP with base page destinations is split and goes", SERIES,
	  whole, 0, 0 },
	{ "split.whole_back", "so is a device THP on its way back", SERIES, whole, 1, 0 },
	{ "split.some", "pages of a split THP without a destination stay, the others go", SETUP,
	  some, 0, 0 },
	{ "split.some_back", "the same on the way back", SETUP, some, 1, 0 },
	{ "split.no_thp", "without device memory for a THP base pages do", SERIES, no_thp, 0, 0 },
	{ "split.no_thp_back", "without system memory for a THP base pages do", SERIES, no_thp,
	  1, 0 },
	{ "split.none", "a THP with nowhere to go stays whole", SETUP, none, 0, 0 },
	{ "split.none_back", "a device THP with nowhere to go stays whole", SETUP, none, 1, 0 },
	{ "split.shared", "a THP that a child shares is split for both", SERIES, shared, 0,
	  ROW_DEADLY },
	{ "split.hole_partial", "a hole is filled as far as there are destinations", SETUP,
	  hole_partial, 300, ROW_DEADLY },
	{ "split.join", "base pages with a compound destination are refused, without damage",
	  "__migrate_device_pages()", join, 0, ROW_DEADLY },
	{ "split.join_shared", "the same of shared memory", "__migrate_device_pages()", join_shared,
	  0, 0 },
	{ "split.hole_no_head", "a hole without a destination for its first page stays one", SETUP,
	  hole_partial, 1, 0 },
	{ "split.evict_no_thp", "eviction without a THP to go to leaves the data alone",
	  "__migrate_device_pages(): no vma to split in", evict_no_thp, 0, 0 },
	{ "peer.thp", "a THP goes from one device to another whole", SERIES, peer, 0, 0 },
	{ "peer.split", "or as base pages", SERIES, peer, HMMT_MIGRATE_SPLIT, 0 },
	{ "peer.partly", "or a part of it", SERIES, peer_partly, 0, 0 },
	{}
};

/* --- other sizes --------------------------------------------------------- */

/* A folio of @order at the same offset as in its PMD, mapped whole */
static bool mthp_filled(unsigned long order)
{
	static char file[96];
	unsigned int kb = 4U << order;
	unsigned long nr = 1UL << order, i;

	snprintf(file, sizeof(file),
		 "/sys/kernel/mm/transparent_hugepage/hugepages-%ukB/enabled", kb);
	if (hmmt_write_file(file, "madvise"))
		SKIP("no folios of this size here");
	WANT(mmap(area, HMMT_PMD_SIZE, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == area, "%s", strerror(errno));
	/* all but the range in the middle is of another mapping */
	mprotect(area, 256 * HMMT_PAGE_SIZE, PROT_NONE);
	mprotect(ptr(256 + nr), HMMT_PMD_SIZE - (256 + nr) * HMMT_PAGE_SIZE, PROT_NONE);
	madvise(ptr(256), nr * HMMT_PAGE_SIZE, MADV_HUGEPAGE);
	for (i = 0; i < nr; i++)
		*word(256 + i) = value(256 + i);
	return true;
}

static bool mthp_is(unsigned long order, uint64_t before)
{
	uint64_t now;

	WANT(!hmmt_mthp_stat(4U << order, "nr_anon", &now) && now == before + 1,
	     "nr_anon of %lu kB: %llu, then %llu", 4UL << order, (unsigned long long)before,
	     (unsigned long long)now);
	return true;
}

static bool mthp(unsigned long order, unsigned int flags)
{
	unsigned long nr = 1UL << order;
	struct hmmt_migrate m;
	uint64_t before = 0;

	hmmt_mthp_stat(4U << order, "nr_anon", &before);
	TRY(mthp_filled(order));
	TRY(mthp_is(order, before));
	TRY(move(256, nr, flags, &m));
	WANT(m.migrated == nr, "migrated %llu of %lu", m.migrated, nr);
	TRY(placed(256, nr, DEVICE, 0));
	TRY(verify_device(&dev0, 256, 256 + nr));
	TRY(move(256, nr, HMMT_MIGRATE_TO_SYS, &m));
	WANT(m.migrated == nr, "migrated %llu of %lu back", m.migrated, nr);
	return verify(256, 256 + nr);
}

static bool mthp_compound(unsigned long order)
{
	return mthp(order, 0);
}

static bool mthp_base(unsigned long order)
{
	return mthp(order, HMMT_MIGRATE_BASE);
}

/* A range that begins inside the folio and ends inside it */
static bool mthp_inner(unsigned long order)
{
	unsigned long nr = 1UL << order;
	struct hmmt_migrate m;

	TRY(mthp_filled(order));
	TRY(move(257, nr - 2, 0, &m));
	WANT(m.migrated == nr - 2, "migrated %llu of %lu", m.migrated, nr - 2);
	WANT(!in_device(256) && in_device(257) && in_device(254 + nr) && !in_device(255 + nr),
	     "snapshot %#x %#x", snap(256), snap(257));
	return intact(256, nr);
}

/* The part of a device THP that a fault window or a range of this size asks for */
static bool mthp_back(unsigned long order)
{
	unsigned long nr = 1UL << order;
	struct hmmt_migrate m;

	TRY(device_thps(1));
	TRY(move(256, nr, HMMT_MIGRATE_TO_SYS, &m));
	WANT(m.migrated == nr, "migrated %llu of %lu", m.migrated, nr);
	TRY(placed(256, nr, SYSTEM, 0));
	TRY(placed(0, 256, DEVICE, 0));
	TRY(placed(256 + nr, PAGES - 256 - nr, DEVICE, 0));
	return intact(0, PAGES);
}

#define AROUND	300	/* a page in the middle */

/* @order: of all folios; @around: near that page only, those farther away are larger */
static bool split_thp(unsigned int order, bool around)
{
	uint64_t before, now;
	int ret;

	TRY(system_thps(1));
	WANT(!hmmt_mthp_stat(2048, "nr_anon", &before), "no statistics");
	ret = hmmt_split_folios(at(0), at(PAGES), order, around ? AROUND : -1);
	WANT(!ret, "order %u: %s", order, strerror(-ret));
	WANT(!hmmt_mthp_stat(2048, "nr_anon", &now) && now == before - 1,
	     "order %u: not split", order);
	return true;
}

/* PTE-mapped folios of each order, or of several, side by side in one PMD */
static bool split_before(unsigned long around)
{
	struct hmmt_migrate m;
	unsigned int order;

	if (access(HMMT_SPLIT_FOLIOS, W_OK))
		SKIP("no debugfs, or none that splits folios");
	/* of order 1 there is no anonymous folio */
	for (order = 0; order < 9; order += 2) {
		TRY(split_thp(order, around));
		TRY(move(0, PAGES, 0, &m));
		WANT(m.migrated == PAGES && !m.thp, "order %u: migrated %llu, thp %llu", order,
		     m.migrated, m.thp);
		TRY(placed(0, PAGES, DEVICE, 0));
		TRY(verify_device(&dev0, 0, PAGES));
		TRY(move(0, PAGES, HMMT_MIGRATE_TO_SYS, &m));
		WANT(m.migrated == PAGES, "order %u: migrated %llu back", order, m.migrated);
		TRY(verify(0, PAGES));
		/* what began and ended in the middle of a folio */
		TRY(split_thp(order, around));
		TRY(move(1, PAGES - 2, 0, &m));
		WANT(m.migrated == PAGES - 2, "order %u: migrated %llu of 510", order, m.migrated);
		TRY(intact(0, PAGES));
	}
	return true;
}

#define MTHP(order)								\
	{ "mthp.order" #order, "a folio of order " #order " is split and migrated, or migrated", \
	  THREAD, mthp_compound, order, 0 },					\
	{ "mthp.order" #order "_base", "the same without SELECT_COMPOUND",	\
	  THREAD, mthp_base, order, 0 },					\
	{ "mthp.order" #order "_inner", "all but its first and last page",	\
	  THREAD, mthp_inner, order, 0 },					\
	{ "mthp.order" #order "_back", "as much of a device THP comes back",	\
	  THREAD, mthp_back, order, 0 }

const struct row mthp_rows[] = {
	MTHP(2), MTHP(3), MTHP(4), MTHP(5), MTHP(6), MTHP(7), MTHP(8),
	{ "mthp.side_by_side", "a THP that was split to folios of any order is migrated", THREAD,
	  split_before, 0, 0 },
	{ "mthp.mixed", "so is one that was split around a page, to folios of several orders",
	  THREAD, split_before, 1, 0 },
	{}
};
