// SPDX-License-Identifier: GPL-2.0
/* The model's state changes and its locks. */
#include <string.h>
#include <time.h>

#include "model.h"

void model_init(struct model *m, uint64_t seed, unsigned int nr_blocks,
		unsigned int nr_workers)
{
	unsigned int i;

	m->seed = seed;
	m->nr_blocks = nr_blocks;
	m->nr_pages = nr_blocks * HMMT_PMD_PAGES;
	m->nr_workers = nr_workers;
	memset(m->page, 0, sizeof(m->page[0]) * m->nr_pages);
	memset(m->seq, 0, sizeof(m->seq[0]) * m->nr_pages);
	memset((void *)m->inflight, 0, sizeof(m->inflight));
	for (i = 0; i < nr_blocks; i++)
		pthread_mutex_init(&m->block[i], NULL);
	pthread_mutex_init(&m->cell_lock, NULL);
	for (i = 0; i < m->nr_pages; i++) {
		m->gen[i] = 0;
		m->free_cell[i] = m->nr_pages - 1 - i;
	}
	m->nr_free = m->nr_pages;
}

static bool write_unsettled(uint64_t inflight, uint32_t flux)
{
	return (uint32_t)inflight != flux;
}

/* May the locked @s be changed, or does a racing write still need it? */
static bool span_settled(struct model *m, struct span s)
{
	unsigned int w, page;
	uint64_t f;

	for (w = 0; w < m->nr_workers; w++) {
		f = atomic_load(&m->inflight[w]);
		if (!f)
			continue;
		page = (f >> 32) - 1;
		if (page < s.first || page >= s.first + s.n)
			continue;
		if (write_unsettled(f, atomic_load(&m->page[page].fe)))
			return false;
	}
	return true;
}

bool model_stray_possible(struct model *m, unsigned int slot, unsigned int page,
			  uint32_t flux)
{
	uint64_t f;

	if (slot >= m->nr_workers)
		return false;
	f = atomic_load(&m->inflight[slot]);
	return f && (f >> 32) - 1 == page && write_unsettled(f, flux);
}

uint64_t model_lock(struct model *m, const struct span *s, unsigned int n)
{
	const struct timespec nap = { .tv_nsec = 100 * 1000 };
	uint64_t blocks = 0;
	unsigned int i;
	bool settled;

	for (i = 0; i < n; i++)
		blocks |= span_blocks(s[i]);
	for (;;) {
		for (i = 0; i < m->nr_blocks; i++)
			if (blocks >> i & 1)
				pthread_mutex_lock(&m->block[i]);
		settled = true;
		for (i = 0; i < n && settled; i++)
			settled = span_settled(m, s[i]);
		if (settled)
			return blocks;
		/* The writer needs the lock to find out where its word went. */
		model_unlock(m, blocks);
		nanosleep(&nap, NULL);
	}
}

void model_unlock(struct model *m, uint64_t blocks)
{
	unsigned int i;

	for (i = m->nr_blocks; i-- > 0;)
		if (blocks >> i & 1)
			pthread_mutex_unlock(&m->block[i]);
}

void model_lock_page(struct model *m, unsigned int page)
{
	pthread_mutex_lock(&m->block[page / HMMT_PMD_PAGES]);
}

void model_unlock_page(struct model *m, unsigned int page)
{
	pthread_mutex_unlock(&m->block[page / HMMT_PMD_PAGES]);
}

void flux_begin(struct model *m, struct span s)
{
	unsigned int i;

	for (i = s.first; i < s.first + s.n; i++)
		atomic_fetch_add(&m->page[i].fb, 1);
}

void flux_end(struct model *m, struct span s)
{
	unsigned int i;

	for (i = s.first; i < s.first + s.n; i++)
		atomic_fetch_add(&m->page[i].fe, 1);
}

/* A new generation of @cell: nothing was written to it yet. 0 is none. */
static uint32_t cell_renew(struct model *m, uint32_t cell)
{
	uint32_t gen = (atomic_load(&m->gen[cell]) + 1) & SLOT_GEN_MASK;

	if (!gen)
		gen = 1;
	atomic_store(&m->gen[cell], gen);
	return gen;
}

static uint64_t fresh_word(struct model *m, enum page_prot prot)
{
	uint32_t cell, gen;

	pthread_mutex_lock(&m->cell_lock);
	cell = m->free_cell[--m->nr_free];
	gen = cell_renew(m, cell);
	pthread_mutex_unlock(&m->cell_lock);
	return word_make(cell, gen, prot);
}

static void free_word(struct model *m, uint64_t word)
{
	if (!word_mapped(word))
		return;
	pthread_mutex_lock(&m->cell_lock);
	m->free_cell[m->nr_free++] = word_cell(word);
	pthread_mutex_unlock(&m->cell_lock);
}

void model_map(struct model *m, struct span s, enum page_prot prot)
{
	unsigned int i;

	model_unmap(m, s);
	for (i = s.first; i < s.first + s.n; i++)
		atomic_store(&m->page[i].word, fresh_word(m, prot));
}

void model_unmap(struct model *m, struct span s)
{
	unsigned int i;

	for (i = s.first; i < s.first + s.n; i++)
		free_word(m, atomic_exchange(&m->page[i].word, 0));
}

void model_discard(struct model *m, struct span s)
{
	unsigned int i;
	uint64_t word;

	for (i = s.first; i < s.first + s.n; i++) {
		word = atomic_load(&m->page[i].word);
		if (!word_mapped(word))
			continue;
		free_word(m, word);
		atomic_store(&m->page[i].word, fresh_word(m, word_prot(word)));
	}
}

void model_protect(struct model *m, struct span s, enum page_prot prot)
{
	unsigned int i;
	uint64_t word;

	for (i = s.first; i < s.first + s.n; i++) {
		word = atomic_load(&m->page[i].word);
		if (word_mapped(word))
			atomic_store(&m->page[i].word,
				     word_make(word_cell(word), word_gen(word), prot));
	}
}

void model_move(struct model *m, struct span s, unsigned int to, bool keep)
{
	unsigned int i;
	uint64_t word;

	model_unmap(m, (struct span){ to, s.n });
	for (i = 0; i < s.n; i++) {
		word = atomic_exchange(&m->page[s.first + i].word, 0);
		atomic_store(&m->page[to + i].word, word);
		if (keep && word_mapped(word))
			atomic_store(&m->page[s.first + i].word,
				     fresh_word(m, word_prot(word)));
	}
}
