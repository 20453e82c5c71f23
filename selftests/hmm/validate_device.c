// SPDX-License-Identifier: GPL-2.0
/* What hmm_range_fault() says of device memory, and eviction of it */
#include "validate.h"

#define HMM_H	"include/linux/hmm.h: "

struct part {
	unsigned int page, nr;
};

static struct part part_of(unsigned long arg)
{
	return (struct part) { arg >> 16, arg & 0xffff };
}

#define PART(page, nr)	((unsigned long)(page) << 16 | (nr))

static bool snapshot(unsigned long arg)
{
	struct part p = part_of(arg);
	unsigned int i;

	TRY(device_thps(1));
	TRY(placed(p.page, p.nr, DEVICE, 9));
	for (i = p.page; i < p.page + p.nr; i++)
		WANT(snap(i) & HMM_DMIRROR_PROT_WRITE, "page %u: snapshot %#x", i, snap(i));
	return intact(0, PAGES);
}

/* In another device it is no error: nobody asked for a fault, which would bring it */
static bool snapshot_peer(unsigned long thp)
{
	static uint16_t told[PAGES];
	unsigned int i;
	int ret;

	TRY(fill(1, thp));
	TRY(move(0, PAGES, 0, NULL));
	TRY(placed(0, PAGES, DEVICE, thp ? 9 : 0));
	ret = hmmt_snapshot(&dev1, at(0), HMMT_PMD_SIZE, told);
	WANT(!ret, "snapshot: %s", strerror(-ret));
	for (i = 0; i < PAGES; i++)
		WANT(HMMT_SNAP_PROT(told[i]) != HMM_DMIRROR_PROT_ERROR,
		     "page %u: device 1 is told that it should fail", i);
	TRY(verify_device(&dev1, 0, PAGES));
	return verify(0, PAGES);
}

/* In one device fault for the range */
static bool device_read(unsigned long arg)
{
	static char buf[HMMT_PMD_SIZE];
	struct part p = part_of(arg);
	unsigned int i;
	uint64_t v;
	int ret;

	TRY(device_thps(1));
	/* all of it in one go, not in steps of the driver's choice */
	ret = p.nr == PAGES ? hmmt_tune(&dev0, 0, HMMT_PMD_SIZE) : 0;
	WANT(!ret, "tune: %s", strerror(-ret));
	ret = hmmt_access(&dev0, at(p.page), buf, p.nr * HMMT_PAGE_SIZE, 0, NULL);
	WANT(!ret, "%s", strerror(-ret));
	WANT(COUNTED(hmm_checked), "no pfn was looked at");
	WANT(!COUNTED(hmm_wrong), "%llu of %llu pfns were those of other pages",
	     COUNTED(hmm_wrong), COUNTED(hmm_checked));
	for (i = 0; i < p.nr; i++) {
		memcpy(&v, buf + i * HMMT_PAGE_SIZE + 64, sizeof(v));
		WANT(v == value(p.page + i), "device reads %#llx from page %u",
		     (unsigned long long)v, p.page + i);
	}
	TRY(placed(0, PAGES, DEVICE, 9));
	return verify(0, PAGES);
}

/* Parts that begin and end at every kind of page, a device fault for each */
static bool any_part(unsigned long unused)
{
	static const unsigned int edges[] = { 0, 1, 2, 255, 256, 257, 510, 511, 512 };
	static char buf[HMMT_PMD_SIZE];
	unsigned int i, from, to, page;
	uint64_t checked, v;
	int ret;

	TRY(device_thps(1));
	ret = hmmt_tune(&dev0, 0, HMMT_PMD_SIZE);
	WANT(!ret, "tune: %s", strerror(-ret));
	for (i = 0; i < 81; i++) {
		from = edges[i / 9];
		to = edges[i % 9];
		if (from >= to)
			continue;
		/* the device forgets what it was told, the THP stays */
		TRY(set_prot(0, PAGES, PROT_READ) && set_prot(0, PAGES, PROT_READ | PROT_WRITE));
		checked = COUNTED(hmm_checked);
		ret = hmmt_access(&dev0, at(from), buf, (to - from) * HMMT_PAGE_SIZE, 0, NULL);
		WANT(!ret, "pages %u to %u: %s", from, to, strerror(-ret));
		WANT(COUNTED(hmm_checked) > checked, "pages %u to %u: no pfn was looked at",
		     from, to);
		for (page = from; page < to; page++) {
			memcpy(&v, buf + (page - from) * HMMT_PAGE_SIZE + 64, sizeof(v));
			WANT(v == value(page), "device reads %#llx from page %u",
			     (unsigned long long)v, page);
		}
		WANT(!COUNTED(hmm_wrong), "pages %u to %u: %llu of %llu pfns were those of others",
		     from, to, COUNTED(hmm_wrong), COUNTED(hmm_checked));
	}
	TRY(placed(0, PAGES, DEVICE, 9));
	return verify(0, PAGES);
}

static bool device_window(unsigned long bytes)
{
	int ret = hmmt_tune(&dev0, 0, bytes);

	WANT(!ret, "%s", strerror(-ret));
	TRY(device_thps(1));
	TRY(verify_device(&dev0, 0, PAGES));
	WANT(COUNTED(hmm_checked), "no pfn was looked at");
	WANT(!COUNTED(hmm_wrong), "%llu of %llu pfns were those of other pages",
	     COUNTED(hmm_wrong), COUNTED(hmm_checked));
	return verify(0, PAGES);
}

/* A range that spans a device THP, a hole and a present THP, in one go */
static bool across(unsigned long unused)
{
	TRY(system_thps(3));
	TRY(move(0, PAGES, 0, NULL));
	WANT(!madvise(ptr(PAGES), HMMT_PMD_SIZE, MADV_DONTNEED), "%s", strerror(errno));
	TRY(placed(0, PAGES, DEVICE, 9));
	TRY(placed(PAGES, PAGES, NOWHERE, -1));
	TRY(placed(2 * PAGES, PAGES, SYSTEM, 9));
	TRY(intact(0, PAGES));
	return intact(2 * PAGES, PAGES);
}

static bool device_write(unsigned long page)
{
	uint64_t v = ~value(page);
	int ret;

	TRY(device_thps(1));
	ret = hmmt_access(&dev0, (unsigned long)word(page), &v, 8, HMMT_ACCESS_WRITE, NULL);
	WANT(!ret, "%s", strerror(-ret));
	WANT(in_device(page), "snapshot %#x", snap(page));
	WANT(*word(page) == v, "CPU reads %#llx", (unsigned long long)*word(page));
	*word(page) = value(page);
	return verify(0, PAGES);
}

static bool write_shared(unsigned long thp)
{
	uint64_t v = 5;
	int ret;

	TRY(fill(1, thp));
	TRY(move(0, PAGES, 0, NULL));
	TRY(child_begin());
	ret = hmmt_access(&dev0, (unsigned long)word(3), &v, 8, HMMT_ACCESS_WRITE, NULL);
	WANT(!ret, "%s", strerror(-ret));
	TRY(child_end());
	WANT(*word(3) == 5, "CPU reads %#llx", (unsigned long long)*word(3));
	WANT(COUNTED(hmm_write_checked), "no permission was looked at");
	WANT(!COUNTED(hmm_no_write), "%llu of %llu pages asked for with write came without",
	     COUNTED(hmm_no_write), COUNTED(hmm_write_checked));
	*word(3) = value(3);
	return verify(0, PAGES);
}

static bool write_read_only(unsigned long thp)
{
	uint64_t v = 5;
	int ret;

	TRY(fill(1, thp));
	TRY(move(0, PAGES, 0, NULL));
	TRY(set_prot(0, PAGES, PROT_READ));
	ret = hmmt_access(&dev0, (unsigned long)word(3), &v, 8, HMMT_ACCESS_WRITE, NULL);
	WANT(ret == -EPERM || ret == -EFAULT, "device write: %d", ret);
	WANT(!COUNTED(hmm_no_write), "%llu pages asked for with write came without",
	     COUNTED(hmm_no_write));
	return verify(0, PAGES);
}

#define EXCLUSIVE_THP		(1U << 0)
#define EXCLUSIVE_RECLAIM	(1U << 1)	/* and somebody asks who has used it */

/* Of a page that a device has for itself nothing is lost until the CPU comes */
static bool exclusive(unsigned long how)
{
	char buf[HMMT_PAGE_SIZE];
	unsigned int i;
	int ret;

	TRY(fill(1, how & EXCLUSIVE_THP));
	/* khugepaged would bring it back */
	TRY(advise(MADV_NOHUGEPAGE));
	ret = hmmt_exclusive(&dev0, at(5), buf, sizeof(buf));
	WANT(!ret, "exclusive: %s", strerror(-ret));
	WANT(!memcmp(buf + ((char *)word(5) - ptr(5)), &(uint64_t){ value(5) }, 8),
	     "the device reads another value");
	if (how & EXCLUSIVE_RECLAIM) {
		hmmt_swap_on(32);
		if (access(HMMT_SWAP_FILE, F_OK))
			SKIP("no swap");
		for (i = 0; i < 8; i++) {
			ret = hmmt_write_file("/sys/fs/cgroup/memory.reclaim", "1M");
			/* less than that was there to go */
			WANT(!ret || ret == -EAGAIN, "reclaim: %s", strerror(-ret));
		}
	}
	return verify(0, PAGES);
}

/* What a device was told of memory goes when that is migrated, whoever asked for that */
static bool told_of_migration(unsigned long thp)
{
	struct hmmt_dev *devs[] = { &dev0, &dev1 };
	unsigned int i, page;
	uint64_t v;
	int ret;

	TRY(fill(1, thp));
	for (i = 0; i < 2; i++) {
		TRY(verify_device(devs[i], 0, PAGES));
		TRY(placed(0, PAGES, SYSTEM, thp ? 9 : 0));
		TRY(move(0, PAGES, 0, NULL));
		for (page = 0; page < PAGES; page++)
			*word(page) = ~value(page);
		for (page = 0; page < PAGES; page++) {
			ret = hmmt_access(devs[i], (unsigned long)word(page), &v, 8, 0, NULL);
			WANT(!ret && v == ~value(page),
			     "page %u: device %u reads %#llx, ret %d, the CPU wrote %#llx", page,
			     i, (unsigned long long)v, ret, (unsigned long long)~value(page));
			*word(page) = value(page);
		}
		TRY(fill(1, thp));
	}
	return verify(0, PAGES);
}

static bool other_device(unsigned long write)
{
	uint64_t v = value(300);
	int ret;

	TRY(device_thps(1));
	ret = hmmt_access(&dev1, (unsigned long)word(300), &v, 8, write, NULL);
	WANT(!ret && v == value(300), "ret %d, device 1 reads %#llx", ret,
	     (unsigned long long)v);
	TRY(placed(0, PAGES, SYSTEM, 9));
	return verify(0, PAGES);
}

static bool evict(unsigned long unused)
{
	struct hmmt_evict e = {};

	TRY(device_thps(2));
	WANT(!hmmt_evict(&dev0, &e) && e.migrated == 2 * PAGES && !e.left,
	     "migrated %llu left %llu", e.migrated, e.left);
	WANT(COUNTED(evict_thp) == 2, "%llu THPs evicted", COUNTED(evict_thp));
	TRY(placed(0, 2 * PAGES, SYSTEM, 9));
	return verify(0, 2 * PAGES);
}

static bool evict_shared(unsigned long unused)
{
	struct hmmt_evict e = {};

	TRY(device_thps(1));
	TRY(child_begin());
	WANT(!hmmt_evict(&dev0, &e) && !e.left, "migrated %llu left %llu", e.migrated, e.left);
	TRY(verify(0, PAGES));
	return child_end();
}

static bool evict_pte_mapped(unsigned long unused)
{
	struct hmmt_evict e = {};

	TRY(device_thps(1));
	WANT(!munmap(ptr(10), HMMT_PAGE_SIZE), "%s", strerror(errno));
	WANT(!hmmt_evict(&dev0, &e) && !e.left, "migrated %llu left %llu", e.migrated, e.left);
	TRY(verify(0, 10));
	return verify(11, PAGES);
}

/*
 * A device folio mapped across two PMDs, of which the first one is a THP by
 * now: the walk over its mappings must not end there.
 */
static bool evict_two_pmds(unsigned long unused)
{
	char *to = ptr(4 * PAGES + 256), *slot = ptr(6 * PAGES);
	struct hmmt_evict e = {};

	TRY(fill(4, true));
	TRY(move(2 * PAGES, PAGES, 0, NULL));
	WANT(mremap(area, 4 * HMMT_PMD_SIZE, 4 * HMMT_PMD_SIZE,
		    MREMAP_MAYMOVE | MREMAP_FIXED, to) == to, "%s", strerror(errno));
	WANT(!madvise(slot, HMMT_PMD_SIZE, MADV_DONTNEED), "%s", strerror(errno));
	memset(slot, 1, HMMT_PMD_SIZE);
	if (madvise(slot, HMMT_PMD_SIZE, MADV_COLLAPSE))
		SKIP("MADV_COLLAPSE did not make a THP");
	WANT(!hmmt_evict(&dev0, &e), "evict");
	WANT(!e.left, "of 256 pages that are mapped %llu came back, %llu stay", e.migrated, e.left);
	TRY(intact_at(ptr(7 * PAGES), 2 * PAGES + 256, 256));
	return true;
}

/* Another folio than ours, where a child had ours; in the device as well, then as it was */
static bool other_folio(void)
{
	struct hmmt_dev own = HMMT_DEV_CLOSED;
	unsigned long i;

	if (madvise(area, HMMT_PMD_SIZE, MADV_DONTNEED) || hmmt_open(&own, 0))
		return false;
	for (i = 0; i < PAGES; i++)
		*word(i) = ~value(i);
	if (hmmt_migrate(&own, at(0), HMMT_PMD_SIZE, 0, NULL) || !child_meet())
		return false;
	for (i = 0; i < PAGES; i++)
		if (*word(i) != ~value(i))
			return false;
	return true;
}

/*
 * Whoever walks the mappings of our folio, to take them away and to put them back, passes
 * through the child's address space and finds another one there.
 */
static bool evict_other_folio(unsigned long thp)
{
	struct hmmt_evict e = {};

	TRY(fill(1, thp));
	TRY(child_start(other_folio) && child_wait());
	TRY(move(0, PAGES, 0, NULL));
	TRY(placed(0, PAGES, DEVICE, thp ? 9 : 0));
	WANT(!hmmt_evict(&dev0, &e) && !e.left, "migrated %llu left %llu", e.migrated, e.left);
	TRY(intact(0, PAGES));
	return child_end();
}

/* What was allocated and freed keeps no memory of the device from going, and coming back. */
static bool unplug(unsigned long thp)
{
	struct hmmt_stats st = stats_now();
	unsigned int i, chunks = st.pages_capacity / PAGES;
	struct hmmt_unplug u;
	int ret;

	if (thp) {
		TRY(device_thps(1));
	} else {
		TRY(fill(1, false));
		TRY(move(0, PAGES, 0, NULL));
	}
	TRY(verify(0, PAGES));
	munmap(area, HMMT_PMD_SIZE);
	for (i = 0; i < chunks; i++) {
		ret = hmmt_unplug(&dev0, i, 0, 1000, &u);
		WANT(!ret, "chunk %u: %s, %llu pages left", i, strerror(-ret), u.left);
	}
	st = stats_now();
	WANT(!st.pages_used, "%llu pages used of what is away", st.pages_used);
	ret = hmmt_plug_all(&dev0);
	WANT(ret == (int)chunks, "plug: %d", ret);
	if (thp)
		return device_thps(1) && intact(0, PAGES);
	return true;
}

#define EXCLUSIVE	"make_device_exclusive(): comment"

const struct row device_rows[] = {
	{ "hmm.snapshot_begin", "the first 32 pages of a device THP are told with order and write",
	  HMM_H "HMM_PFN_*", snapshot, PART(0, 32), 0 },
	{ "hmm.snapshot_middle", "32 pages in its middle", HMM_H "HMM_PFN_*", snapshot,
	  PART(240, 32), 0 },
	{ "hmm.snapshot_end", "its last page", HMM_H "HMM_PFN_*", snapshot, PART(511, 1), 0 },
	{ "hmm.snapshot_whole", "all of it", HMM_H "HMM_PFN_*", snapshot, PART(0, 512), 0 },
	{ "hmm.snapshot_peer", "a THP in another device is not told as an error",
	  HMM_H "HMM_PFN_ERROR", snapshot_peer, 1, 0 },
	{ "hmm.snapshot_peer_base", "nor are base pages in another device",
	  HMM_H "HMM_PFN_ERROR", snapshot_peer, 0, 0 },
	{ "hmm.read_whole", "a device fault on all of a device THP gives its pfns",
	  HMM_H "range->hmm_pfns", device_read, PART(0, 512), 0 },
	{ "hmm.read_begin", "a device fault on its first 16 pages gives their pfns",
	  HMM_H "range->hmm_pfns", device_read, PART(0, 16), 0 },
	{ "hmm.read_middle", "a device fault on pages in its middle gives their pfns",
	  HMM_H "range->hmm_pfns", device_read, PART(250, 16), 0 },
	{ "hmm.read_end", "a device fault on its last page gives its pfn",
	  HMM_H "range->hmm_pfns", device_read, PART(511, 1), 0 },
	{ "hmm.window_page", "faulted page by page, all pfns are right",
	  HMM_H "range->hmm_pfns", device_window, 4096, 0 },
	{ "hmm.window_16", "faulted by 16 pages, all pfns are right",
	  HMM_H "range->hmm_pfns", device_window, 65536, 0 },
	{ "hmm.any_part", "a device fault on any part of it gives the pfns of that part",
	  HMM_H "range->hmm_pfns", any_part, 0, 0 },
	{ "hmm.across", "a range over a device THP, a hole and a present THP", HMM_H "HMM_PFN_*",
	  across, 0, 0 },
	{ "hmm.write_head", "a device write to the head stays in the device, the CPU sees it",
	  SERIES, device_write, 0, 0 },
	{ "hmm.write_tail", "a device write to a tail stays in the device, the CPU sees it",
	  SERIES, device_write, 511, 0 },
	{ "hmm.write_shared", "write asked for a THP shared by fork is given, or faulted",
	  HMM_H "HMM_PFN_REQ_WRITE", write_shared, 1, 0 },
	{ "hmm.write_shared_base", "the same for base pages", HMM_H "HMM_PFN_REQ_WRITE",
	  write_shared, 0, 0 },
	{ "hmm.write_read_only", "write asked for in a read-only mapping fails",
	  HMM_H "HMM_PFN_REQ_WRITE", write_read_only, 1, 0 },
	{ "hmm.write_read_only_base", "the same for base pages", HMM_H "HMM_PFN_REQ_WRITE",
	  write_read_only, 0, 0 },
	{ "hmm.other_device_read", "another device that reads gets it back from the first",
	  HMM_H "dev_private_owner", other_device, 0, 0 },
	{ "hmm.other_device_write", "another device that writes gets it back from the first",
	  HMM_H "dev_private_owner", other_device, HMMT_ACCESS_WRITE, 0 },
	{ "hmm.told_of_migration", "a migration takes away what devices were told before",
	  "MMU_NOTIFY_MIGRATE: comment", told_of_migration, 1, 0 },
	{ "hmm.told_of_migration_base", "the same for base pages", "MMU_NOTIFY_MIGRATE: comment",
	  told_of_migration, 0, 0 },
	{ "hmm.exclusive", "a page of a THP that a device has for itself is as it was", EXCLUSIVE,
	  exclusive, EXCLUSIVE_THP, 0 },
	{ "hmm.exclusive_base", "so is a base page", EXCLUSIVE, exclusive, 0, 0 },
	{ "hmm.exclusive_reclaim", "and reclaim may look at it", EXCLUSIVE, exclusive,
	  EXCLUSIVE_THP | EXCLUSIVE_RECLAIM, 0 },
	{ "hmm.exclusive_reclaim_base", "or at a base page", EXCLUSIVE, exclusive,
	  EXCLUSIVE_RECLAIM, 0 },
	{ "evict.thp", "device THPs are evicted whole", "migrate_device_range(): comment; " SERIES,
	  evict, 0, 0 },
	{ "evict.shared", "one that a child shares is evicted for both",
	  "migrate_device_range(): comment", evict_shared, 0, 0 },
	{ "evict.pte_mapped", "one that is mapped by PTEs, in part, is evicted",
	  "migrate_device_range(): comment", evict_pte_mapped, 0, 0 },
	{ "evict.two_pmds", "one that is mapped across two PMDs is evicted",
	  "page_vma_mapped_walk(): comment", evict_two_pmds, 0, 0 },
	{ "evict.other_folio", "a child's own folio at the same address is left alone",
	  "page_vma_mapped_walk(): comment", evict_other_folio, 1, 0 },
	{ "evict.other_folio_base", "the same for base pages", "page_vma_mapped_walk(): comment",
	  evict_other_folio, 0, 0 },
	{ "unplug.thp", "memory where a THP was can go, with its pagemap, and come back",
	  "memunmap_pages(): waits for all references", unplug, 1, 0 },
	{ "unplug.base", "so can that where base pages were",
	  "memunmap_pages(): waits for all references", unplug, 0, 0 },
	{}
};
