/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Scenarios are data: the shape of the memory, what the workers do how often,
 * and which oracles have to have looked at the end.
 */
#ifndef _TORTURE_SCENARIOS_H
#define _TORTURE_SCENARIOS_H

#include "../torture.h"

enum shape {
	SHAPE_END,
	SHAPE_THP,
	SHAPE_MTHP,	/* pieces too small for a PMD, with holes between them */
	SHAPE_SIZES,	/* each size of folio once, in two blocks */
	SHAPE_PTE,	/* THPs mapped by PTEs */
	SHAPE_READ,	/* THPs that are read-only */
	SHAPE_ZERO,	/* read before it is written: the huge zero page */
	SHAPE_SPARSE,	/* every third page is there */
	SHAPE_BASE,
	SHAPE_HOLE,
};

struct region {
	enum shape shape;
	unsigned int blocks;
};

/* "*" stands for every op that is not named, by its own weight times this. */
struct weight {
	const char *op;
	unsigned int weight;
};

#define MAX_REGIONS	8
#define MAX_WEIGHTS	40

struct scenario {
	const char *name;
	const char *help;
	struct region region[MAX_REGIONS];
	/* worker n has role n % nr_roles */
	unsigned int nr_roles;
	struct weight role[MAX_ROLES][MAX_WEIGHTS];
	unsigned int oracles;		/* mask of planned enum oracle */
	unsigned int needs;		/* NEED_*, beside those of its ops */
	bool shuffle;			/* each round has weights of its own, by the seed */
	bool unload;			/* the driver goes and comes between rounds */
};

/* What looks in every scenario that has data, migrations and changes of layout */
#define ALWAYS	(1U << ORACLE_SLOT | 1U << ORACLE_NEGATIVE | 1U << ORACLE_PROGRESS | \
		 1U << ORACLE_CONSERVATION | 1U << ORACLE_DRIVER | 1U << ORACLE_LAYOUT | \
		 1U << ORACLE_HMM)

/* Each ends with one that has no name; listed in table.c. */
extern const struct scenario scenarios_basic[];
extern const struct scenario scenarios_layout[];
extern const struct scenario scenarios_sharing[];
extern const struct scenario scenarios_memory[];
extern const struct scenario scenarios_device[];

/* NULL: there are no more. */
const struct scenario *scenario_get(unsigned int n);
const struct scenario *scenario_find(const char *name);
/* Names of shapes in programs; SHAPE_END: no such shape. */
const char *shape_name(enum shape shape);
enum shape shape_find(const char *name);
unsigned int scenario_blocks(const struct scenario *s);
/* Of op number @n, whether it can run here or not; @seed is of the round. */
unsigned int scenario_weight(const struct scenario *s, unsigned int role, unsigned int n,
			     uint64_t seed);
/* Can none of its ops run here? Then @why has the reasons. */
bool scenario_skip(const struct scenario *s, const struct config *cfg, char *why, size_t size);

#endif
