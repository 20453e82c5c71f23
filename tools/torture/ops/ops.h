/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The vocabulary. An op is a function and a row in the table at the end of
 * its file; the tables are listed in ops/table.c.
 */
#ifndef _TORTURE_OPS_H
#define _TORTURE_OPS_H

#include "../torture.h"

/* What an op does to the model. */
enum op_class {
	OP_DATA,	/* reads and writes slots */
	OP_PLACE,	/* moves pages between memories: the model says "no change" */
	OP_LAYOUT,	/* changes what is mapped where */
	OP_PROCESS,	/* makes processes */
	OP_CHECK,	/* only looks */
};

#define NEED_DEV	(1U << 0)	/* a device */
#define NEED_DEV2	(1U << 1)	/* two */
#define NEED_THP	(1U << 2)	/* PMD-sized folios by madvise */
#define NEED_MTHP	(1U << 3)	/* a smaller size by madvise */
#define NEED_BUST	(1U << 4)	/* a deliberate mistake */

/*
 * @run: 0 done; -EAGAIN nothing to do it on (not counted as done); another
 * transient error is counted as failed. Broken expectations are reported by
 * fail_add(), not by the return value.
 */
struct op {
	const char *name;
	const char *help;
	unsigned int needs;
	enum op_class class;
	unsigned int weight;		/* of the scenarios that do not say */
	int (*run)(struct worker *w);
};

#define OP_TABLE_END	{ .name = NULL }

extern const struct op ops_data[];
extern const struct op ops_device[];
extern const struct op ops_migrate[];
extern const struct op ops_map[];
extern const struct op ops_mremap[];
extern const struct op ops_protect[];
extern const struct op ops_fork[];
extern const struct op ops_storm[];
extern const struct op ops_bust[];

/* --- shared by the layout ops -------------------------------------------- */

/* Half of the time, migrate all or part of what is about to be changed. */
void ops_warm(struct worker *w, unsigned long addr, size_t len);
/* Judge a layout call's error: transient ones are counted, others failures. */
int layout_result(struct worker *w, const char *what, struct span s, int ret);
/* Whole ops for others to build on; all take the locks themselves. */
int map_fresh(struct worker *w, struct span s, int advice, bool fill);
int protect_span(struct worker *w, struct span s, enum page_prot prot);
int discard_span(struct worker *w, struct span s);
int unmap_span(struct worker *w, struct span s);
/*
 * Move what of @s is mapped by one VMA to @to, @grow pages longer (or shorter,
 * if negative); @flags are mremap()'s beside the two that say where to.
 */
int move_span(struct worker *w, struct span s, unsigned int to, int grow, int flags);

/* All of them, numbered as in the journal. */
unsigned int ops_count(void);
const struct op *ops_get(unsigned int n);
int ops_find(const char *name);
/* Add the ops of a list A,B to @mask; -ENOENT if one is not known. */
int ops_mask(const char *list, uint64_t *mask);
/* Is the op of this name among those to run? Also asked by what is no op. */
bool ops_wanted(const char *name, const struct config *cfg);
/* Why it cannot run here, or NULL. */
const char *ops_skip(const struct op *op, const struct config *cfg);

#endif
