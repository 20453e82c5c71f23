/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all migrations are made of: steps. Collect (by the kernel), give destinations
 * and copy, migrate_*_pages(), count, finalize. See step.c.
 */
#ifndef _DMIRROR_STEP_H
#define _DMIRROR_STEP_H

#include "dmirror.h"

/*
 * Slots of a step. Collection starts over now and then, and there are kernels that then
 * fill up to twice as many as there are pages (docs/findings/start-over.md).
 */
#define STEP_SLOTS	(2 * HPAGE_PMD_NR)

enum dmirror_direction { TO_DEVICE, TO_SYSTEM };

/* One step of a migration: not more than one PMD */
struct dmirror_step {
	struct dmirror_device	*mdevice;
	struct dmirror		*dmirror;	/* of the command; NULL: fault, unload */
	struct dmirror_device	*from;		/* whose pages; NULL: system memory */
	enum dmirror_direction	direction;
	u32			flags;		/* HMMT_MIGRATE_* */
	bool			unused;		/* HMMT_EVICT_UNUSED */
	struct vm_area_struct	*vma;		/* NULL: eviction */
	unsigned long		addr;
	unsigned long		npages;
	/* out */
	unsigned long		migrated;	/* pages */
	unsigned long		thp;		/* folios */
	unsigned long		split;		/* folios */
	unsigned long		nomem;		/* pages or folios */
	unsigned long		given;		/* destinations: pages or folios */
	unsigned long		src[STEP_SLOTS];
	unsigned long		dst[STEP_SLOTS];
};

/* Between two phases: HMMT_HOLD_* */
void dmirror_step_point(struct dmirror_step *step, unsigned int point);
void dmirror_step_alloc_all(struct dmirror_step *step);
void dmirror_step_copy_all(struct dmirror_step *step);
void dmirror_step_count(struct dmirror_step *step);
void dmirror_step_account(struct dmirror_step *step, const char *why, unsigned int thp);
u64 dmirror_step_time(struct dmirror_step *step, unsigned int counter, u64 start);

#endif /* _DMIRROR_STEP_H */
