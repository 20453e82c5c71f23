// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's interface for drivers, used as this driver does not use it: device
 * memory of other kinds, arguments that have to be refused. One row of a table a
 * call; that it leaves nothing behind is part of the test.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ioport.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "dmirror.h"

#ifdef HAVE_FOLIO_FREE

/* As much as one section of the memory map describes: less cannot be private */
#define API_RANGE	BIT_ULL(PA_SECTION_SHIFT)

enum api_where { FREE, FREE_TWICE, SET_ASIDE, RAM, OURS_START, OURS_END, NOWHERE };

/* A dev_pagemap, and what else there is to it */
struct api_pagemap {
	enum memory_type	type;
	enum api_where		where;
	int			nr_range;
	unsigned long		shift;
	bool			no_ops, no_fault, no_free, no_owner;
	bool			altmap;
	bool			devm;
};

struct api_row {
	const char		*name;
	int			expected;
	unsigned int		effect;		/* HMMT_API_*, beside the answer */
	/* arguments of migrate_vma_setup(); without it the row is of memremap_pages() */
	void			(*spoil)(struct dmirror *dmirror, struct migrate_vma *args);
	struct api_pagemap	pagemap;	/* with @spoil: where to migrate to */
};

/* --- migrate_vma_setup() --------------------------------------------------- */

static void spoil_nothing(struct dmirror *dmirror, struct migrate_vma *args)
{
}

static void spoil_vma(struct dmirror *dmirror, struct migrate_vma *args)
{
	args->vma = NULL;
}

static void spoil_empty(struct dmirror *dmirror, struct migrate_vma *args)
{
	args->end = args->start;
}

static void spoil_backwards(struct dmirror *dmirror, struct migrate_vma *args)
{
	args->end = args->start - PAGE_SIZE;
}

/* From the first page of the mapping on: refused for where it ends */
static void spoil_first_backwards(struct dmirror *dmirror, struct migrate_vma *args)
{
	args->start = args->vma->vm_start;
	args->end = args->start - PAGE_SIZE;
}

static void spoil_before(struct dmirror *dmirror, struct migrate_vma *args)
{
	args->start = args->vma->vm_start - PAGE_SIZE;
	args->end = args->vma->vm_start + PAGE_SIZE;
}

static void spoil_behind(struct dmirror *dmirror, struct migrate_vma *args)
{
	args->start = args->vma->vm_end;
	args->end = args->start + PAGE_SIZE;
}

static void spoil_end(struct dmirror *dmirror, struct migrate_vma *args)
{
	args->end = args->vma->vm_end + PAGE_SIZE;
}

static void spoil_src(struct dmirror *dmirror, struct migrate_vma *args)
{
	args->src = NULL;
}

static void spoil_dst(struct dmirror *dmirror, struct migrate_vma *args)
{
	args->dst = NULL;
}

static void spoil_fault_system(struct dmirror *dmirror, struct migrate_vma *args)
{
	args->fault_page = ZERO_PAGE(0);
}

/* One that is free is not locked */
static void spoil_fault_lock(struct dmirror *dmirror, struct migrate_vma *args)
{
	args->fault_page = dmirror_devmem_free_page(dmirror->mdevice);
}

/* The page where nothing is mapped */
static void spoil_page(struct dmirror *dmirror, struct migrate_vma *args)
{
	args->start += PAGE_SIZE;
	args->end += PAGE_SIZE;
}

/* @to: a destination, locked and referenced, or NULL; -EAGAIN: it was refused */
static int api_setup(struct dmirror *dmirror, const struct api_row *row, unsigned long addr,
		     struct page *to)
{
	struct mm_struct *mm = dmirror->notifier.mm;
	unsigned long src = 0, dst = 0;
	struct migrate_vma args = {
		.start = addr, .end = addr + PAGE_SIZE, .src = &src, .dst = &dst,
		.pgmap_owner = dmirror->mdevice, .flags = MIGRATE_VMA_SELECT_SYSTEM,
	};
	int ret = -EFAULT;

	if (!mmget_not_zero(mm))
		return -ESRCH;
	mmap_read_lock(mm);
	args.vma = vma_lookup(mm, addr);
	if (args.vma) {
		row->spoil(dmirror, &args);
		ret = migrate_vma_setup(&args);
	}
	if (!ret) {
		dst = to ? migrate_pfn(page_to_pfn(to)) : 0;
		migrate_vma_pages(&args);
		if (to && !(src & MIGRATE_PFN_MIGRATE))
			ret = -EAGAIN;
		migrate_vma_finalize(&args);
	}
	mmap_read_unlock(mm);
	mmput(mm);
	return ret;
}

/* --- memremap_pages() ------------------------------------------------------ */

static void api_folio_free(struct folio *folio)
{
}

static vm_fault_t api_to_ram(struct vm_fault *vmf)
{
	return VM_FAULT_SIGBUS;
}

static const struct dev_pagemap_ops api_ops = {
	.folio_free = api_folio_free, .migrate_to_ram = api_to_ram,
};

static const struct dev_pagemap_ops api_ops_no_free = { .migrate_to_ram = api_to_ram };
static const struct dev_pagemap_ops api_ops_no_fault = { .folio_free = api_folio_free };

static int range_free(struct range *range)
{
	struct resource *res = request_free_mem_region(&iomem_resource, API_RANGE,
						       "hmm_dmirror api");

	if (IS_ERR(res))
		return PTR_ERR(res);
	range->start = res->start;
	range->end = res->end;
	return 0;
}

static void ranges_release(const struct api_pagemap *p, struct dev_pagemap *pagemap)
{
	unsigned int i, nr = p->where == FREE ? 1 : p->where == FREE_TWICE ? 2 : 0;

	for (i = 0; i < nr; i++)
		if (pagemap->ranges[i].end)
			release_mem_region(pagemap->ranges[i].start, API_RANGE);
}

/* The lowest address at which a device of ours has private memory */
static u64 our_start(void)
{
	struct dmirror_device *mdevice;
	struct dmirror_region *region;
	u64 start = U64_MAX;
	unsigned int i;

	for (i = 0; (mdevice = dmirror_device_get(i)); i++)
		list_for_each_entry(region, &mdevice->regions, node)
			if (!mdevice->coherent)
				start = min(start, region->pagemap.range.start);
	return start;
}

static int ranges_request(const struct api_pagemap *p, struct dev_pagemap *pagemap)
{
	struct range *range = pagemap->ranges;
	u64 start;

	switch (p->where) {
	case FREE:
		return range_free(range);
	case FREE_TWICE:
		return range_free(range) ?: range_free(range + 1);
	case SET_ASIDE:
		if (!dmirror_api_addr)
			return -ENODATA;
		start = dmirror_api_addr;
		/* for those that have two */
		range[1] = (struct range) { start + API_RANGE, start + 2 * API_RANGE - 1 };
		break;
	case RAM:
		start = API_RANGE;
		break;
	case OURS_START:
		start = our_start();
		break;
	case OURS_END:
		/* not further than what we have for sure */
		start = our_start() + HPAGE_PMD_SIZE - API_RANGE;
		break;
	default:
		/* no CPU can address it */
		start = BIT_ULL(60);
	}
	*range = (struct range) { start, start + API_RANGE - 1 };
	return 0;
}

/* Hand a page out, as its owner would, and let it go */
static void use_page(struct dev_pagemap *pagemap)
{
	unsigned long pfn = PHYS_PFN(pagemap->range.start);
	struct dev_pagemap *found;
	struct page *page;

	if (pagemap->flags & PGMAP_ALTMAP_VALID)
		pfn += vmem_altmap_offset(&pagemap->altmap);
	found = get_dev_pagemap(pfn);
	WARN_ON(found != pagemap);
	WARN_ON(!IS_ALIGNED(pagemap->range.start, memremap_compat_align()));
	page = pfn_to_page(pfn);
	if (pagemap->type == MEMORY_DEVICE_COHERENT) {
		dmirror_folio_init(page, pagemap, 0);
		unlock_page(page);
	} else if (pagemap->type != MEMORY_DEVICE_GENERIC) {
		set_page_count(page, 1);
	}
	put_page(page);
	WARN_ON(page_ref_count(page) != (pagemap->type == MEMORY_DEVICE_GENERIC));
	put_dev_pagemap(found);
}

static int map_and_unmap(struct dmirror *dmirror, const struct api_row *row,
			 struct dev_pagemap *pagemap, unsigned long addr)
{
	const struct api_pagemap *p = &row->pagemap;
	struct device *dev = &dmirror->mdevice->dev;
	void *at = p->devm ? devm_memremap_pages(dev, pagemap) :
			     memremap_pages(pagemap, numa_node_id());
	int ret = 0;

	if (IS_ERR(at))
		return PTR_ERR(at);
	/* of private memory the driver itself hands out enough */
	if (p->type != MEMORY_DEVICE_PRIVATE)
		use_page(pagemap);
	if (row->spoil) {
		struct page *to = pfn_to_page(PHYS_PFN(pagemap->range.start));

		lock_page(to);
		ret = api_setup(dmirror, row, addr, to);
	}
	if (p->devm)
		devm_memunmap_pages(dev, pagemap);
	else
		memunmap_pages(pagemap);
	return ret;
}

static int api_pagemap(struct dmirror *dmirror, const struct api_row *row, unsigned long addr)
{
	const struct api_pagemap *p = &row->pagemap;
	struct dev_pagemap *pagemap;
	int ret;

	pagemap = kzalloc(struct_size(pagemap, ranges, 2), GFP_KERNEL);
	if (!pagemap)
		return -ENOMEM;
	ret = ranges_request(p, pagemap);
	if (!ret) {
		pagemap->type = p->type;
		pagemap->nr_range = p->nr_range;
		pagemap->ops = p->no_ops ? NULL : p->no_free ? &api_ops_no_free :
			       p->no_fault ? &api_ops_no_fault : &api_ops;
		pagemap->vmemmap_shift = p->shift;
		pagemap->owner = p->no_owner ? NULL : pagemap;
		if (p->altmap) {
			struct vmem_altmap altmap = {
				.base_pfn = PHYS_PFN(pagemap->range.start),
				.end_pfn = PHYS_PFN(pagemap->range.end),
				/* what struct pages of a part of it need */
				.free = PHYS_PFN(API_RANGE / 8),
			};

			memcpy(&pagemap->altmap, &altmap, sizeof(altmap));
			pagemap->flags = PGMAP_ALTMAP_VALID;
		}
		ret = map_and_unmap(dmirror, row, pagemap, addr);
	}
	ranges_release(p, pagemap);
	kfree(pagemap);
	return ret;
}

/* --- the table ------------------------------------------------------------- */

#define SETUP(_name, _errno)						\
	{ .name = "setup_" #_name, .expected = -(_errno), .spoil = spoil_##_name }
#define PAGEMAP(_name, _errno, _effect, _type, _where, _nr, ...)	\
	{ .name = "pagemap_" _name, .expected = -(_errno), .effect = _effect, \
	  .pagemap = { .type = MEMORY_DEVICE_##_type, .where = _where, .nr_range = _nr, \
		       ##__VA_ARGS__ } }
#define QUIET			0
#define WARNS			HMMT_API_WARNS
#define MEMORY_DEVICE_UNKNOWN	0x7f
/* To memory that is no destination: the page of addr, or the empty one behind it */
#define TO_GENERIC(_name, _spoil)					\
	{ .name = "to_generic_" #_name, .expected = -EAGAIN, .spoil = spoil_##_spoil, \
	  .pagemap = { .type = MEMORY_DEVICE_GENERIC, .where = FREE, .nr_range = 1 } }

static const struct api_row api_rows[] = {
	SETUP(nothing, 0),
	SETUP(vma, EINVAL),
	SETUP(empty, EINVAL),
	SETUP(first_backwards, EINVAL),
	{ .name = "setup_backwards", .expected = -EINVAL, .spoil = spoil_backwards,
	  .effect = HMMT_API_KILLS },
	SETUP(before, EINVAL),
	SETUP(behind, EINVAL),
	SETUP(end, EINVAL),
	SETUP(src, EINVAL),
	SETUP(dst, EINVAL),
	SETUP(fault_system, EINVAL),
	SETUP(fault_lock, EINVAL),
	TO_GENERIC(page, nothing),
	TO_GENERIC(hole, page),
	PAGEMAP("private", 0, QUIET, PRIVATE, FREE, 1),
	PAGEMAP("private_two_ranges", 0, QUIET, PRIVATE, FREE_TWICE, 2),
	PAGEMAP("private_devm", 0, QUIET, PRIVATE, FREE, 1, .devm = true),
	PAGEMAP("coherent", 0, QUIET, COHERENT, FREE, 1),
	PAGEMAP("generic", 0, QUIET, GENERIC, FREE, 1),
	PAGEMAP("generic_two_ranges", 0, QUIET, GENERIC, FREE_TWICE, 2),
	PAGEMAP("generic_altmap", 0, QUIET, GENERIC, SET_ASIDE, 1, .altmap = true),
	PAGEMAP("dax", 0, QUIET, FS_DAX, FREE, 1),
	PAGEMAP("p2p", 0, QUIET, PCI_P2PDMA, FREE, 1),
	PAGEMAP("p2p_devm", 0, QUIET, PCI_P2PDMA, FREE, 1, .devm = true),
	PAGEMAP("nowhere", EINVAL, QUIET, PRIVATE, NOWHERE, 1),
	PAGEMAP("no_range", EINVAL, WARNS, PRIVATE, FREE, 0),
	PAGEMAP("shift", EINVAL, WARNS, GENERIC, FREE, 1, .shift = 40),
	PAGEMAP("no_ops", EINVAL, WARNS, PRIVATE, FREE, 1, .no_ops = true),
	PAGEMAP("no_fault", EINVAL, WARNS, PRIVATE, FREE, 1, .no_fault = true),
	PAGEMAP("no_free", EINVAL, WARNS, PRIVATE, FREE, 1, .no_free = true),
	PAGEMAP("no_owner", EINVAL, WARNS, PRIVATE, FREE, 1, .no_owner = true),
	PAGEMAP("no_owner_devm", EINVAL, WARNS, PRIVATE, FREE, 1, .no_owner = true, .devm = true),
	PAGEMAP("coherent_no_free", EINVAL, WARNS, COHERENT, FREE, 1, .no_free = true),
	PAGEMAP("coherent_no_owner", EINVAL, WARNS, COHERENT, FREE, 1, .no_owner = true),
	PAGEMAP("unknown", 0, WARNS, UNKNOWN, FREE, 1),
	PAGEMAP("ram", ENXIO, WARNS, PRIVATE, RAM, 1),
	PAGEMAP("taken", ENOMEM, WARNS, PRIVATE, OURS_START, 1),
	PAGEMAP("partly_taken", ENOMEM, WARNS, PRIVATE, OURS_END, 1),
	PAGEMAP("altmap_two_ranges", EINVAL, WARNS, GENERIC, SET_ASIDE, 2, .altmap = true),
};

int dmirror_api(struct dmirror *dmirror, struct hmmt_api *api)
{
	const struct api_row *row;

	if (api->which >= ARRAY_SIZE(api_rows))
		return -ENODATA;
	row = &api_rows[api->which];
	strscpy(api->name, row->name);
	api->expected = row->expected;
	api->effect = row->effect;
	if (!(api->flags & HMMT_API_RUN))
		return 0;
	api->error = row->pagemap.nr_range || !row->spoil ?
		     api_pagemap(dmirror, row, api->addr) :
		     api_setup(dmirror, row, api->addr, NULL);
	return 0;
}

#else /* HAVE_FOLIO_FREE */

/* Other kinds of pages are freed in other ways there */
int dmirror_api(struct dmirror *dmirror, struct hmmt_api *api)
{
	return -EOPNOTSUPP;
}

#endif /* HAVE_FOLIO_FREE */
