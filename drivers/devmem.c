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

#include <linux/highmem.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "dmirror.h"

static const struct dev_pagemap_ops dmirror_private_ops;
static const struct dev_pagemap_ops dmirror_coherent_ops;

static struct dmirror_region *page_region(struct page *page)
{
	return container_of(dmirror_pgmap(page), struct dmirror_region, pagemap);
}

/* NULL: a ZONE_DEVICE page of somebody else */
struct dmirror_device *dmirror_page_device(struct page *page)
{
	const struct dev_pagemap_ops *ops = dmirror_pgmap(page)->ops;

	if (ops != &dmirror_private_ops && ops != &dmirror_coherent_ops)
		return NULL;
	return page_region(page)->mdevice;
}

struct dmirror_chunk *dmirror_page_chunk(struct page *page)
{
	struct dmirror_region *region = page_region(page);
	unsigned long first = PHYS_PFN(region->pagemap.range.start);

	return &region->chunks[(page_to_pfn(page) - first) / HPAGE_PMD_NR];
}

/* The system page that holds the data of device page @page */
struct page *dmirror_backing(struct page *page)
{
	struct dmirror_chunk *chunk = dmirror_page_chunk(page);

	if (!chunk->backing)
		return page;
	return chunk->backing + dmirror_page_index(chunk, page);
}

/* Is it handed out? What is mapped must be. */
bool dmirror_devmem_in_use(struct page *page)
{
	struct dmirror_chunk *chunk = dmirror_page_chunk(page);

	return test_bit(dmirror_page_index(chunk, page), chunk->used);
}

/* The chunk of device page number @pfn, NULL if it is none of @mdevice */
struct dmirror_chunk *dmirror_devmem_chunk(struct dmirror_device *mdevice, u64 pfn)
{
	struct dmirror_region *region;

	list_for_each_entry(region, &mdevice->regions, node) {
		u64 first = PHYS_PFN(region->pagemap.range.start);

		if (pfn >= first && pfn - first < (u64)region->nr_chunks * HPAGE_PMD_NR)
			return &region->chunks[(pfn - first) / HPAGE_PMD_NR];
	}
	return NULL;
}

/* Which list a chunk belongs on. The allocator's lock is held. */
struct list_head *dmirror_chunk_list(struct dmirror_device *mdevice,
				     struct dmirror_chunk *chunk)
{
	if (chunk->state != CHUNK_PLUGGED)
		return &mdevice->barred;
	if (chunk->nr_free == HPAGE_PMD_NR)
		return &mdevice->free;
	return chunk->nr_free ? &mdevice->carved : &mdevice->busy;
}

static void chunk_update(struct dmirror_device *mdevice,
			 struct dmirror_chunk *chunk)
{
	if (chunk->nr_free == HPAGE_PMD_NR)
		chunk->whole = false;
	list_move(&chunk->node, dmirror_chunk_list(mdevice, chunk));
}

void dmirror_chunk_set(struct dmirror_chunk *chunk, enum dmirror_chunk_state state)
{
	struct dmirror_region *region = chunk->region;
	struct dmirror_device *mdevice = region->mdevice;

	spin_lock(&mdevice->lock);
	region->nr_plugged += (chunk->state == CHUNK_UNPLUGGED) -
			      (state == CHUNK_UNPLUGGED);
	chunk->state = state;
	chunk_update(mdevice, chunk);
	spin_unlock(&mdevice->lock);
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
	dmirror_count_add(mdevice, dev_alloc, 1UL << order);
	chunk_update(mdevice, chunk);
	spin_unlock(&mdevice->lock);

	page = pfn_to_page(chunk->first_pfn + index);
	dmirror_poison_check(mdevice, page, 1UL << order);
	dmirror_folio_init(page, &chunk->region->pagemap, order);
	dmirror_flags_check(mdevice, page, 1UL << order);
	return page;
}

static void devmem_free(struct page *page, unsigned int order)
{
	struct dmirror_chunk *chunk = dmirror_page_chunk(page);
	struct dmirror_device *mdevice = chunk->region->mdevice;
	unsigned int index = dmirror_page_index(chunk, page);
	bool drained;

	dmirror_freed_check(page);
	dmirror_poison_pages(page, 1UL << order);
	/*
	 * No kernel forgets all of it: the next user would inherit that it is dirty, or
	 * that it has not been given up by MADV_FREE
	 */
	folio_clear_dirty(page_folio(page));
	folio_clear_swapbacked(page_folio(page));

	spin_lock(&mdevice->lock);
	bitmap_clear(chunk->used, index, 1U << order);
	chunk->nr_free += 1U << order;
	mdevice->pages_used -= 1UL << order;
	dmirror_count_add(mdevice, dev_free, 1UL << order);
	drained = !mdevice->pages_used ||
		  (chunk->state == CHUNK_LEAVING && chunk->nr_free == HPAGE_PMD_NR);
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

#ifdef HAVE_FOLIO_FREE
#define DMIRROR_FREE_OP		.folio_free = dmirror_folio_free
#else
#define DMIRROR_FREE_OP		.page_free = dmirror_page_free
#endif

static const struct dev_pagemap_ops dmirror_private_ops = {
	DMIRROR_FREE_OP,
#ifdef HAVE_FOLIO_SPLIT
	.folio_split	= dmirror_folio_split,
#endif
	.migrate_to_ram	= dmirror_migrate_to_ram,
};

/* The CPU maps these: there is no fault to serve */
static const struct dev_pagemap_ops dmirror_coherent_ops = {
	DMIRROR_FREE_OP,
};

static void region_free_backing(struct dmirror_region *region)
{
	unsigned int i;

	for (i = 0; i < region->nr_chunks; i++)
		if (region->chunks[i].backing)
			__free_pages(region->chunks[i].backing, HPAGE_PMD_ORDER);
}

static int region_backing(struct dmirror_region *region)
{
	unsigned int i;

	for (i = 0; i < region->nr_chunks; i++) {
		struct dmirror_chunk *chunk = &region->chunks[i];

		chunk->backing = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_ZERO,
					     HPAGE_PMD_ORDER);
		if (!chunk->backing)
			return -ENOMEM;
	}
	return 0;
}

/* Addresses for struct pages; those of coherent memory are given by the user */
static int region_range(struct dmirror_region *region, u64 coherent_addr)
{
	struct dev_pagemap *pagemap = &region->pagemap;
	u64 size = (u64)region->nr_chunks * HPAGE_PMD_SIZE;

	pagemap->nr_range = 1;
	pagemap->owner = region->mdevice;
	if (coherent_addr) {
		pagemap->type = MEMORY_DEVICE_COHERENT;
		pagemap->ops = &dmirror_coherent_ops;
		pagemap->range.start = coherent_addr;
	} else {
		/* whole sections, of which we want struct pages for no more than we use */
		region->res = request_free_mem_region(&iomem_resource, size, "hmm_dmirror");
		if (IS_ERR(region->res))
			return PTR_ERR(region->res);
		pagemap->type = MEMORY_DEVICE_PRIVATE;
		pagemap->ops = &dmirror_private_ops;
		pagemap->range.start = region->res->start;
	}
	pagemap->range.end = pagemap->range.start + size - 1;
	return 0;
}

static void region_unrange(struct dmirror_region *region)
{
	if (region->res)
		release_mem_region(region->res->start, resource_size(region->res));
}

/* Struct pages for it */
int dmirror_region_map(struct dmirror_region *region)
{
	return PTR_ERR_OR_ZERO(memremap_pages(&region->pagemap, numa_node_id()));
}

static struct dmirror_region *region_create(struct dmirror_device *mdevice,
					    unsigned int nr_chunks,
					    u64 coherent_addr)
{
	struct dmirror_region *region;
	unsigned long i, pfn;
	int ret;

	region = kvzalloc(struct_size(region, chunks, nr_chunks), GFP_KERNEL);
	if (!region)
		return ERR_PTR(-ENOMEM);
	region->nr_chunks = nr_chunks;
	region->mdevice = mdevice;
	ret = coherent_addr ? 0 : region_backing(region);
	if (ret)
		goto err_backing;
	ret = region_range(region, coherent_addr);
	if (ret)
		goto err_backing;
	ret = dmirror_region_map(region);
	if (ret)
		goto err_range;
	region->nr_plugged = nr_chunks;

	pfn = PHYS_PFN(region->pagemap.range.start);
	for (i = 0; i < nr_chunks; i++) {
		struct dmirror_chunk *chunk = &region->chunks[i];

		chunk->region = region;
		chunk->nr_free = HPAGE_PMD_NR;
		chunk->first_pfn = pfn + i * HPAGE_PMD_NR;
	}
	for (i = 0; i < nr_chunks; i++)
		dmirror_poison_pages(pfn_to_page(pfn + i * HPAGE_PMD_NR), HPAGE_PMD_NR);
	spin_lock(&mdevice->lock);
	for (i = 0; i < nr_chunks; i++)
		list_add_tail(&region->chunks[i].node, &mdevice->free);
	spin_unlock(&mdevice->lock);
	return region;

err_range:
	region_unrange(region);
err_backing:
	region_free_backing(region);
	kvfree(region);
	return ERR_PTR(ret);
}

static void region_destroy(struct dmirror_region *region)
{
	if (region->nr_plugged)
		memunmap_pages(&region->pagemap);
	region_unrange(region);
	region_free_backing(region);
	kvfree(region);
}

/* @coherent_addr: physical address of memory set aside, 0 for private memory */
int dmirror_devmem_init(struct dmirror_device *mdevice, unsigned int chunks,
			unsigned int chunks_per_pagemap, u64 coherent_addr)
{
	struct dmirror_region *region;
	unsigned int nr;

	mdevice->coherent = coherent_addr;
	init_rwsem(&mdevice->plug_lock);
	spin_lock_init(&mdevice->lock);
	INIT_LIST_HEAD(&mdevice->regions);
	INIT_LIST_HEAD(&mdevice->free);
	INIT_LIST_HEAD(&mdevice->carved);
	INIT_LIST_HEAD(&mdevice->busy);
	INIT_LIST_HEAD(&mdevice->barred);
	init_waitqueue_head(&mdevice->drained);

	for (; mdevice->nr_chunks < chunks; mdevice->nr_chunks += nr) {
		nr = min(chunks_per_pagemap, chunks - mdevice->nr_chunks);
		region = region_create(mdevice, nr, !coherent_addr ? 0 :
				       coherent_addr + (u64)mdevice->nr_chunks *
						       HPAGE_PMD_SIZE);
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
	struct hmmt_check check = { .flags = HMMT_CHECK_QUIET };
	struct hmmt_evict evict = {};
	unsigned int tries = 0;

	while (!devmem_drained(mdevice)) {
		dmirror_evict(mdevice, NULL, &evict);
		if (wait_event_timeout(mdevice->drained, devmem_drained(mdevice),
				       HZ / 50))
			break;
		if (++tries % 500 == 0)
			pr_warn("%s: %lu pages will not leave device memory\n",
				dev_name(&mdevice->dev), mdevice->pages_used);
	}
	dmirror_devmem_check(mdevice, &check, 0);
	WARN(check.check, "%s: check %u pfn %#llx expected %#llx found %#llx\n",
	     dev_name(&mdevice->dev), check.check, check.pfn,
	     check.expected, check.found);

	list_for_each_entry_safe(region, next, &mdevice->regions, node)
		region_destroy(region);
	INIT_LIST_HEAD(&mdevice->regions);
}

void dmirror_devmem_state(struct dmirror_device *mdevice, struct hmmt_stats *stats)
{
	struct list_head *lists[] = { &mdevice->carved, &mdevice->busy, &mdevice->barred };
	struct dmirror_chunk *chunk;
	unsigned int i;

	stats->pages_capacity = (u64)mdevice->nr_chunks * HPAGE_PMD_NR;
	spin_lock(&mdevice->lock);
	stats->pages_used = mdevice->pages_used;
	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		list_for_each_entry(chunk, lists[i], node) {
			stats->chunks_whole += chunk->whole;
			stats->chunks_carved += !chunk->whole &&
						chunk->nr_free != HPAGE_PMD_NR;
		}
	}
	spin_unlock(&mdevice->lock);
}

/* The first page that is in use, or that is free and may be handed out */
struct page *dmirror_devmem_find(struct dmirror_device *mdevice, bool used)
{
	struct dmirror_region *region;
	unsigned int i, bit;

	list_for_each_entry(region, &mdevice->regions, node) {
		for (i = 0; i < region->nr_chunks; i++) {
			struct dmirror_chunk *chunk = &region->chunks[i];

			if (!used && chunk->state != CHUNK_PLUGGED)
				continue;
			bit = used ? find_first_bit(chunk->used, HPAGE_PMD_NR) :
				     find_first_zero_bit(chunk->used, HPAGE_PMD_NR);
			if (bit < HPAGE_PMD_NR)
				return pfn_to_page(chunk->first_pfn + bit);
		}
	}
	return NULL;
}

struct page *dmirror_devmem_free_page(struct dmirror_device *mdevice)
{
	struct page *page;

	spin_lock(&mdevice->lock);
	page = dmirror_devmem_find(mdevice, false);
	spin_unlock(&mdevice->lock);
	return page;
}
