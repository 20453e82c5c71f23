// SPDX-License-Identifier: GPL-2.0
/*
 * Delta debugging: the program as a set of things that may go (workers, ops,
 * draws), of which ever smaller parts are taken away, while what is left still
 * fails the same way. What is simplest comes first: each guest less counts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hmmt.h"
#include "minimize.h"

static void take(struct min *m, struct program *p)
{
	program_free(&m->best);
	m->best = *p;
	memset(p, 0, sizeof(*p));
	/* Alone in its guest it is proven; else verify() does it. */
	if (m->batch == 1 && save_best(m))
		exit(3);
}

/* The first of @n candidates that works becomes the best. All are freed. */
static bool try_all(struct min *m, struct program *c, unsigned int n)
{
	unsigned int i;
	int got = n ? first_same(m, c, n, NULL) : -1;

	if (got >= 0)
		take(m, &c[got]);
	for (i = 0; i < n; i++)
		program_free(&c[i]);
	return got >= 0;
}

static void drop_line(struct program *p, unsigned int i)
{
	free(p->line[i].choice);
	memmove(&p->line[i], &p->line[i + 1], (p->nr - i - 1) * sizeof(p->line[0]));
	p->nr--;
}

/* --- things that may go ----------------------------------------------------- */

/* How many there are, and how some are taken away. */
struct kind {
	const char *name;
	unsigned int (*count)(const struct program *p);
	/* @gone[i]: the i-th is to go */
	void (*drop)(struct program *p, const bool *gone);
};

static unsigned int count_workers(const struct program *p)
{
	return p->workers;
}

static void drop_workers(struct program *p, const bool *gone)
{
	unsigned int i, w, n = 0, to[64] = { 0 };

	for (w = 0; w < p->workers; w++)
		if (!gone[w])
			to[w] = n++;
	for (i = p->nr; i-- > 0;) {
		if (gone[p->line[i].worker])
			drop_line(p, i);
		else
			p->line[i].worker = to[p->line[i].worker];
	}
	p->workers = n ? n : 1;
}

static unsigned int count_lines(const struct program *p)
{
	return p->nr;
}

static void drop_lines(struct program *p, const bool *gone)
{
	unsigned int i;

	for (i = p->nr; i-- > 0;)
		if (gone[i])
			drop_line(p, i);
}

static unsigned int count_draws(const struct program *p)
{
	unsigned int i, k, n = 0;

	for (i = 0; i < p->nr; i++)
		for (k = 0; k < p->line[i].nr_choices; k++)
			n += p->line[i].choice[k] != 0;
	return n;
}

/* Zeros at the end need not be said: seed 0 says so. */
static void trim(struct program_line *l)
{
	if (l->seed)
		return;
	while (l->nr_choices && !l->choice[l->nr_choices - 1])
		l->nr_choices--;
}

static void drop_draws(struct program *p, const bool *gone)
{
	unsigned int i, k, n = 0;

	for (i = 0; i < p->nr; i++) {
		for (k = 0; k < p->line[i].nr_choices; k++)
			if (p->line[i].choice[k] && gone[n++])
				p->line[i].choice[k] = 0;
		trim(&p->line[i]);
	}
}

static const struct kind workers = { "workers", count_workers, drop_workers };
static const struct kind lines = { "ops", count_lines, drop_lines };
static const struct kind draws = { "draws", count_draws, drop_draws };

/* A copy of the best without things @from to @to, and the others that are @gone. */
static void without(struct min *m, const struct kind *k, bool *gone, unsigned int from,
		    unsigned int to, struct program *c)
{
	memset(gone + from, 1, to - from);
	copy_program(c, &m->best);
	k->drop(c, gone);
}

/*
 * Parts of @size things from @at on, as many as can be tried at once, one by one;
 * then all of those together that can go alone. Returns where to go on.
 */
static unsigned int sweep(struct min *m, const struct kind *k, unsigned int at,
			  unsigned int size, bool *any)
{
	unsigned int n = k->count(&m->best), room = m->jobs * m->batch, nr, i, to, kept = 0;
	struct program *c = calloc(room + 1, sizeof(*c));
	bool *same = calloc(room, sizeof(*same)), *gone = calloc(n, sizeof(*gone));
	int first;

	if (!c || !same || !gone)
		exit(3);
	for (nr = 0; nr < room && at + nr * size < n; nr++) {
		memset(gone, 0, n);
		to = at + (nr + 1) * size;
		without(m, k, gone, at + nr * size, to < n ? to : n, &c[nr]);
	}
	first = first_same(m, c, nr, same);
	to = at + nr * size < n ? at + nr * size : n;
	if (first >= 0) {
		memset(gone, 0, n);
		for (i = at; i < to; i++) {
			gone[i] = same[(i - at) / size];
			kept += !gone[i];
		}
		without(m, k, gone, 0, 0, &c[nr]);
		/* Who went alone need not do so in company. */
		if (first_same(m, &c[nr], 1, NULL) == 0) {
			take(m, &c[nr]);
			at += kept;
		} else {
			take(m, &c[first]);
			at += first * size;
		}
		say("%s: %u left", k->name, k->count(&m->best));
		*any = true;
	} else {
		at = to;
	}
	for (i = 0; i <= nr; i++)
		program_free(&c[i]);
	free(c);
	free(same);
	free(gone);
	return at;
}

/*
 * From front to back, take away what is not needed: as many parts as guests can try
 * at once, then smaller ones; single ones until none can go. True if any went.
 */
static bool ddmin(struct min *m, const struct kind *k)
{
	unsigned int n = k->count(&m->best), room = m->jobs * m->batch, size = n, at = 0;
	bool any = false, again = false;

	/* Nothing can be left of draws, but hardly of the others. */
	if (k != &draws)
		size = n > room ? (n + room - 1) / room : 1;
	/* Somebody has to do it. */
	while (n > (k == &workers) && !time_is_up(m)) {
		at = sweep(m, k, at, size, &again);
		n = k->count(&m->best);
		if (at < n)
			continue;
		/* The end: once more, or with smaller parts. */
		any |= again;
		if (size == 1 && !again)
			break;
		at = 0;
		size = (size < n ? size : n) / 2;
		if (size > n / room)
			size = n / room;
		if (!size)
			size = 1;
		again = false;
	}
	return any;
}

/* --- single changes ----------------------------------------------------------- */

/* One op at a time needs no luck with the schedule, and is easiest to read. */
static bool simplify_head(struct min *m)
{
	struct program c[3];
	unsigned int n = 0;

	if (!m->best.serial) {
		copy_program(&c[n], &m->best);
		c[n].pauses = 0;
		c[n++].serial = true;
		copy_program(&c[n], &m->best);
		c[n++].serial = true;
	}
	if (m->best.pauses) {
		copy_program(&c[n], &m->best);
		c[n++].pauses = 0;
	}
	return try_all(m, c, n);
}

static bool merge_workers(struct min *m)
{
	struct program c;
	unsigned int i;

	if (m->best.workers == 1)
		return false;
	copy_program(&c, &m->best);
	for (i = 0; i < c.nr; i++)
		c.line[i].worker = 0;
	c.workers = 1;
	return try_all(m, &c, 1);
}

/*
 * Make every draw explicit, and the seeds superfluous; where seeds are needed
 * still, for pauses, that is no gain.
 */
static bool fix_draws(struct min *m)
{
	struct program c[2];
	unsigned int i;

	for (i = 0; i < m->best.nr; i++)
		if (m->best.line[i].seed)
			break;
	if (i == m->best.nr || time_is_up(m) || !run_traced(m, &m->best, &c[1]))
		return false;
	copy_program(&c[0], &c[1]);
	for (i = 0; i < c[0].nr; i++) {
		c[0].line[i].seed = 0;
		trim(&c[0].line[i]);
	}
	i = c[0].nr;
	return try_all(m, c, 2) && m->best.nr == i && i && !m->best.line[0].seed;
}

/* Smaller and rounder numbers than @v, the simplest first; returns how many. */
static unsigned int simpler(uint64_t v, uint64_t *out)
{
	unsigned int n = 0, bit;

	for (bit = 32; bit-- > 1;)
		if (v >> bit)
			out[n++] = v >> bit;
	for (bit = 32; bit-- > 0;)
		if (v >> bit && (v >> bit << bit) != v)
			out[n++] = v >> bit << bit;
	return n;
}

/* True if a simpler number will do for choice @k of line @i. */
static bool round_draw(struct min *m, unsigned int i, unsigned int k)
{
	uint64_t v = m->best.line[i].choice[k], to[64];
	struct program *c;
	unsigned int n, nr;
	bool any;

	/* 64 random bits are as good as any other. */
	if (v < 2 || v > UINT32_MAX || time_is_up(m))
		return false;
	nr = simpler(v, to);
	c = calloc(nr, sizeof(*c));
	if (!c)
		exit(3);
	for (n = 0; n < nr; n++) {
		copy_program(&c[n], &m->best);
		c[n].line[i].choice[k] = to[n];
	}
	any = try_all(m, c, nr);
	free(c);
	return any;
}

/* Each draw that could not be 0 gets as simple as it can. */
static bool round_draws(struct min *m)
{
	unsigned int i, k;
	bool any = false;

	for (i = 0; i < m->best.nr; i++)
		for (k = 0; k < m->best.line[i].nr_choices; k++)
			while (round_draw(m, i, k))
				any = true;
	return any;
}

static bool shrink_regions(struct min *m)
{
	struct program c[3 * PROGRAM_REGIONS];
	unsigned int i, n, k, sum;
	bool any = false;

	do {
		sum = 0;
		for (i = 0; i < m->best.nr_regions; i++)
			sum += m->best.region[i].blocks;
		for (n = 0, i = m->best.nr_regions; i-- > 0;) {
			const unsigned int was = m->best.region[i].blocks;
			const unsigned int to[] = { 0, was / 2, was - 1 };

			for (k = 0; k < 3; k++) {
				if ((k && (to[k] == to[k - 1] || !to[k])) ||
				    sum - was + to[k] < 2)
					continue;
				copy_program(&c[n], &m->best);
				c[n].region[i].blocks = to[k];
				if (!to[k]) {
					c[n].nr_regions--;
					memmove(&c[n].region[i], &c[n].region[i + 1],
						(c[n].nr_regions - i) * sizeof(c[n].region[0]));
				}
				n++;
			}
		}
	} while (try_all(m, c, n) && (any = true));
	return any;
}

static bool drop_workers_any(struct min *m)
{
	return ddmin(m, &workers);
}

static bool drop_lines_any(struct min *m)
{
	return ddmin(m, &lines);
}

static bool drop_draws_any(struct min *m)
{
	return ddmin(m, &draws);
}

/* What was found in company must also fail alone, or it is taken back. */
static void verify(struct min *m, struct program *good)
{
	if (m->batch == 1 || count_same(m, &m->best, m->live ? m->tries : 1)) {
		program_free(good);
		copy_program(good, &m->best);
	} else {
		say("it does not fail alone: one program a guest from here on");
		m->batch = 1;
		program_free(&m->best);
		copy_program(&m->best, good);
	}
	if (save_best(m))
		exit(3);
}

void shrink(struct min *m)
{
	/* @again: when it has gained anything, others may do so once more. */
	static const struct {
		bool (*run)(struct min *m);
		bool again;
	} steps[] = {
		{ simplify_head, false }, { drop_workers_any, true }, { drop_lines_any, true },
		{ merge_workers, false }, { fix_draws, false }, { drop_draws_any, true },
		{ shrink_regions, true },
	};
	struct program good;
	unsigned int i;
	bool any, changed;

	copy_program(&good, &m->best);
	do {
		any = false;
		changed = false;
		for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
			if (!steps[i].run(m))
				continue;
			any |= steps[i].again;
			changed = true;
		}
		/* Fewer guests when the rest has settled */
		if (!any)
			changed |= round_draws(m);
		if (changed)
			verify(m, &good);
		say("%u ops by %u workers, %u draws; %u programs in %u guests so far", m->best.nr,
		    m->best.workers, count_draws(&m->best), m->runs, m->guests);
	} while (any && !time_is_up(m));
	program_free(&good);
}
