// SPDX-License-Identifier: GPL-2.0
/* The tables of ops, and what a machine has to have for them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ops.h"

static const struct op * const tables[] = {
	ops_data,
	ops_device,
	ops_migrate,
	ops_map,
	ops_mremap,
	ops_protect,
	ops_fork,
	ops_storm,
	ops_bust,
	ops_advise,
	ops_readers,
	ops_kernel,
	ops_uffd,
	ops_uffd_put,
	ops_gup,
	ops_mappings,
	ops_process,
	ops_reclaim,
	ops_nodes,
	ops_softdirty,
	ops_accident,
	ops_unplug,
	ops_meanwhile,
	ops_stale,
};

static const struct op *all[MAX_OPS];
static unsigned int nr_all;

/* Asked for at each op and, by name, for each op: not by going through the tables. */
static void flatten(void)
{
	const struct op *op;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tables); i++)
		for (op = tables[i]; op->name; op++) {
			/* one that has no number would never run, and nobody would know */
			if (nr_all == MAX_OPS)
				abort();
			all[nr_all++] = op;
		}
}

const struct op *ops_get(unsigned int n)
{
	if (!nr_all)
		flatten();
	return n < nr_all ? all[n] : NULL;
}

unsigned int ops_count(void)
{
	ops_get(0);
	return nr_all;
}

int ops_find(const char *name)
{
	const struct op *op;
	unsigned int n;

	for (n = 0; (op = ops_get(n)); n++)
		if (!strcmp(op->name, name))
			return n;
	return -ENOENT;
}

int ops_mask(const char *list, bool mask[MAX_OPS])
{
	char name[32];
	size_t len;
	int n;

	for (; *list; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		if (len >= sizeof(name))
			return -ENOENT;
		memcpy(name, list, len);
		name[len] = '\0';
		n = len ? ops_find(name) : -ENOENT;
		if (n < 0)
			return n;
		mask[n] = true;
	}
	return 0;
}

bool ops_wanted(const char *name, const struct config *cfg)
{
	int n = ops_find(name);

	return n >= 0 && !cfg->without[n];
}

const char *ops_skip(const struct op *op, const struct config *cfg)
{
	if (!ops_wanted(op->name, cfg))
		return "--without";
	if ((op->needs & NEED_BUST) && cfg->bust == BUST_NONE)
		return "no --bust";
	return needs_missing(op->needs, cfg);
}

bool ops_alone(const struct worker *w)
{
	unsigned int i;

	for (i = 0; i < MAX_KIDS; i++)
		if (w->kid[i])
			return false;
	return w->r->nr_workers == 1;
}
