/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Scenarios are data: the shape of the memory, what the workers do how often,
 * and which oracles have to have looked at the end.
 */
#ifndef _TORTURE_SCENARIOS_H
#define _TORTURE_SCENARIOS_H

#include "../torture.h"

enum shape { SHAPE_END, SHAPE_THP, SHAPE_MTHP, SHAPE_BASE, SHAPE_HOLE };

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
#define MAX_ROLES	3

struct scenario {
	const char *name;
	const char *help;
	struct region region[MAX_REGIONS];
	/* worker n has role n % nr_roles */
	unsigned int nr_roles;
	struct weight role[MAX_ROLES][MAX_WEIGHTS];
	unsigned int oracles;		/* mask of planned enum oracle */
};

extern const struct scenario scenarios[];
extern const unsigned int nr_scenarios;

const struct scenario *scenario_find(const char *name);
/* Names of shapes in programs; SHAPE_END: no such shape. */
const char *shape_name(enum shape shape);
enum shape shape_find(const char *name);
unsigned int scenario_blocks(const struct scenario *s);

#endif
