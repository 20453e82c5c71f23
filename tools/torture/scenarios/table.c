// SPDX-License-Identifier: GPL-2.0
/* The tables of scenarios, and what can be said of one before it runs. */
#include <stdio.h>
#include <string.h>

#include "../ops/ops.h"
#include "scenarios.h"

static const struct scenario * const tables[] = {
	scenarios_basic,
	scenarios_layout,
	scenarios_sharing,
	scenarios_memory,
	scenarios_device,
};

const struct scenario *scenario_get(unsigned int n)
{
	const struct scenario *s;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tables); i++)
		for (s = tables[i]; s->name; s++)
			if (!n--)
				return s;
	return NULL;
}

const struct scenario *scenario_find(const char *name)
{
	const struct scenario *s;
	unsigned int i;

	for (i = 0; (s = scenario_get(i)); i++)
		if (!strcmp(s->name, name))
			return s;
	return NULL;
}

static const char * const shape_names[] = {
	[SHAPE_THP] = "thp",
	[SHAPE_MTHP] = "mthp",
	[SHAPE_SIZES] = "sizes",
	[SHAPE_PTE] = "pte",
	[SHAPE_READ] = "read",
	[SHAPE_ZERO] = "zero",
	[SHAPE_SPARSE] = "sparse",
	[SHAPE_BASE] = "base",
	[SHAPE_HOLE] = "hole",
};

const char *shape_name(enum shape shape)
{
	return shape < ARRAY_SIZE(shape_names) && shape_names[shape] ? shape_names[shape] : "?";
}

enum shape shape_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(shape_names); i++)
		if (shape_names[i] && !strcmp(shape_names[i], name))
			return i;
	return SHAPE_END;
}

unsigned int scenario_blocks(const struct scenario *s)
{
	const struct region *r;
	unsigned int n = 0;

	for (r = s->region; r->shape != SHAPE_END; r++)
		n += r->blocks;
	return n < MAX_BLOCKS ? n : MAX_BLOCKS;
}

/* Of a shuffled scenario: some ops not at all, some often, by round. */
static unsigned int shuffled(unsigned int weight, uint64_t seed, unsigned int op)
{
	static const unsigned char factor[] = { 0, 0, 1, 1, 2, 4, 12, 1 };

	return weight * factor[hmmt_mix64(hmmt_mix64(seed) + op) % ARRAY_SIZE(factor)];
}

unsigned int scenario_weight(const struct scenario *s, unsigned int role, unsigned int n,
			     uint64_t seed)
{
	const struct weight *wt = s->role[role];
	const struct op *op = ops_get(n);
	unsigned int i, weight = 0;

	for (i = 0; wt[i].op; i++)
		if (!strcmp(wt[i].op, op->name))
			return wt[i].weight;
		else if (!strcmp(wt[i].op, "*"))
			weight = wt[i].weight * op->weight;
	return s->shuffle ? shuffled(weight, seed, n) : weight;
}

bool scenario_skip(const struct scenario *s, const struct config *cfg, char *why, size_t size)
{
	unsigned int role, n;
	const struct op *op;
	const char *reason;
	size_t len = 0;

	why[0] = '\0';
	reason = needs_missing(s->needs, cfg);
	if (reason) {
		snprintf(why, size, "%s", reason);
		return true;
	}
	for (role = 0; role < s->nr_roles; role++)
		for (n = 0; (op = ops_get(n)); n++) {
			if (!scenario_weight(s, role, n, 0))
				continue;
			reason = ops_skip(op, cfg);
			if (!reason)
				return false;
			if (!strstr(why, reason) && len < size)
				len += snprintf(why + len, size - len, "%s%s", len ? "; " : "",
						reason);
		}
	return true;
}
