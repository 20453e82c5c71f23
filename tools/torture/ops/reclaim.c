// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own movers of pages: reclaim to swap, splits, compaction, khugepaged,
 * KSM. What they do is asked for here and happens when it happens.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "ops.h"

/* Pages of whoever is in the cgroup, devices' among them or not. */
static int reclaim(struct worker *w)
{
	char text[32];
	int ret;

	snprintf(text, sizeof(text), "%uK", 64U << hmmt_rng_below(&w->rng, 7));
	step_begin(w, STEP_SYSTEM, 0);
	ret = hmmt_write_file(GUEST_CGROUP "/memory.reclaim", text);
	step_end(w);
	/* EAGAIN: less than was asked for, which is most of the time */
	return ret == -EAGAIN ? 0 : ret ? -ENOMEM : 0;
}

/*
 * What is mapped there is PTE-mapped then by folios of one order, or, around one page, of several.
 * Anonymous folios have no order 1.
 */
static int split(struct worker *w)
{
	struct span s = pick_block_or_part(w);
	unsigned int order = hmmt_rng_below(&w->rng, __builtin_ctz(HMMT_PMD_PAGES) - 1);
	int around = -1, ret;

	order += !!order;
	if (hmmt_rng_chance(&w->rng, 1, 2))
		around = hmmt_rng_below(&w->rng, HMMT_PMD_PAGES);
	op_arg(w, (uint64_t)s.first << 32 | s.n);
	op_arg(w, 0);
	op_arg(w, order);
	perturb(w);
	step_begin(w, STEP_SYSTEM, page_addr(s.first));
	ret = hmmt_split_folios(page_addr(s.first), page_addr(s.first + s.n), order, around);
	step_end(w);
	return ret ? -EBUSY : 0;
}

static int compact(struct worker *w)
{
	int ret;

	step_begin(w, STEP_SYSTEM, 0);
	ret = hmmt_write_file("/proc/sys/vm/compact_memory", "1");
	step_end(w);
	return ret ? -EBUSY : 0;
}

/* Now and then it is in a hurry. */
static int khugepaged(struct worker *w)
{
	bool fast = hmmt_rng_chance(&w->rng, 2, 3);
	int ret;

	op_arg(w, 0);
	op_arg(w, 0);
	op_arg(w, fast);
	ret = hmmt_write_file(KHUGEPAGED "pages_to_scan", fast ? "4096" : "512");
	if (!ret)
		ret = hmmt_write_file(KHUGEPAGED "alloc_sleep_millisecs", "20");
	/* this one wakes it up */
	if (!ret)
		ret = hmmt_write_file(KHUGEPAGED "scan_sleep_millisecs", fast ? "5" : "1000");
	return ret ? -EBUSY : 0;
}

static int lru_gen(struct worker *w)
{
	int ret;

	step_begin(w, STEP_SYSTEM, 0);
	ret = hmmt_write_file("/sys/kernel/mm/lru_gen/enabled",
			      hmmt_rng_chance(&w->rng, 1, 2) ? "y" : "n");
	step_end(w);
	return ret ? -EAGAIN : 0;
}

/* Pages that are all alike become one; then they are migrated and written. */
static int ksm(struct worker *w)
{
	unsigned int n = 32 << hmmt_rng_below(&w->rng, 4), i;
	char *p = lane_map(w, 0, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	uint64_t key = lane_key(w), word = lane_word(w, key, 0), val;
	int ret = 0;

	op_arg(w, 0);
	op_arg(w, 0);
	op_arg(w, n);
	if (!p)
		return -ENOMEM;
	madvise(p, n * HMMT_PAGE_SIZE, MADV_HUGEPAGE);
	for (i = 0; i < n && !ret; i++)
		ret = do_store(w, (unsigned long)p + i * HMMT_PAGE_SIZE, VIA_CPU, word);
	if (!ret && madvise(p, n * HMMT_PAGE_SIZE, MADV_MERGEABLE))
		ret = -EAGAIN;
	if (!ret)
		ret = hmmt_write_file("/sys/kernel/mm/ksm/run", "1") ? -EAGAIN : 0;
	if (ret)
		goto out;
	nap_ms(60);
	ops_warm(w, (unsigned long)p, n * HMMT_PAGE_SIZE);
	/* every other one is written to, the rest stays merged */
	for (i = 0; i < n && !ret; i += 2)
		ret = do_store(w, (unsigned long)p + i * HMMT_PAGE_SIZE, VIA_CPU, word + i);
	ops_warm(w, (unsigned long)p, n * HMMT_PAGE_SIZE);
	for (i = 0; i < n && !ret; i++) {
		val = 0;
		ret = do_load(w, (unsigned long)p + i * HMMT_PAGE_SIZE, VIA_CPU, &val);
		atomic_fetch_add_explicit(&w->sh->checked[ORACLE_SLOT], 1, memory_order_relaxed);
		val ^= bust_answer(w, "word");
		if (ret || val == (i & 1 ? word : word + i))
			continue;
		fail_add(w->sh, ORACLE_SLOT, "wrong slot: merged page",
			 "page %u of %u: %#llx, expected %#llx", i, n, (unsigned long long)val,
			 (unsigned long long)(i & 1 ? word : word + i));
		ret = -EUCLEAN;
	}
out:
	hmmt_write_file("/sys/kernel/mm/ksm/run", "0");
	lane_clear(w);
	return ret == -EIO ? -ENOMEM : ret;
}

const struct op ops_reclaim[] = {
	{ "reclaim", "memory.reclaim of the cgroup", NEED_GUEST | NEED_SWAP | NEED_CGROUP, OP_PLACE,
	  1, reclaim },
	{ "split", "folios of a block, to an order or around a page", NEED_SPLIT | NEED_THP,
	  OP_PLACE, 2, split },
	{ "compact", "compaction of all zones", NEED_GUEST, OP_PLACE, 1, compact },
	{ "khugepaged", "set its pace", NEED_GUEST | NEED_THP, OP_PLACE, 1, khugepaged },
	{ "lru_gen", "the other kind of reclaim", NEED_GUEST | NEED_SWAP, OP_PLACE, 0, lru_gen },
	{ "ksm", "merge, migrate and write", NEED_GUEST | NEED_KSM, OP_PLACE, 0, ksm },
	OP_TABLE_END
};
