// SPDX-License-Identifier: GPL-2.0
/*
 * hmm_range_fault(), migrate_vma_setup() and those who free pages keep their promises. The driver
 * compares each answer with what it can know of it, goes on with the right
 * one, and counts; here the counts become failures, at the end of the run, so
 * that they hide nothing. What the kernel may not survive the driver also says
 * at once, with the same title.
 */
#include "../torture.h"

static const struct {
	size_t checked, wrong;
	const char *name;	/* for --bust */
	const char *title;
} promises[] = {
	{
		offsetof(struct hmmt_stats, hmm_checked),
		offsetof(struct hmmt_stats, hmm_wrong),
		"hmm_wrong",
		"hmm_range_fault: pfns of other pages for a part of a THP",
	}, {
		offsetof(struct hmmt_stats, hmm_write_checked),
		offsetof(struct hmmt_stats, hmm_no_write),
		"hmm_no_write",
		"hmm_range_fault: write asked for, read-only given",
	}, {
		offsetof(struct hmmt_stats, source_checked),
		offsetof(struct hmmt_stats, source_wrong),
		"source_wrong",
		"migrate_vma_setup: wrong slot, neither base page nor whole THP",
	}, {
		offsetof(struct hmmt_stats, source_checked),
		offsetof(struct hmmt_stats, source_alien),
		"source_alien",
		"migrate_vma_setup: a page of memory that was not selected",
	}, {
		offsetof(struct hmmt_stats, source_checked),
		offsetof(struct hmmt_stats, source_more),
		"source_more",
		"migrate_vma_setup: more slots than pages",
	}, {
		offsetof(struct hmmt_stats, flags_checked),
		offsetof(struct hmmt_stats, flags_left),
		"flags_left",
		"device page: flags of its last use",
	},
};

static uint64_t grown(const struct config *cfg, const struct hmmt_stats *before,
		      const struct hmmt_stats *after, size_t offset)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < cfg->nr_devs; i++)
		sum += *(const uint64_t *)((const char *)&after[i] + offset) -
		       *(const uint64_t *)((const char *)&before[i] + offset);
	return sum;
}

bool hmm_broken(const struct config *cfg, const struct hmmt_stats *before,
		const struct hmmt_stats *after)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(promises); i++)
		if (grown(cfg, before, after, promises[i].wrong))
			return true;
	return false;
}

void hmm_check(const struct config *cfg, struct shared *sh,
	       const struct hmmt_stats *before, const struct hmmt_stats *after)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(promises); i++) {
		uint64_t checked = grown(cfg, before, after, promises[i].checked);
		uint64_t wrong = grown(cfg, before, after, promises[i].wrong);

		atomic_fetch_add(&sh->checked[ORACLE_HMM], checked);
		wrong += bust_round(cfg, sh, promises[i].name);
		if (wrong)
			fail_add(sh, ORACLE_HMM, promises[i].title,
				 "%llu of %llu answers", (unsigned long long)wrong,
				 (unsigned long long)checked);
	}
}
