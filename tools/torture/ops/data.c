// SPDX-License-Identifier: GPL-2.0
/* CPU reads and writes: they run against everything else without a lock. */
#include <errno.h>

#include "ops.h"

static int op_read(struct worker *w)
{
	unsigned int page = pick_mapped(w), i;
	int ret = 0;

	op_arg(w, (uint64_t)page << 32 | 1);
	for (i = 0; i < 8 && !ret; i++)
		ret = page_read(w, page, pick_slot(w), VIA_CPU);
	return ret;
}

static int op_write(struct worker *w)
{
	unsigned int page = pick_mapped(w);
	int ret;

	op_arg(w, (uint64_t)page << 32 | 1);
	ret = page_write(w, page, VIA_CPU);
	if (!ret)
		ret = page_read(w, page, w->idx, VIA_CPU);
	return ret;
}

/* A run of pages, so that one THP is met at many offsets. */
static int op_sweep(struct worker *w)
{
	unsigned int page = pick_mapped(w);
	unsigned int step = 1U << hmmt_rng_below(&w->rng, 6), i;
	unsigned int end = page - page % HMMT_PMD_PAGES + HMMT_PMD_PAGES;
	bool write = hmmt_rng_chance(&w->rng, 1, 2);
	int ret, done = 0;

	op_arg(w, (uint64_t)page << 32 | (end - page));
	for (i = 0; i < 64 && page < end && !atomic_load(&w->sh->stop); i++, page += step) {
		if (write && hmmt_rng_chance(&w->rng, 1, 2))
			ret = page_write(w, page, VIA_CPU);
		else
			ret = page_read(w, page, pick_slot(w), VIA_CPU);
		if (!ret)
			done++;
		else if (ret == -EUCLEAN)
			return ret;
	}
	return done ? 0 : -EAGAIN;
}

/* Places where access must be refused count as much as the others. */
static int op_probe(struct worker *w)
{
	unsigned int page = pick_page(w);

	op_arg(w, (uint64_t)page << 32 | 1);
	return page_probe(w, page, hmmt_rng_chance(&w->rng, 1, 2), VIA_CPU);
}

#define STARE_LOADS	4000
#define STARE_LOOKS	6

/* Wait, without entering the kernel, until a change that has begun is over. */
static void let_settle(struct vpage *p)
{
	unsigned int i;

	for (i = 0; i < STARE_LOADS && atomic_load(&p->fe) != atomic_load(&p->fb); i++)
		;
}

/*
 * Read on without entering the kernel, so that this CPU goes on with the translation that
 * it has. What was mapped there may have changed, or moved, when it looks again.
 */
static int op_stare(struct worker *w)
{
	unsigned int page = pick_mapped(w), i;
	_Atomic uint64_t *word = &w->m->page[page].word;
	uint64_t was = atomic_load(word);
	int ret;

	op_arg(w, (uint64_t)page << 32 | 1);
	ret = page_read(w, page, pick_slot(w), VIA_CPU);
	step_begin(w, STEP_LOAD, page_addr(page));
	access_stare(page_addr(page), word, STARE_LOADS);
	step_end(w);
	let_settle(&w->m->page[page]);
	for (i = 0; i < STARE_LOOKS && !ret; i++)
		ret = page_read(w, page, pick_slot(w), VIA_CPU);
	if (!ret && atomic_load(word) != was)
		ret = page_probe(w, page, true, VIA_CPU);
	return ret;
}

const struct op ops_data[] = {
	{ "read", "check slots of a page", 0, OP_DATA, 20, op_read },
	{ "write", "advance the own slot of a page", 0, OP_DATA, 20, op_write },
	{ "sweep", "check and write pages of a block in a row", 0, OP_DATA, 8, op_sweep },
	{ "stare", "read one page until something happens to it", 0, OP_DATA, 4, op_stare },
	{ "probe", "access any page, mapped or not", 0, OP_CHECK, 6, op_probe },
	OP_TABLE_END
};
