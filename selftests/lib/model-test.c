// SPDX-License-Identifier: GPL-2.0
/* The torture program's model: what a slot may hold, and how contents move. */
#include <stdlib.h>
#include <string.h>

#include "ktap.h"
#include "tools/torture/model.h"

static struct model *m;

static uint64_t word_at(unsigned int page)
{
	return atomic_load(&m->page[page].word);
}

static void fresh(void)
{
	model_init(m, 1234, 4, 4);
}

static void slots_do_not_overlap(void)
{
	bool used[HMMT_PAGE_SIZE / 8] = { false };
	unsigned int i, off;

	for (i = 0; i <= NR_SLOTS; i++) {
		off = slot_offset(i < NR_SLOTS ? i : SLOT_PROBE);
		CHECK(off % 8 == 0 && off < HMMT_PAGE_SIZE);
		CHECK(!used[off / 8]);
		used[off / 8] = true;
	}
	CHECK(slot_offset(0) == HMMT_PAGE_SIZE - 8);
}

static void slot_truth_table(void)
{
	const uint32_t t = 0xabcdef;

	/* never written */
	CHECK(slot_check(0, t, 0, 0) == SLOT_GOOD);
	/* written once, perhaps */
	CHECK(slot_check(0, t, 0, 1) == SLOT_GOOD);
	CHECK(slot_check(slot_value(t, 1), t, 0, 1) == SLOT_GOOD);
	/* written for sure */
	CHECK(slot_check(0, t, 1, 1) == SLOT_ZERO);
	CHECK(slot_check(slot_value(t, 5), t, 5, 5) == SLOT_GOOD);
	CHECK(slot_check(slot_value(t, 5), t, 4, 6) == SLOT_GOOD);
	CHECK(slot_check(slot_value(t, 4), t, 5, 6) == SLOT_STALE);
	CHECK(slot_check(slot_value(t, 7), t, 5, 6) == SLOT_FUTURE);
	CHECK(slot_check(slot_value(t, 1), t, 0, 0) == SLOT_FUTURE);
	/* the tag alone is no value */
	CHECK(slot_check(slot_value(t, 0), t, 0, 5) == SLOT_STALE);
	CHECK(slot_check(slot_value(t ^ 1, 5), t, 5, 5) == SLOT_TAG);
	CHECK(slot_check(slot_value(t ^ 0x800000, 5), t, 5, 5) == SLOT_TAG);
	CHECK(slot_check(slot_value(t, SLOT_SEQ_MASK), t, 1, SLOT_SEQ_MASK) == SLOT_GOOD);
}

static void tags_tell_apart(void)
{
	unsigned int cell, same = 0;

	for (cell = 0; cell < 4096; cell++) {
		same += slot_tag(1, cell, 1, 0) == slot_tag(1, cell + 1, 1, 0);
		same += slot_tag(1, cell, 1, 0) == slot_tag(1, cell, 2, 0);
		same += slot_tag(1, cell, 1, 0) == slot_tag(1, cell, 1, 1);
		same += slot_tag(1, cell, 1, 0) == slot_tag(2, cell, 1, 0);
	}
	/* 24 bits: by chance about one in a thousand runs has one */
	CHECK(same <= 1);
}

static void counters_know_their_generation(void)
{
	uint64_t c = seq_pack(7, 99);

	CHECK(seq_of(c, 7) == 99);
	CHECK(seq_of(c, 8) == 0);
	CHECK(seq_of(0, 0) == 0);
	CHECK(seq_of(seq_pack(SLOT_GEN_MASK, SLOT_SEQ_MASK), SLOT_GEN_MASK) == SLOT_SEQ_MASK);
}

static void words(void)
{
	uint64_t w = word_make(0xfffff, 0xfffffe, PROT_IS_R);

	CHECK(word_mapped(w) && word_readable(w) && !word_writable(w));
	CHECK(word_cell(w) == 0xfffff && word_gen(w) == 0xfffffe);
	CHECK(!word_readable(word_make(1, 1, PROT_IS_NONE)));
	CHECK(word_writable(word_make(1, 1, PROT_IS_RW)));
	CHECK(!word_mapped(0) && !word_readable(0) && !word_writable(0));
	CHECK(word_same(word_make(1, 2, PROT_IS_R), word_make(1, 2, PROT_IS_RW)));
	CHECK(!word_same(word_make(1, 2, PROT_IS_R), word_make(1, 3, PROT_IS_R)));
	CHECK(!word_same(0, 0));
}

static void map_discard_unmap(void)
{
	struct span s = { 10, 5 };
	uint64_t before;
	unsigned int i;

	fresh();
	model_map(m, s, PROT_IS_RW);
	CHECK(m->nr_free == m->nr_pages - 5);
	for (i = 10; i < 15; i++)
		CHECK(word_writable(word_at(i)));
	CHECK(!word_mapped(word_at(9)) && !word_mapped(word_at(15)));
	before = word_at(12);
	model_discard(m, (struct span){ 12, 1 });
	CHECK(word_mapped(word_at(12)) && !word_same(before, word_at(12)));
	before = word_at(12);
	model_protect(m, (struct span){ 11, 2 }, PROT_IS_R);
	CHECK(word_same(before, word_at(12)) && !word_writable(word_at(12)));
	CHECK(word_writable(word_at(13)));
	model_map(m, s, PROT_IS_RW);
	CHECK(m->nr_free == m->nr_pages - 5 && !word_same(before, word_at(12)));
	model_unmap(m, s);
	model_unmap(m, s);
	CHECK(m->nr_free == m->nr_pages);
}

static void moves(void)
{
	uint64_t a, b, c;

	fresh();
	model_map(m, (struct span){ 0, 4 }, PROT_IS_RW);
	model_map(m, (struct span){ 100, 4 }, PROT_IS_R);
	a = word_at(0);
	b = word_at(3);
	c = word_at(100);
	model_move(m, (struct span){ 0, 4 }, 100, false);
	CHECK(!word_mapped(word_at(0)) && word_same(word_at(100), a) && word_same(word_at(103), b));
	CHECK(!word_same(word_at(100), c) && word_writable(word_at(100)));
	CHECK(m->nr_free == m->nr_pages - 4);
	model_move(m, (struct span){ 100, 4 }, 200, true);
	CHECK(word_same(word_at(200), a) && word_mapped(word_at(100)));
	CHECK(!word_same(word_at(100), a) && m->nr_free == m->nr_pages - 8);
}

/* All pages mapped, and one block moved with its source kept: enough cells. */
static void cells_suffice(void)
{
	unsigned int i;

	fresh();
	model_map(m, (struct span){ 0, m->nr_pages }, PROT_IS_RW);
	CHECK(m->nr_free == 0);
	for (i = 0; i < 100; i++) {
		model_move(m, (struct span){ 0, 512 }, 1024, true);
		model_discard(m, (struct span){ 512, 512 });
	}
	CHECK(m->nr_free == 0);
}

static void stray_writes(void)
{
	struct span s = { 7, 1 };

	fresh();
	CHECK(!model_stray_possible(m, 1, 7, 0));
	atomic_store(&m->inflight[1], 8ULL << 32 | 0);
	CHECK(!model_stray_possible(m, 1, 7, 0));	/* nothing changed since */
	CHECK(!model_stray_possible(m, 1, 6, 1));	/* another page */
	CHECK(!model_stray_possible(m, 2, 7, 1));	/* another worker */
	CHECK(!model_stray_possible(m, SLOT_OF(1, 1), 7, 1));
	CHECK(model_stray_possible(m, 1, 7, 1));
	atomic_store(&m->inflight[1], 8ULL << 32 | FLUX_UNKNOWN);
	CHECK(model_stray_possible(m, 1, 7, 0));
	atomic_store(&m->inflight[1], 0);
	flux_begin(m, s);
	CHECK(m->page[7].fb == 1 && m->page[7].fe == 0 && m->page[8].fb == 0);
	flux_end(m, s);
	CHECK(m->page[7].fb == m->page[7].fe);
}

static void locks(void)
{
	struct span s[2] = { { 1000, 100 }, { 0, 1 } };
	uint64_t blocks;

	fresh();
	CHECK(span_blocks((struct span){ 0, 512 }) == 1);
	CHECK(span_blocks((struct span){ 511, 2 }) == 3);
	CHECK(span_blocks((struct span){ 512, 1024 }) == 6);
	CHECK(span_blocks((struct span){ 5, 0 }) == 0);
	CHECK(span_overlap((struct span){ 0, 2 }, (struct span){ 1, 1 }));
	CHECK(!span_overlap((struct span){ 0, 2 }, (struct span){ 2, 1 }));
	blocks = model_lock(m, s, 2);
	CHECK(blocks == 7);
	CHECK(pthread_mutex_trylock(&m->block[1]));
	CHECK(!pthread_mutex_trylock(&m->block[3]));
	pthread_mutex_unlock(&m->block[3]);
	model_unlock(m, blocks);
	CHECK(!pthread_mutex_trylock(&m->block[1]));
	pthread_mutex_unlock(&m->block[1]);
}

int main(void)
{
	static const struct ktap_case cases[] = {
		{ "slot.no_overlap", slots_do_not_overlap },
		{ "slot.truth_table", slot_truth_table },
		{ "slot.tags", tags_tell_apart },
		{ "slot.generations", counters_know_their_generation },
		{ "model.words", words },
		{ "model.map_discard_unmap", map_discard_unmap },
		{ "model.moves", moves },
		{ "model.cells_suffice", cells_suffice },
		{ "model.stray_writes", stray_writes },
		{ "model.locks", locks },
	};

	m = calloc(1, sizeof(*m));
	if (!m)
		return 1;
	return ktap_run(cases, sizeof(cases) / sizeof(cases[0]));
}
