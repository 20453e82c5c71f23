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
#define NEED_WORDCOPY	(1U << 4)	/* the kernel copies words, not bytes */
#define NEED_URING	(1U << 5)	/* io_uring */
#define NEED_GUEST	(1U << 6)	/* a machine of our own, whose knobs we may turn */
#define NEED_SWAP	(1U << 7)
#define NEED_NODES	(1U << 8)	/* two memory nodes */
#define NEED_KSM	(1U << 9)
#define NEED_HUGETLB	(1U << 10)	/* reserved huge pages */
#define NEED_UFFD	(1U << 11)
#define NEED_CGROUP	(1U << 12)	/* cgroup2 with a memory controller */
#define NEED_POISON	(1U << 13)	/* memory failure, and unpoisoning */
#define NEED_CPUS	(1U << 14)	/* a CPU that can be taken offline */
#define NEED_SHMEM_THP	(1U << 15)	/* huge pages for shmem by madvise */
#define NEED_DAMON	(1U << 16)
#define NEED_CORE	(1U << 17)	/* core dumps into a file of ours */
#define NEED_MODULE	(1U << 18)	/* a driver that can be loaded again */
#define NEED_SOFTDIRTY	(1U << 19)	/* the flavour SOFTDIRTY */
#define NEED_BUST	(1U << 20)	/* a deliberate mistake */
#define NEED_BALANCE	(1U << 21)	/* NUMA balancing, on or off */
#define NEED_GUARD	(1U << 22)	/* MADV_GUARD_INSTALL */
#define NEED_SPLIT	(1U << 23)	/* folios split by debugfs */

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

/* newer than the headers of some */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#define MADV_GUARD_REMOVE	103
#endif

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
extern const struct op ops_advise[];
extern const struct op ops_readers[];
extern const struct op ops_kernel[];
extern const struct op ops_uffd[];
extern const struct op ops_uffd_put[];
extern const struct op ops_gup[];
extern const struct op ops_mappings[];
extern const struct op ops_process[];
extern const struct op ops_reclaim[];
extern const struct op ops_nodes[];
extern const struct op ops_softdirty[];
extern const struct op ops_accident[];
extern const struct op ops_unplug[];
extern const struct op ops_meanwhile[];
extern const struct op ops_stale[];

/* The only thread, and no child is left: nothing but the kernel moves pages. */
bool ops_alone(const struct worker *w);

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

/* How a child of child_run() came to its end; a failure, if that is not as it should. */
int child_result(struct worker *w, int status, const char *what);

/* Write to clear_refs so that who checks soft-dirty bits knows. */
int softdirty_clear(const char *what);
/* What pagemap says of @s, against the model. */
int readers_look(struct worker *w, struct span s);

/* All of them, numbered as in the journal. */
unsigned int ops_count(void);
const struct op *ops_get(unsigned int n);
int ops_find(const char *name);
/* Set @mask of the ops of a list A,B; -ENOENT if one is not known. */
int ops_mask(const char *list, bool mask[MAX_OPS]);
/* Is the op of this name among those to run? Also asked by what is no op. */
bool ops_wanted(const char *name, const struct config *cfg);
/* What is missing here of these NEED_*, or NULL (needs.c). */
const char *needs_missing(unsigned int needs, const struct config *cfg);
/* Why it cannot run here, or NULL. */
const char *ops_skip(const struct op *op, const struct config *cfg);

#endif
