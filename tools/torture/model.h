/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the memory of a round must look like. docs/model.md explains the
 * protocol and why it gives neither false alarms nor misses.
 *
 * Lock order: blocks in ascending order, then the cell lock.
 */
#ifndef _TORTURE_MODEL_H
#define _TORTURE_MODEL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "slot.h"

#define MAX_BLOCKS	32
#define MAX_PAGES	(MAX_BLOCKS * HMMT_PMD_PAGES)

/*
 * Fixed, and far from where the kernel puts what has no fixed address. It begins eight
 * PMDs before the end of a GiB: there are two tables of PMDs to move between.
 */
#define ARENA_BASE	0x20003f000000UL

enum page_prot { PROT_IS_NONE, PROT_IS_R, PROT_IS_RW };

/* What is at a page of the arena, in one word. */
#define WORD_MAPPED	(1ULL << 63)
#define WORD_PROT_SHIFT	60
#define WORD_GEN_SHIFT	32

static inline uint64_t word_make(uint32_t cell, uint32_t gen, enum page_prot prot)
{
	return WORD_MAPPED | (uint64_t)prot << WORD_PROT_SHIFT |
	       (uint64_t)gen << WORD_GEN_SHIFT | cell;
}

static inline bool word_mapped(uint64_t word)
{
	return word & WORD_MAPPED;
}

static inline enum page_prot word_prot(uint64_t word)
{
	return word >> WORD_PROT_SHIFT & 3;
}

static inline bool word_readable(uint64_t word)
{
	return word_mapped(word) && word_prot(word) != PROT_IS_NONE;
}

static inline bool word_writable(uint64_t word)
{
	return word_mapped(word) && word_prot(word) == PROT_IS_RW;
}

static inline uint32_t word_gen(uint64_t word)
{
	return word >> WORD_GEN_SHIFT & SLOT_GEN_MASK;
}

static inline uint32_t word_cell(uint64_t word)
{
	return (uint32_t)word;
}

/* Do two words name the same content? */
static inline bool word_same(uint64_t a, uint64_t b)
{
	return word_mapped(a) && word_mapped(b) && word_cell(a) == word_cell(b) &&
	       word_gen(a) == word_gen(b);
}

/*
 * @fb, @fe: layout changes begun and ended; equal means that nothing changes.
 * @word: changed only by who holds the block's lock, between the two.
 */
struct vpage {
	_Atomic uint32_t fb;
	_Atomic uint32_t fe;
	_Atomic uint64_t word;
};

/* Per content and worker, written by that worker only; see seq_pack(). */
struct cell_seq {
	_Atomic uint64_t started;
	_Atomic uint64_t done;
};

/* A span of pages of the arena. */
struct span {
	unsigned int first;
	unsigned int n;
};

static inline bool span_has(struct span s, unsigned int page)
{
	return page >= s.first && page < s.first + s.n;
}

struct model {
	uint64_t seed;
	unsigned int nr_blocks;
	unsigned int nr_pages;
	unsigned int nr_workers;
	struct vpage page[MAX_PAGES];
	struct cell_seq seq[MAX_PAGES][MAX_WORKERS];
	/* a worker's write in flight: page + 1 and the flux it saw, or 0 */
	_Atomic uint64_t inflight[MAX_WORKERS];
	pthread_mutex_t block[MAX_BLOCKS];
	pthread_mutex_t cell_lock;
	_Atomic uint32_t gen[MAX_PAGES];
	uint32_t free_cell[MAX_PAGES];
	unsigned int nr_free;
};

#define FLUX_UNKNOWN	UINT32_MAX

static inline unsigned long page_addr(unsigned int page)
{
	return ARENA_BASE + ((unsigned long)page << HMMT_PAGE_SHIFT);
}

static inline uint64_t span_blocks(struct span s)
{
	unsigned int a = s.first / HMMT_PMD_PAGES;
	unsigned int b = (s.first + s.n - 1) / HMMT_PMD_PAGES;

	return s.n ? (2ULL << b) - (1ULL << a) : 0;
}

static inline bool span_overlap(struct span a, struct span b)
{
	return a.first < b.first + b.n && b.first < a.first + a.n;
}

/* Everything unmapped, all cells free; the memory is zero or an old model. */
void model_init(struct model *m, uint64_t seed, unsigned int nr_blocks,
		unsigned int nr_workers);

/*
 * Take the locks of all blocks that the @n spans touch, at a moment at which
 * no write that overlapped an earlier change of these pages is unresolved.
 * Sleeps meanwhile. Returns the mask of blocks for model_unlock().
 */
uint64_t model_lock(struct model *m, const struct span *s, unsigned int n);
void model_unlock(struct model *m, uint64_t blocks);
/* The lock of the block of @page, without waiting for writes. */
void model_lock_page(struct model *m, unsigned int page);
void model_unlock_page(struct model *m, unsigned int page);

/* Around every change of the layout of @s, with the blocks locked. */
void flux_begin(struct model *m, struct span s);
void flux_end(struct model *m, struct span s);

/* The changes themselves; locked and within flux. */
void model_map(struct model *m, struct span s, enum page_prot prot);
void model_unmap(struct model *m, struct span s);
void model_discard(struct model *m, struct span s);
void model_protect(struct model *m, struct span s, enum page_prot prot);
/*
 * Contents of @s go to @to; what was there is gone. With @keep the source stays
 * mapped with fresh contents.
 */
void model_move(struct model *m, struct span s, unsigned int to, bool keep);

/* Is worker @slot's word at @page possibly another content's, unrepaired? */
bool model_stray_possible(struct model *m, unsigned int slot, unsigned int page,
			  uint32_t flux);

#endif
