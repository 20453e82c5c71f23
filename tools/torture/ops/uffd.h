/* SPDX-License-Identifier: GPL-2.0 */
/* What the ops with userfaultfd share: an area in the lane, and a thread that answers. */
#ifndef _TORTURE_UFFD_H
#define _TORTURE_UFFD_H

#include <pthread.h>

#include "ops.h"
#include "uffd_move.h"

#define AREA	HMMT_PMD_PAGES
#define RUN_MAX	16		/* pages that one answer brings */

struct uffd_handler {
	struct worker *w;
	int fd;
	pthread_t thread;
	unsigned long base;	/* of the area that is registered */
	uint64_t key;		/* what a missing page gets */
	_Atomic bool stop;
	_Atomic unsigned char faults[AREA];
	uint64_t buf[RUN_MAX * HMMT_PAGE_SIZE / 8];
};

/* The address of a page of the area */
unsigned long uffd_page(const struct uffd_handler *h, unsigned int page);
/*
 * Answer the faults of the area at @base. 0, or EAGAIN: this kernel has not the feature.
 * What was started has to be stopped.
 */
int uffd_start(struct uffd_handler *h, struct worker *w, uint64_t feature, void *base,
	       uint64_t mode);
void uffd_stop(struct uffd_handler *h);
/* One more look of the oracle */
void uffd_checked(struct worker *w);
/* A part of the area, to migrate, discard or protect: a third of the time all of it */
struct span uffd_part(struct worker *w);
/* A fresh area at @page of the lane, written to unless @key is 0; NULL: no memory */
void *uffd_area(struct worker *w, unsigned int page, uint64_t key, int advice);
void *uffd_thp(struct worker *w, unsigned int page, uint64_t key);
/* The pages of @s are there, the zero page if there is nothing else. 0 or -errno */
int uffd_read_in(struct worker *w, char *p, struct span s);

#endif
