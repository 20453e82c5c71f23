// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of a device goes, chunk by chunk, while it is in use, and comes back. The model
 * says "no change": what was there is in system memory then. A chunk from which not all
 * will go, since a migration has it, stays in use.
 */
#include <errno.h>
#include <string.h>

#include "ops.h"

#define GROUP	4	/* chunks of a pagemap, if nothing else was said to the module */

static int unplug_call(struct worker *w, const struct hmmt_dev *dev, unsigned int chunk,
		       unsigned int flags, unsigned int ms)
{
	struct hmmt_unplug res;
	int ret;

	step_begin(w, STEP_UNPLUG, 0);
	ret = hmmt_unplug(dev, chunk, flags, ms, &res);
	step_end(w);
	ret = bust_errno(w, ret);
	res.left += bust_answer(w, "left");
	if (ret && ret != -EALREADY && !err_transient(ret))
		fail_add(w->sh, ORACLE_NEGATIVE, "unplug: unexpected error",
			 "device %u, chunk %u, flags %#x: %s", dev->index, chunk, flags,
			 strerror(-ret));
	else if ((!ret && res.left) || (ret == -EBUSY && !res.left))
		fail_add(w->sh, ORACLE_NEGATIVE, "unplug: impossible result",
			 "device %u, chunk %u: %s, %llu pages left", dev->index, chunk,
			 ret ? strerror(-ret) : "done", (unsigned long long)res.left);
	return ret;
}

/* From @first on, up to @nr that are not yet so; how many, or an error */
static int unplug_some(struct worker *w, const struct hmmt_dev *dev, unsigned int chunks,
		       unsigned int nr, unsigned int flags)
{
	unsigned int first = hmmt_rng_below(&w->rng, chunks), i, done = 0;
	unsigned int ms = hmmt_rng_below(&w->rng, 20);
	int ret = 0;

	if (nr > 1)
		first -= first % nr;
	op_arg(w, dev->index);
	op_arg(w, first);
	for (i = 0; i < chunks && done < nr && (!ret || ret == -EALREADY); i++) {
		ret = unplug_call(w, dev, (first + i) % chunks, flags, flags ? 0 : ms);
		done += !ret;
	}
	op_arg(w, done);
	return done ? (int)done : ret;
}

static int plug_or_unplug(struct worker *w, bool away)
{
	unsigned int n = w->r->cfg->nr_devs > 1 && hmmt_rng_chance(&w->rng, 1, 2);
	unsigned int nr = hmmt_rng_chance(&w->rng, 1, 2) ? GROUP : 1, chunks;
	const struct hmmt_dev *dev = &w->r->dev[n];
	struct hmmt_stats st;
	int ret;

	ret = hmmt_stats(dev, &st);
	if (ret)
		return ret;
	chunks = st.pages_capacity / HMMT_PMD_PAGES;
	/* the other ops are to find some */
	if (away && st.unplugged - st.plugged + nr > chunks / 2)
		away = false;
	ret = unplug_some(w, dev, chunks, nr, away ? 0 : HMMT_UNPLUG_PLUG);
	return ret > 0 ? 0 : ret == -EALREADY ? -EAGAIN : ret;
}

static int unplug(struct worker *w)
{
	return plug_or_unplug(w, true);
}

static int plug(struct worker *w)
{
	return plug_or_unplug(w, false);
}

const struct op ops_unplug[] = {
	{ "unplug", "memory of a device goes", NEED_DEV, OP_PLACE, 2, unplug },
	{ "plug", "memory of a device comes back", NEED_DEV, OP_PLACE, 1, plug },
	OP_TABLE_END
};
