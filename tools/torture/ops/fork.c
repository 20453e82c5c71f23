// SPDX-License-Identifier: GPL-2.0
/* fork(): child.c is what the children do. */
#include "ops.h"

static int fork_block(struct worker *w)
{
	struct span s = pick_mapped_block(w);

	if (hmmt_rng_chance(&w->rng, 1, 3))
		ops_warm(w, page_addr(s.first), s.n * HMMT_PAGE_SIZE);
	return child_fork(w, s);
}

static int fork_two(struct worker *w)
{
	return child_fork(w, pick_multi(w));
}

const struct op ops_fork[] = {
	{ "fork", "a child of its own life on a copy of a block", 0, OP_PROCESS, 3, fork_block },
	{ "fork_two", "... of two blocks", 0, OP_PROCESS, 1, fork_two },
	OP_TABLE_END
};
