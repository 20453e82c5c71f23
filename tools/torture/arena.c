// SPDX-License-Identifier: GPL-2.0
/* The address space of a round: building it, and choosing where to act. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "scenarios/scenarios.h"
#include "torture.h"

#define HOT_PAGES	3

static unsigned long lane_base(const struct round *r, unsigned int idx)
{
	/* An unmapped PMD between the arena and each lane. */
	return page_addr(r->m->nr_pages) + HMMT_PMD_SIZE +
	       idx * (LANE_PAGES * HMMT_PAGE_SIZE + HMMT_PMD_SIZE);
}

void lane_clear(struct worker *w)
{
	munmap((void *)w->lane, LANE_PAGES * HMMT_PAGE_SIZE);
}

int arena_map(struct worker *w, struct span s, enum page_prot prot, int advice)
{
	static const int prots[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };
	void *addr = (void *)page_addr(s.first);
	size_t len = s.n * HMMT_PAGE_SIZE;
	void *p;

	step_begin(w, STEP_MMAP, (unsigned long)addr);
	p = mmap(addr, len, prots[prot], MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	step_end(w);
	if (p == MAP_FAILED)
		return -errno;
	/* EINVAL where the kernel has no THP: then it is plain memory */
	if (advice >= 0)
		madvise(addr, len, advice);
	model_map(w->m, s, prot);
	return 0;
}

static int map_pieces(struct worker *w, struct span block)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < 4 && !ret; i++)
		ret = arena_map(w, (struct span){ block.first + i * 128, 96 }, PROT_IS_RW,
				MADV_HUGEPAGE);
	return ret;
}

/* Of each size one, naturally aligned, with a hole behind it; the largest apart. */
static int map_sizes(struct worker *w, struct span block)
{
	unsigned int n;
	int ret = 0;

	if (block.first / HMMT_PMD_PAGES & 1)
		return arena_map(w, (struct span){ block.first, 256 }, PROT_IS_RW, MADV_HUGEPAGE);
	for (n = 2; n <= 128 && !ret; n *= 2)
		ret = arena_map(w, (struct span){ block.first + 2 * n, n }, PROT_IS_RW,
				MADV_HUGEPAGE);
	return ret;
}

static int map_shape(struct worker *w, struct span s, enum shape shape)
{
	switch (shape) {
	case SHAPE_HOLE:
		return 0;
	case SHAPE_BASE:
	case SHAPE_SPARSE:
		return arena_map(w, s, PROT_IS_RW, MADV_NOHUGEPAGE);
	case SHAPE_MTHP:
		return map_pieces(w, s);
	case SHAPE_SIZES:
		return map_sizes(w, s);
	default:
		return arena_map(w, s, PROT_IS_RW, MADV_HUGEPAGE);
	}
}

/* Contents, and what becomes of the mapping after that. */
static void fill_shape(struct worker *w, struct span s, enum shape shape)
{
	struct span one = { s.first + 100, 1 };
	unsigned int i;
	uint64_t val;

	switch (shape) {
	case SHAPE_ZERO:
		access_load(page_addr(s.first), &val);
		return;
	case SHAPE_SPARSE:
		for (i = s.first; i < s.first + s.n; i += 3)
			page_fill_locked(w, (struct span){ i, 1 }, page_addr(i));
		madvise((void *)page_addr(s.first), HMMT_PMD_SIZE, MADV_HUGEPAGE);
		return;
	case SHAPE_PTE:
		page_fill_locked(w, s, page_addr(s.first));
		/* There and back: the page table stays. */
		mprotect((void *)page_addr(one.first), HMMT_PAGE_SIZE, PROT_READ);
		mprotect((void *)page_addr(one.first), HMMT_PAGE_SIZE, PROT_READ | PROT_WRITE);
		return;
	case SHAPE_READ:
		page_fill_locked(w, s, page_addr(s.first));
		flux_begin(w->m, s);
		if (!mprotect((void *)page_addr(s.first), HMMT_PMD_SIZE, PROT_READ))
			model_protect(w->m, s, PROT_IS_R);
		flux_end(w->m, s);
		return;
	default:
		page_fill_locked(w, s, page_addr(s.first));
	}
}

/* Worker 0 builds the regions of the scenario before the others start. */
int arena_init(struct round *r)
{
	struct worker w = { .r = r, .sh = r->sh, .m = r->m, .pg = &r->sh->progress[0] };
	const struct region *reg = r->scenario->region;
	unsigned int block = 0, b;
	struct span s;
	int ret;

	munmap((void *)ARENA_BASE, lane_base(r, MAX_WORKERS) - ARENA_BASE);
	for (; reg->shape != SHAPE_END; reg++) {
		for (b = 0; b < reg->blocks && block < r->m->nr_blocks; b++, block++) {
			s = (struct span){ block * HMMT_PMD_PAGES, HMMT_PMD_PAGES };
			flux_begin(r->m, s);
			ret = map_shape(&w, s, reg->shape);
			flux_end(r->m, s);
			if (ret)
				return ret;
			fill_shape(&w, s, reg->shape);
		}
	}
	return 0;
}

unsigned int pick_page(struct worker *w)
{
	return hmmt_rng_below(&w->rng, w->m->nr_pages);
}

unsigned int pick_slot(struct worker *w)
{
	unsigned int slot = hmmt_rng_below(&w->rng, w->r->nr_workers);

	/* Now and then a child's, which must be 0. */
	if (hmmt_rng_chance(&w->rng, 1, 5))
		slot += MAX_WORKERS * hmmt_rng_between(&w->rng, 1, SLOT_LEVELS - 1);
	return slot;
}

/*
 * A few pages of a round are picked more often than others, a third of the time: what one op
 * did to a page, or what a device remembers of it, matters when the next one comes to
 * the same. Numbers behind the last page stand for them, so that a choice is a page.
 */
static unsigned int pick_hot_or_page(struct worker *w)
{
	unsigned int nr = w->m->nr_pages;
	unsigned int page = hmmt_rng_below(&w->rng, nr + nr / 2);

	return page < nr ? page : hmmt_mix64(w->m->seed + page % HOT_PAGES) % nr;
}

unsigned int pick_mapped(struct worker *w)
{
	unsigned int page = pick_hot_or_page(w), tries;

	for (tries = 0; tries < 6; tries++) {
		if (word_mapped(atomic_load(&w->m->page[page].word)))
			break;
		page = pick_page(w);
	}
	return page;
}

static struct span block_span(unsigned int block, unsigned int n)
{
	return (struct span){ block * HMMT_PMD_PAGES, n * HMMT_PMD_PAGES };
}

struct span pick_block(struct worker *w)
{
	return block_span(hmmt_rng_below(&w->rng, w->m->nr_blocks), 1);
}

struct span pick_mapped_block(struct worker *w)
{
	return block_span(pick_mapped(w) / HMMT_PMD_PAGES, 1);
}

struct span pick_part(struct worker *w)
{
	unsigned int base = pick_mapped(w) / HMMT_PMD_PAGES * HMMT_PMD_PAGES;
	unsigned int a, b;

	switch (hmmt_rng_below(&w->rng, 6)) {
	case 0:		/* one page */
		return (struct span){ base + hmmt_rng_below(&w->rng, HMMT_PMD_PAGES), 1 };
	case 1:		/* 64 KiB, aligned */
		return (struct span){ base + 16 * hmmt_rng_below(&w->rng, 32), 16 };
	case 2:		/* a half or a quarter */
		a = hmmt_rng_chance(&w->rng, 1, 2) ? 256 : 128;
		b = hmmt_rng_below(&w->rng, HMMT_PMD_PAGES / a);
		return (struct span){ base + a * b, a };
	case 3:		/* all but one end */
		a = hmmt_rng_between(&w->rng, 1, 16);
		return (struct span){ base + (hmmt_rng_chance(&w->rng, 1, 2) ? a : 0),
				      HMMT_PMD_PAGES - a };
	default:	/* anything */
		a = hmmt_rng_below(&w->rng, HMMT_PMD_PAGES);
		b = hmmt_rng_between(&w->rng, 1, HMMT_PMD_PAGES - a);
		return (struct span){ base + a, b };
	}
}

struct span pick_block_or_part(struct worker *w)
{
	return hmmt_rng_chance(&w->rng, 1, 2) ? pick_mapped_block(w) : pick_part(w);
}

struct span pick_unaligned(struct worker *w)
{
	unsigned int block = hmmt_rng_below(&w->rng, w->m->nr_blocks - 1);
	unsigned int shift = hmmt_rng_between(&w->rng, 1, HMMT_PMD_PAGES - 1);

	if (hmmt_rng_chance(&w->rng, 1, 2))
		shift = shift > 256 ? 256 : 128;
	return (struct span){ block * HMMT_PMD_PAGES + shift, HMMT_PMD_PAGES };
}

struct span pick_multi(struct worker *w)
{
	unsigned int n = hmmt_rng_between(&w->rng, 2, 3);

	if (n > w->m->nr_blocks)
		n = w->m->nr_blocks;
	return block_span(hmmt_rng_below(&w->rng, w->m->nr_blocks - n + 1), n);
}

struct span leading_run(struct worker *w, struct span s, bool (*is)(uint64_t word))
{
	unsigned int n;

	for (n = 0; n < s.n; n++)
		if (!is(atomic_load(&w->m->page[s.first + n].word)))
			break;
	return (struct span){ s.first, n };
}

int lock_run(struct worker *w, struct span *s, bool (*is)(uint64_t word), uint64_t *blocks)
{
	*blocks = model_lock(w->m, s, 1);
	*s = leading_run(w, *s, is);
	if (s->n)
		return 0;
	model_unlock(w->m, *blocks);
	return -EAGAIN;
}

struct span vma_run(struct worker *w, struct span s)
{
	unsigned long addr = page_addr(s.first);
	struct hmmt_vma vma;

	s = leading_run(w, s, word_mapped);
	if (!s.n)
		return s;
	if (hmmt_vma_at(w->r->maps_fd, addr, &vma)) {
		s.n = 0;
		return s;
	}
	s.n = min_ul(s.n, (vma.end - addr) >> HMMT_PAGE_SHIFT);
	return s;
}

void arena_resync(struct worker *w, struct span s)
{
	unsigned int page, n, i;
	struct hmmt_vma vma;
	enum page_prot prot;
	uint64_t word;

	for (page = s.first; page < s.first + s.n; page += n) {
		n = 1;
		word = atomic_load(&w->m->page[page].word);
		if (hmmt_vma_at(w->r->maps_fd, page_addr(page), &vma)) {
			if (word_mapped(word))
				model_unmap(w->m, (struct span){ page, 1 });
			continue;
		}
		n = min_ul(s.first + s.n - page, (vma.end - page_addr(page)) >> HMMT_PAGE_SHIFT);
		prot = vma.write ? PROT_IS_RW : vma.read ? PROT_IS_R : PROT_IS_NONE;
		for (i = page; i < page + n; i++) {
			word = atomic_load(&w->m->page[i].word);
			if (word_mapped(word))
				model_protect(w->m, (struct span){ i, 1 }, prot);
			else	/* half made: take it away again */
				munmap((void *)page_addr(i), HMMT_PAGE_SIZE);
		}
	}
}
