// SPDX-License-Identifier: GPL-2.0
/*
 * What must be true of device memory, and how to break it: free memory holds its poison,
 * lists, counts and references agree. HMMT_CHECK_*.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>

#include "dmirror.h"

/* Free device memory is filled with it, as far as the parameter poison says */
#define DMIRROR_POISON	0xf7ee0d0ef7ee0d0eULL

/*
 * The poisoned words of a page whose memory is at @mem: not always the same, so
 * that all get a turn
 */
static u64 *poison_words(void *mem, unsigned long pfn)
{
	unsigned long start = (pfn * 0x9e3779b1UL >> 4) & (PAGE_SIZE - 1);

	start = min(start, PAGE_SIZE - dmirror_poison);
	return mem + ALIGN_DOWN(start, sizeof(u64));
}

/* @nr pages of one chunk */
void dmirror_poison_pages(struct page *page, unsigned long nr)
{
	void *mem = page_address(dmirror_backing(page));
	unsigned long i, pfn = page_to_pfn(page);

	for (i = 0; dmirror_poison && i < nr; i++)
		memset64(poison_words(mem + i * PAGE_SIZE, pfn + i), DMIRROR_POISON,
			 dmirror_poison / sizeof(u64));
}

/* True when all of it is there, else what was found instead */
static bool poison_holds(void *mem, unsigned long pfn, u64 *found)
{
	u64 *words = poison_words(mem, pfn);
	unsigned int i, nr = dmirror_poison / sizeof(u64);

	for (i = 0; i < nr; i++) {
		if (words[i] != DMIRROR_POISON) {
			*found = words[i];
			return false;
		}
	}
	return true;
}

/* What is handed out must have been left alone since it was freed */
void dmirror_poison_check(struct dmirror_device *mdevice, struct page *page,
			  unsigned long nr)
{
	void *mem = page_address(dmirror_backing(page));
	unsigned long i, pfn = page_to_pfn(page);
	u64 found;

	if (!dmirror_poison)
		return;
	dmirror_count_add(mdevice, poison_checked, nr);
	for (i = 0; i < nr; i++) {
		if (poison_holds(mem + i * PAGE_SIZE, pfn + i, &found))
			continue;
		dmirror_count(mdevice, poison_wrong);
		spin_lock(&mdevice->lock);
		dmirror_check_failed(&mdevice->violation, HMMT_CHECK_POISON, pfn + i,
				     DMIRROR_POISON, found);
		spin_unlock(&mdevice->lock);
	}
}

/*
 * What says of a page that it is on an LRU list, and on which, that it is locked or in the
 * swap cache, that somebody keeps something with it, or that it must be written back. No
 * page has that when it begins a new life. Not hints (referenced, workingset), which do
 * no harm; nor reserved, which ZONE_DEVICE pages always are.
 */
#define DMIRROR_USE_FLAGS	(BIT(PG_lru) | BIT(PG_active) | BIT(PG_unevictable) |	\
				 BIT(PG_mlocked) | BIT(PG_swapcache) | BIT(PG_private) |	\
				 BIT(PG_private_2) | BIT(PG_writeback) | BIT(PG_dirty) |	\
				 BIT(PG_swapbacked))

/*
 * What was just handed out has no flags of its last use. They are counted and taken away,
 * for a kernel does not survive them for long (docs/findings/stale-flags.md); keep_flags=1
 * leaves them as they are, as other drivers do.
 */
void dmirror_flags_check(struct dmirror_device *mdevice, struct page *page,
			 unsigned long nr)
{
	unsigned long i, left = 0, flags;

	for (i = 0; i < nr; i++) {
		flags = READ_ONCE(*dmirror_page_flags(page + i)) & DMIRROR_USE_FLAGS;
		if (!flags)
			continue;
		left++;
		/* nobody else has it yet */
		if (!dmirror_keep_flags)
			*dmirror_page_flags(page + i) &= ~flags;
		pr_notice_once("page %#lx, number %lu of %lu, is new and has %pGp\n",
			       page_to_pfn(page + i), i, nr, &flags);
	}
	dmirror_count_add(mdevice, flags_checked, nr);
	dmirror_count_add(mdevice, flags_left, left);
}

/*
 * A page that comes back is locked or mapped: somebody has dropped a reference that was not
 * his, and who crashes later is an innocent. Of a normal page the allocator says so
 * (free_pages_prepare()), of a device page nobody does. The stack is that of who dropped
 * the last reference: most often the same one, else the one whose reference is gone.
 */
void dmirror_freed_check(struct page *page)
{
	static atomic_t reports[3] = { [0 ... 2] = ATOMIC_INIT(8) };
	struct folio *folio = page_folio(page);
	int mapped = folio_mapcount(folio);
	unsigned long flags;
	const char *how;

	if (mapped < 0)
		how = "with a negative mapcount";
	else if (mapped)
		how = "while mapped";
	else if (folio_test_locked(folio))
		how = "while locked";
	else
		return;
	if (atomic_dec_if_positive(&reports[mapped ? mapped > 0 : 2]) < 0)
		return;
	/* two CPUs one after the other: who reads it needs each stack behind its line */
	printk_cpu_sync_get_irqsave(flags);
	pr_err("device folio freed %s: pfn %#lx order %u\n", how, page_to_pfn(page),
	       folio_order(folio));
	dump_page(page, NULL);
	dump_stack();
	printk_cpu_sync_put_irqrestore(flags);
}

/* Notes a violation when @found is not @expected, unless there is one already */
bool dmirror_check_failed(struct hmmt_check *check, u32 which, u64 pfn,
			  u64 expected, u64 found)
{
	if (expected == found || check->check)
		return check->check;
	check->check = which;
	check->pfn = pfn;
	check->expected = expected;
	check->found = found;
	return true;
}

static bool free_page_violates(struct page *page, struct hmmt_check *check)
{
	void *mem = page_address(dmirror_backing(page));
	unsigned long pfn = page_to_pfn(page);
	u64 found;

	return dmirror_check_failed(check, HMMT_CHECK_FREE_REF, pfn, 0,
				    page_ref_count(page)) ||
	       dmirror_check_failed(check, HMMT_CHECK_FREE_MAPPED, pfn, 0,
				    atomic_read(&page->_mapcount) + 1) ||
	       (dmirror_poison && !poison_holds(mem, pfn, &found) &&
		dmirror_check_failed(check, HMMT_CHECK_POISON, pfn,
				     DMIRROR_POISON, found));
}

/* Only when nothing changes: else a page may be between two states */
static bool used_page_violates(struct page *page, bool bust_ref,
			       struct hmmt_check *check)
{
	struct folio *folio = page_folio(page);
	unsigned int order = folio_order(folio);

	return (order && dmirror_check_failed(check, HMMT_CHECK_ORDER,
					      page_to_pfn(page),
					      HPAGE_PMD_ORDER, order)) ||
	       dmirror_check_failed(check, HMMT_CHECK_USED_REF,
				    page_to_pfn(page), 1,
				    !!folio_ref_count(folio) - bust_ref);
}

static bool chunk_violates(struct dmirror_device *mdevice,
			   struct dmirror_chunk *chunk, struct hmmt_check *check)
{
	struct dmirror_chunk *pos;
	unsigned int bit;
	bool listed = false;

	bit = bitmap_weight(chunk->used, HPAGE_PMD_NR);
	if (dmirror_check_failed(check, HMMT_CHECK_CHUNK_COUNT, chunk->first_pfn,
				 HPAGE_PMD_NR - bit, chunk->nr_free))
		return true;

	list_for_each_entry(pos, dmirror_chunk_list(mdevice, chunk), node)
		listed |= pos == chunk;
	if (dmirror_check_failed(check, HMMT_CHECK_CHUNK_LIST, chunk->first_pfn,
				 1, listed) ||
	    (chunk->state == CHUNK_UNPLUGGED &&
	     dmirror_check_failed(check, HMMT_CHECK_UNPLUGGED, chunk->first_pfn, 0, bit)))
		return true;

	if (!chunk->region->nr_plugged)
		return false;
	for_each_clear_bit(bit, chunk->used, HPAGE_PMD_NR)
		if (free_page_violates(pfn_to_page(chunk->first_pfn + bit), check))
			return true;
	if (!(check->flags & HMMT_CHECK_QUIET))
		return false;
	for_each_set_bit(bit, chunk->used, HPAGE_PMD_NR)
		if (used_page_violates(pfn_to_page(chunk->first_pfn + bit),
				       mdevice->bust_ref, check))
			return true;
	return false;
}

static void flip_poison(struct page *page)
{
	*poison_words(page_address(dmirror_backing(page)), page_to_pfn(page)) ^= 1;
}

/*
 * Break an invariant, and the second time mend it. The oracle is to be tested
 * as well. False: there is nothing to break. The allocator's lock is held.
 */
static bool check_bust(struct dmirror_device *mdevice, unsigned int which, bool mend)
{
	int by = mend ? -1 : 1;
	struct page *page = dmirror_devmem_find(mdevice, which == HMMT_CHECK_ORDER ||
					       which == HMMT_CHECK_USED_REF ||
					       which == HMMT_CHECK_UNPLUGGED);
	struct dmirror_chunk *chunk;

	if (!page)
		return false;
	chunk = dmirror_page_chunk(page);
	switch (which) {
	case HMMT_CHECK_CHUNK_COUNT:
		chunk->nr_free -= by;
		return true;
	case HMMT_CHECK_CHUNK_LIST:
		list_move(&chunk->node, mend ? dmirror_chunk_list(mdevice, chunk) :
					       &mdevice->busy);
		return true;
	case HMMT_CHECK_FREE_REF:
		page_ref_add(page, by);
		return true;
	case HMMT_CHECK_USED:
		mdevice->pages_used += by;
		return true;
	case HMMT_CHECK_FREE_MAPPED:
		atomic_add(by, &page->_mapcount);
		return true;
	case HMMT_CHECK_ORDER:
		/* order 9 becomes 8 */
		if (!PageHead(page))
			return false;
		((struct folio *)page)->_flags_1 ^= 1;
		return true;
	case HMMT_CHECK_POISON:
		if (!dmirror_poison)
			return false;
		flip_poison(page);
		return true;
	case HMMT_CHECK_COUNTERS:
		dmirror_count_add(mdevice, dev_alloc, by);
		return true;
	case HMMT_CHECK_USED_REF:
		/* never to 0 for real: others may try to get it */
		if (page_folio(page) != (struct folio *)page)
			return false;
		mdevice->bust_ref = !mend;
		return true;
	case HMMT_CHECK_UNPLUGGED:
		chunk->state = mend ? CHUNK_PLUGGED : CHUNK_UNPLUGGED;
		chunk->region->nr_plugged -= by;
		list_move(&chunk->node, dmirror_chunk_list(mdevice, chunk));
		return true;
	case HMMT_CHECK_PLUGGED:
		chunk->region->nr_plugged += by;
		return true;
	}
	return false;
}

static u64 count_read(struct dmirror_device *mdevice, unsigned int counter)
{
	return atomic64_read(&mdevice->count[counter]);
}

static void check_chunks(struct dmirror_device *mdevice, struct hmmt_check *check)
{
	struct dmirror_region *region;
	unsigned long used = 0;
	unsigned int i, plugged;

	list_for_each_entry(region, &mdevice->regions, node) {
		for (i = plugged = 0; i < region->nr_chunks; i++)
			plugged += region->chunks[i].state != CHUNK_UNPLUGGED;
		if (dmirror_check_failed(check, HMMT_CHECK_PLUGGED,
					 region->chunks[0].first_pfn,
					 plugged, region->nr_plugged))
			return;
		for (i = 0; i < region->nr_chunks; i++) {
			if (chunk_violates(mdevice, &region->chunks[i], check))
				return;
			used += HPAGE_PMD_NR - region->chunks[i].nr_free;
		}
	}
	dmirror_check_failed(check, HMMT_CHECK_USED, 0, used, mdevice->pages_used);
	dmirror_check_failed(check, HMMT_CHECK_COUNTERS, 0, mdevice->pages_used,
			     count_read(mdevice, DMIRROR_COUNTER(dev_alloc)) -
			     count_read(mdevice, DMIRROR_COUNTER(dev_free)));
}

/* @bust: break this one meanwhile; ENODATA when it cannot be */
int dmirror_devmem_check(struct dmirror_device *mdevice, struct hmmt_check *check,
			 unsigned int bust)
{
	int ret = 0;

	spin_lock(&mdevice->lock);
	if (bust && !check_bust(mdevice, bust, false)) {
		ret = -ENODATA;
	} else {
		if (mdevice->violation.check)
			*check = mdevice->violation;
		else
			check_chunks(mdevice, check);
		if (bust)
			check_bust(mdevice, bust, true);
	}
	spin_unlock(&mdevice->lock);
	return ret;
}
