// SPDX-License-Identifier: GPL-2.0
/* The tables of ops, and what a machine has to have for them. */
#include <errno.h>
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
};

const struct op *ops_get(unsigned int n)
{
	const struct op *op;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tables); i++)
		for (op = tables[i]; op->name; op++)
			if (!n--)
				return op;
	return NULL;
}

unsigned int ops_count(void)
{
	unsigned int n = 0;

	while (ops_get(n))
		n++;
	return n;
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

int ops_mask(const char *list, uint64_t *mask)
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
		*mask |= 1ULL << n;
	}
	return 0;
}

bool ops_wanted(const char *name, const struct config *cfg)
{
	int n = ops_find(name);

	return n >= 0 && !(cfg->without >> n & 1);
}

const char *ops_skip(const struct op *op, const struct config *cfg)
{
	static const unsigned int small[] = { 16, 32, 64, 128, 256, 512, 1024 };
	unsigned int i;

	if (!ops_wanted(op->name, cfg))
		return "--without";
	if ((op->needs & (NEED_DEV | NEED_DEV2)) && !cfg->nr_devs)
		return cfg->no_device ? "--no-device" : "no /dev/hmm_dmirror0";
	if ((op->needs & NEED_DEV2) && cfg->nr_devs < 2)
		return "no /dev/hmm_dmirror1";
	if ((op->needs & NEED_BUST) && cfg->bust == BUST_NONE)
		return "no --bust";
	if ((op->needs & NEED_THP) && !hmmt_mthp_usable(HMMT_PMD_SIZE / 1024))
		return "THP is not enabled for madvise";
	if (op->needs & NEED_MTHP) {
		for (i = 0; i < ARRAY_SIZE(small); i++)
			if (hmmt_mthp_usable(small[i]))
				return NULL;
		return "no size below the PMD is enabled for madvise";
	}
	return NULL;
}
