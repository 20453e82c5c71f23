// SPDX-License-Identifier: GPL-2.0
/*
 * Soft-dirty bits: after they were cleared, what is written to must have its own
 * again, wherever the page was in between. A bit too many is allowed, one too
 * few is not.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ops.h"

/* Clearing is for the whole process, so whoever looks must know of it. */
static _Atomic uint64_t begun, ended;

int softdirty_clear(const char *what)
{
	int ret;

	atomic_fetch_add(&begun, 1);
	ret = hmmt_write_file("/proc/self/clear_refs", what);
	atomic_fetch_add(&ended, 1);
	return ret;
}

static int check_dirty(struct worker *w, void *p, const bool *dirty, uint64_t since)
{
	uint64_t entry[HMMT_PMD_PAGES];
	unsigned int i;

	if (hmmt_pagemap_read(getpid(), (unsigned long)p, HMMT_PMD_PAGES, entry))
		return -EAGAIN;
	if (atomic_load(&begun) != since)
		return -EAGAIN;
	for (i = 0; i < HMMT_PMD_PAGES; i++) {
		if (!dirty[i])
			continue;
		atomic_fetch_add_explicit(&w->sh->checked[ORACLE_READER], 1,
					  memory_order_relaxed);
		if (hmmt_pagemap_decode(entry[i]).soft_dirty && !bust_answer(w, "clean"))
			continue;
		fail_add(w->sh, ORACLE_READER, "pagemap: soft-dirty bit lost",
			 "page %u of %p was written to: %#018llx", i, p,
			 (unsigned long long)entry[i]);
		return -EUCLEAN;
	}
	return 0;
}

static int soft_dirty(struct worker *w)
{
	void *p = lane_map(w, 0, HMMT_PMD_PAGES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1);
	bool dirty[HMMT_PMD_PAGES] = { false };
	uint64_t key = lane_key(w), since;
	unsigned int i, page;
	enum via via;
	int ret = -ENOMEM;

	if (p) {
		madvise(p, HMMT_PMD_SIZE, MADV_HUGEPAGE);
		ret = lane_fill(w, p, HMMT_PMD_PAGES, key);
	}
	if (ret)
		goto out;
	if (hmmt_rng_chance(&w->rng, 1, 2))
		ops_warm(w, (unsigned long)p, HMMT_PMD_SIZE);
	if (softdirty_clear("4")) {
		ret = -EAGAIN;
		goto out;
	}
	/* one that is under way could take the bits of what is written next */
	since = atomic_load(&ended);
	if (atomic_load(&begun) != since) {
		ret = -EAGAIN;
		goto out;
	}
	ops_warm(w, (unsigned long)p, HMMT_PMD_SIZE);
	for (i = 0; i < 8 && !ret; i++) {
		page = hmmt_rng_below(&w->rng, HMMT_PMD_PAGES);
		via = hmmt_is_open(&w->r->dev[0]) && hmmt_rng_chance(&w->rng, 1, 4) ? VIA_DEV0 :
										  VIA_CPU;
		ret = do_store(w, (unsigned long)p + page * HMMT_PAGE_SIZE + 8, via,
			       lane_word(w, key, page));
		/* a device says nothing to the page table */
		dirty[page] |= !ret && via == VIA_CPU;
		ops_warm(w, (unsigned long)p, HMMT_PMD_SIZE);
	}
	/* whole in a device, and taken apart there: nobody brings it back before the look */
	if (!ret && hmmt_is_open(&w->r->dev[0]) && hmmt_rng_chance(&w->rng, 1, 2)) {
		hmmt_migrate(&w->r->dev[0], (unsigned long)p, HMMT_PMD_SIZE, 0, NULL);
		hmmt_migrate(&w->r->dev[0],
			     (unsigned long)p + hmmt_rng_below(&w->rng, HMMT_PMD_PAGES) *
			     HMMT_PAGE_SIZE, HMMT_PAGE_SIZE, HMMT_MIGRATE_TO_SYS, NULL);
	}
	if (!ret)
		ret = check_dirty(w, p, dirty, since);
	if (!ret || ret == -EAGAIN)
		lane_check(w, p, 0, HMMT_PMD_PAGES, key, VIA_CPU, "soft-dirty");
out:
	lane_clear(w);
	return ret;
}

const struct op ops_softdirty[] = {
	{ "soft_dirty", "clear, write, migrate, look", NEED_SOFTDIRTY, OP_CHECK, 1, soft_dirty },
	OP_TABLE_END
};
