// SPDX-License-Identifier: GPL-2.0
/*
 * Device memory: an allocator of PMD-sized chunks.
 *
 * A chunk is handed out whole, as one folio of PMD order, or carved into base
 * pages. The kernel may split a whole one at any time, so what a chunk is made
 * of is only known from what comes back: folio_free() clears the bits of the
 * pages it is given, and when all are clear the chunk can be whole again.
 *
 * The data of a device page is in a backing page of system memory that has the
 * same offset in the chunk's backing folio. It is allocated with the chunk, so
 * that migrating needs no memory but the device's.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "dmirror.h"

static struct dmirror_region *page_region(struct page *page)
{
	return container_of(dmirror_pgmap(page), struct dmirror_region, pagemap);
}

struct dmirror_device *dmirror_page_device(struct page *page)
{
	return page_region(page)->mdevice;
}

static struct dmirror_chunk *page_chunk(struct page *page)
{
	struct dmirror_region *region = page_region(page);
	unsigned long first = PHYS_PFN(region->pagemap.range.start);

	return &region->chunks[(page_to_pfn(page) - first) / HPAGE_PMD_NR];
}

/* The system page that holds the data of device page @page */
struct page *dmirror_backing(struct page *page)
{
	struct dmirror_chunk *chunk = page_chunk(page);

	return chunk->backing + dmirror_page_index(chunk, page);
}

/* Which list a chunk belongs on. The allocator's lock is held. */
static struct list_head *chunk_list(struct dmirror_device *mdevice,
				    struct dmirror_chunk *chunk)
{
	if (chunk->nr_free == HPAGE_PMD_NR)
		return &mdevice->free;
	return chunk->nr_free ? &mdevice->carved : &mdevice->busy;
}

static void chunk_update(struct dmirror_device *mdevice,
			 struct dmirror_chunk *chunk)
{
	if (chunk->nr_free == HPAGE_PMD_NR)
		chunk->whole = false;
	list_move(&chunk->node, chunk_list(mdevice, chunk));
}

/*
 * Hand out a folio of @order, 0 or HPAGE_PMD_ORDER: locked, one reference.
 * NULL when there is none left. Base pages come out of carved chunks first, so
 * that whole ones last as long as they can.
 */
struct page *dmirror_devmem_alloc(struct dmirror_device *mdevice,
				  unsigned int order)
{
	struct dmirror_chunk *chunk = NULL;
	unsigned int index = 0;
	struct page *page;

	spin_lock(&mdevice->lock);
	if (!order)
		chunk = list_first_entry_or_null(&mdevice->carved,
						 struct dmirror_chunk, node);
	if (!chunk)
		chunk = list_first_entry_or_null(&mdevice->free,
						 struct dmirror_chunk, node);
	if (!chunk) {
		spin_unlock(&mdevice->lock);
		dmirror_count(mdevice, nomem_dev);
		return NULL;
	}
	if (order) {
		bitmap_fill(chunk->used, HPAGE_PMD_NR);
		chunk->whole = true;
	} else {
		index = find_first_zero_bit(chunk->used, HPAGE_PMD_NR);
		__set_bit(index, chunk->used);
	}
	chunk->nr_free -= 1U << order;
	mdevice->pages_used += 1UL << order;
	chunk_update(mdevice, chunk);
	spin_unlock(&mdevice->lock);

	page = pfn_to_page(chunk->first_pfn + index);
	dmirror_folio_init(page, &chunk->region->pagemap, order);
	return page;
}

static void devmem_free(struct page *page, unsigned int order)
{
	struct dmirror_chunk *chunk = page_chunk(page);
	struct dmirror_device *mdevice = chunk->region->mdevice;
	unsigned int index = dmirror_page_index(chunk, page);
	bool drained;

	spin_lock(&mdevice->lock);
	bitmap_clear(chunk->used, index, 1U << order);
	chunk->nr_free += 1U << order;
	mdevice->pages_used -= 1UL << order;
	drained = !mdevice->pages_used;
	chunk_update(mdevice, chunk);
	spin_unlock(&mdevice->lock);

	if (drained)
		wake_up(&mdevice->drained);
}

#ifdef HAVE_FOLIO_FREE
static void dmirror_folio_free(struct folio *folio)
{
	devmem_free(folio_page(folio, 0), folio_order(folio));
}
#else
static void dmirror_page_free(struct page *page)
{
	devmem_free(page, 0);
}
#endif

#ifdef HAVE_FOLIO_SPLIT
/*
 * The kernel calls it for each new folio with the old one, and once more with
 * no tail for what is left of the old one. Backing pages are found by pfn, so
 * there is nothing to split but what every driver has to pass on.
 */
static void dmirror_folio_split(struct folio *head, struct folio *tail)
{
	if (!tail) {
		dmirror_count(dmirror_page_device(folio_page(head, 0)), split_folio);
		return;
	}
	tail->pgmap = head->pgmap;
	tail->page.mapping = head->page.mapping;
}
#endif

const struct dev_pagemap_ops dmirror_pagemap_ops = {
#ifdef HAVE_FOLIO_FREE
	.folio_free	= dmirror_folio_free,
#else
	.page_free	= dmirror_page_free,
#endif
#ifdef HAVE_FOLIO_SPLIT
	.folio_split	= dmirror_folio_split,
#endif
	.migrate_to_ram	= dmirror_migrate_to_ram,
};

static void region_free_backing(struct dmirror_region *region)
{
	unsigned int i;

	for (i = 0; i < region->nr_chunks; i++)
		if (region->chunks[i].backing)
			__free_pages(region->chunks[i].backing, HPAGE_PMD_ORDER);
}

static struct dmirror_region *region_create(struct dmirror_device *mdevice,
					    unsigned int nr_chunks)
{
	struct dmirror_region *region;
	struct resource *res;
	unsigned int i;
	void *addr;
	int ret = -ENOMEM;

	region = kvzalloc(struct_size(region, chunks, nr_chunks), GFP_KERNEL);
	if (!region)
		return ERR_PTR(-ENOMEM);
	region->nr_chunks = nr_chunks;
	region->mdevice = mdevice;

	for (i = 0; i < nr_chunks; i++) {
		struct dmirror_chunk *chunk = &region->chunks[i];

		chunk->backing = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_ZERO,
					     HPAGE_PMD_ORDER);
		if (!chunk->backing)
			goto err_backing;
		chunk->region = region;
		chunk->nr_free = HPAGE_PMD_NR;
	}

	res = request_free_mem_region(&iomem_resource,
				      (unsigned long)nr_chunks * HPAGE_PMD_SIZE,
				      "hmm_dmirror");
	if (IS_ERR(res)) {
		ret = PTR_ERR(res);
		goto err_backing;
	}
	region->pagemap.type = MEMORY_DEVICE_PRIVATE;
	region->pagemap.range.start = res->start;
	region->pagemap.range.end = res->end;
	region->pagemap.nr_range = 1;
	region->pagemap.ops = &dmirror_pagemap_ops;
	region->pagemap.owner = mdevice;
	addr = memremap_pages(&region->pagemap, numa_node_id());
	if (IS_ERR(addr)) {
		ret = PTR_ERR(addr);
		goto err_resource;
	}

	spin_lock(&mdevice->lock);
	for (i = 0; i < nr_chunks; i++) {
		region->chunks[i].first_pfn = PHYS_PFN(res->start) + i * HPAGE_PMD_NR;
		list_add_tail(&region->chunks[i].node, &mdevice->free);
	}
	spin_unlock(&mdevice->lock);
	return region;

err_resource:
	release_mem_region(region->pagemap.range.start,
			   range_len(&region->pagemap.range));
err_backing:
	region_free_backing(region);
	kvfree(region);
	return ERR_PTR(ret);
}

static void region_destroy(struct dmirror_region *region)
{
	memunmap_pages(&region->pagemap);
	release_mem_region(region->pagemap.range.start,
			   range_len(&region->pagemap.range));
	region_free_backing(region);
	kvfree(region);
}

int dmirror_devmem_init(struct dmirror_device *mdevice, unsigned int chunks,
			unsigned int chunks_per_pagemap)
{
	struct dmirror_region *region;
	unsigned int nr;

	spin_lock_init(&mdevice->lock);
	INIT_LIST_HEAD(&mdevice->regions);
	INIT_LIST_HEAD(&mdevice->free);
	INIT_LIST_HEAD(&mdevice->carved);
	INIT_LIST_HEAD(&mdevice->busy);
	init_waitqueue_head(&mdevice->drained);

	for (; mdevice->nr_chunks < chunks; mdevice->nr_chunks += nr) {
		nr = min(chunks_per_pagemap, chunks - mdevice->nr_chunks);
		region = region_create(mdevice, nr);
		if (IS_ERR(region)) {
			dmirror_devmem_exit(mdevice);
			return PTR_ERR(region);
		}
		list_add_tail(&region->node, &mdevice->regions);
	}
	return 0;
}

static bool devmem_drained(struct dmirror_device *mdevice)
{
	return !READ_ONCE(mdevice->pages_used);
}

/*
 * No file is open any more, but mappings may still have pages here. Bring them
 * back; what is busy now (locked, being unmapped) is tried again.
 */
void dmirror_devmem_exit(struct dmirror_device *mdevice)
{
	struct dmirror_region *region, *next;
	struct hmmt_evict evict;
	struct hmmt_check check;
	unsigned int tries = 0;

	while (!devmem_drained(mdevice)) {
		dmirror_evict(mdevice, &evict);
		if (wait_event_timeout(mdevice->drained, devmem_drained(mdevice),
				       HZ / 50))
			break;
		if (++tries % 500 == 0)
			pr_warn("%s: %lu pages will not leave device memory\n",
				dev_name(&mdevice->dev), mdevice->pages_used);
	}
	if (!dmirror_devmem_check(mdevice, &check) && check.check)
		WARN(1, "%s: check %u pfn %#llx expected %llu found %llu\n",
		     dev_name(&mdevice->dev), check.check, check.pfn,
		     check.expected, check.found);

	list_for_each_entry_safe(region, next, &mdevice->regions, node)
		region_destroy(region);
	INIT_LIST_HEAD(&mdevice->regions);
}

static bool check_failed(struct hmmt_check *check, u32 which, u64 pfn,
			 u64 expected, u64 found)
{
	if (expected == found)
		return false;
	check->check = which;
	check->pfn = pfn;
	check->expected = expected;
	check->found = found;
	return true;
}

static bool chunk_violates(struct dmirror_device *mdevice,
			   struct dmirror_chunk *chunk, struct hmmt_check *check)
{
	struct dmirror_chunk *pos;
	unsigned int bit;
	bool listed = false;

	bit = bitmap_weight(chunk->used, HPAGE_PMD_NR);
	if (check_failed(check, HMMT_CHECK_CHUNK_COUNT, chunk->first_pfn,
			 HPAGE_PMD_NR - bit, chunk->nr_free))
		return true;

	list_for_each_entry(pos, chunk_list(mdevice, chunk), node)
		listed |= pos == chunk;
	if (check_failed(check, HMMT_CHECK_CHUNK_LIST, chunk->first_pfn, 1, listed))
		return true;

	for_each_clear_bit(bit, chunk->used, HPAGE_PMD_NR) {
		struct page *page = pfn_to_page(chunk->first_pfn + bit);

		if (check_failed(check, HMMT_CHECK_FREE_REF, page_to_pfn(page),
				 0, atomic_read(&page->_refcount)))
			return true;
	}
	return false;
}

int dmirror_devmem_check(struct dmirror_device *mdevice, struct hmmt_check *check)
{
	struct dmirror_region *region;
	unsigned long used = 0;
	unsigned int i;

	memset(check, 0, sizeof(*check));
	spin_lock(&mdevice->lock);
	list_for_each_entry(region, &mdevice->regions, node) {
		for (i = 0; i < region->nr_chunks; i++) {
			if (chunk_violates(mdevice, &region->chunks[i], check))
				goto out;
			used += HPAGE_PMD_NR - region->chunks[i].nr_free;
		}
	}
	check_failed(check, HMMT_CHECK_USED, 0, used, mdevice->pages_used);
out:
	spin_unlock(&mdevice->lock);
	return 0;
}
