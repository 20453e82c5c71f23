/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A block on its way that is held up, by held.c, and what comes meanwhile, which is one
 * function of meanwhile.c for each.
 */
#ifndef _TORTURE_HELD_H
#define _TORTURE_HELD_H

#include "uffd.h"

/* Of guest time: a fault that is retaken takes 14 us, with lockdep 50. */
#define HOLD_MS		40

enum where { IN_SYSTEM, IN_PARTS, NOWHERE, IN_ZEROS, IN_DEVICE, NR_WHERES };

/* What is held up */
enum how { BY_COMMAND, BY_EVICTION, BY_FAULT, NR_HOWS };

/*
 * Or nothing is held up: both go at once, and one of them is caught where the kernel waits
 * for nobody (HMMT_CATCH), so that the other one is through before it goes on.
 */
enum who { NOBODY, WHO_MEDDLES, WHO_MIGRATES };

struct held {
	struct worker *w;
	char *p;		/* the block */
	enum where where;	/* ... at first */
	bool base;		/* of base pages */
	unsigned int pages;	/* ... has so many */
	size_t size;
	unsigned int page;	/* the one that is looked at most */
	unsigned int point;	/* where it is held, 0 if it is not */
	enum how how;
	bool shared;		/* ... of another process */
	enum who late;
	int reached;		/* eventfd: that one is held, about to begin, or through */
	bool drop;		/* it gets no destination, all goes back to where it was */
	pid_t pid;		/* of that one */
	bool killed;		/* ... by us */
	void (*meddle)(struct held *h);	/* what comes meanwhile */
	uint64_t draw;		/* where it is caught */
	uint64_t key;		/* what the block holds, 0: zeros */
	struct span gone;	/* zeros in any case */
	struct span fixed;	/* not to be written to any more */
	bool loose;		/* nobody knows what it holds */
	bool nothing;		/* came meanwhile */
};

/* What comes meanwhile, and which blocks it may come to */
struct meanwhile {
	void (*meddle)(struct held *h);
	unsigned int wheres;	/* the block is in one of the first so many places, 0: IN_DEVICE */
	bool shared;		/* only with another process */
	bool drop;		/* only without a destination */
};

static inline bool in_device(const struct held *h)
{
	return h->where == IN_DEVICE || h->where == IN_PARTS;
}

static inline unsigned long held_word(const struct held *h, unsigned int page)
{
	return (unsigned long)h->p + page * HMMT_PAGE_SIZE + 8;
}

/* A child whose block is held up while @m comes. The result of an op */
int held_up(struct worker *w, const struct meanwhile *m);

#endif
