// SPDX-License-Identifier: GPL-2.0
/*
 * Migration, both ways. It changes nothing that the model knows, so it takes
 * no lock and runs against layout changes and accesses alike.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ops.h"

/* In these cases a refusal is fair: holes, and ranges that change meanwhile. */
static bool migrate_err_ok(int err)
{
	return err == -EFAULT || err_transient(err);
}

static int migrate(struct worker *w, struct span s, unsigned int flags)
{
	unsigned int dev = w->r->cfg->nr_devs > 1 && hmmt_rng_chance(&w->rng, 1, 5);
	size_t len = s.n * HMMT_PAGE_SIZE;
	struct hmmt_migrate res;
	int ret;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	op_arg(w, 0);
	op_arg(w, dev << 16 | flags);
	perturb(w);
	step_begin(w, STEP_MIGRATE, page_addr(s.first));
	ret = hmmt_migrate(&w->r->dev[dev], page_addr(s.first), len, flags, &res);
	step_end(w);
	ret = bust_errno(w, ret);
	if (bust_answer(w, "more"))
		res.migrated = s.n + 1;
	if (ret && !migrate_err_ok(ret))
		fail_add(w->sh, ORACLE_NEGATIVE, "migrate: unexpected error",
			 "device %u, %#lx+%#zx flags %#x: %s", dev, page_addr(s.first), len,
			 flags, strerror(-ret));
	else if (res.done > len || res.migrated > s.n)
		fail_add(w->sh, ORACLE_NEGATIVE, "migrate: impossible result",
			 "device %u, %#lx+%#zx flags %#x: done %llu migrated %llu", dev,
			 page_addr(s.first), len, flags, (unsigned long long)res.done,
			 (unsigned long long)res.migrated);
	op_arg(w, res.migrated);
	if (ret == -EFAULT)
		return res.migrated ? 0 : -EAGAIN;
	return ret;
}

static int to_dev(struct worker *w)
{
	return migrate(w, pick_mapped_block(w), 0);
}

static int to_dev_multi(struct worker *w)
{
	return migrate(w, pick_multi(w), 0);
}

static int to_dev_part(struct worker *w)
{
	return migrate(w, pick_part(w), 0);
}

static int to_dev_unaligned(struct worker *w)
{
	return migrate(w, pick_unaligned(w), 0);
}

static int to_dev_base(struct worker *w)
{
	return migrate(w, pick_block_or_part(w), HMMT_MIGRATE_BASE);
}

static int to_dev_split(struct worker *w)
{
	return migrate(w, pick_mapped_block(w), HMMT_MIGRATE_SPLIT);
}

static int to_sys(struct worker *w)
{
	return migrate(w, pick_mapped_block(w), HMMT_MIGRATE_TO_SYS);
}

static int to_sys_part(struct worker *w)
{
	return migrate(w, pick_part(w), HMMT_MIGRATE_TO_SYS);
}

static int to_sys_unaligned(struct worker *w)
{
	return migrate(w, pick_unaligned(w), HMMT_MIGRATE_TO_SYS);
}

static int to_sys_base(struct worker *w)
{
	return migrate(w, pick_block_or_part(w), HMMT_MIGRATE_TO_SYS | HMMT_MIGRATE_BASE);
}

static int to_sys_split(struct worker *w)
{
	return migrate(w, pick_mapped_block(w), HMMT_MIGRATE_TO_SYS | HMMT_MIGRATE_SPLIT);
}

static int migrate_drop(struct worker *w)
{
	unsigned int flags = hmmt_rng_chance(&w->rng, 1, 2) ? HMMT_MIGRATE_TO_SYS : 0;

	return migrate(w, pick_block_or_part(w), HMMT_MIGRATE_DROP | flags);
}

static int evict(struct worker *w)
{
	unsigned int dev = w->r->cfg->nr_devs > 1 && hmmt_rng_chance(&w->rng, 1, 2);
	int ret;

	step_begin(w, STEP_EVICT, 0);
	ret = hmmt_evict(&w->r->dev[dev], NULL);
	step_end(w);
	ret = bust_errno(w, ret);
	if (ret && !err_transient(ret))
		fail_add(w->sh, ORACLE_NEGATIVE, "evict: unexpected error", "device %u: %s",
			 dev, strerror(-ret));
	return ret;
}

/* From one device to the other, without a way through system memory. */
static int to_peer(struct worker *w)
{
	struct span s = pick_block_or_part(w);
	unsigned int dev = hmmt_rng_below(&w->rng, 2);
	unsigned int flags = hmmt_rng_chance(&w->rng, 1, 4) ? HMMT_MIGRATE_BASE : 0;
	size_t len = s.n * HMMT_PAGE_SIZE;
	struct hmmt_migrate res;
	int ret;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	op_arg(w, 0);
	op_arg(w, dev << 16 | flags);
	step_begin(w, STEP_MIGRATE, page_addr(s.first));
	if (hmmt_rng_chance(&w->rng, 1, 2))	/* else it may hardly ever be there */
		hmmt_migrate(&w->r->dev[!dev], page_addr(s.first), len, flags, NULL);
	ret = hmmt_migrate_peer(&w->r->dev[dev], page_addr(s.first), len, flags, !dev, &res);
	step_end(w);
	ret = bust_errno(w, ret);
	op_arg(w, res.migrated);
	if (ret && !migrate_err_ok(ret))
		fail_add(w->sh, ORACLE_NEGATIVE, "migrate: unexpected error",
			 "from device %u to %u, %#lx+%#zx: %s", !dev, dev, page_addr(s.first),
			 len, strerror(-ret));
	return ret == -EFAULT ? -EAGAIN : ret;
}

/* By number of device page, as pagemap tells it, whoever has it by then. */
static int evict_some(struct worker *w)
{
	struct span s = { pick_mapped(w), 16 };
	struct hmmt_evict e = { .mode = hmmt_rng_between(&w->rng, HMMT_EVICT_CHUNK,
							 HMMT_EVICT_PFNS) };
	uint64_t entry[16], pfns[16], n = 0;
	struct hmmt_pagemap pm;
	unsigned int i, dev;
	int ret = -EAGAIN;

	s.n = min_ul(s.n, w->m->nr_pages - s.first);
	op_arg(w, (uint64_t)s.first << 32 | s.n);
	op_arg(w, 0);
	op_arg(w, e.mode);
	if (hmmt_pagemap_read(getpid(), page_addr(s.first), s.n, entry))
		return -EAGAIN;
	for (i = 0; i < s.n; i++) {
		pm = hmmt_pagemap_decode(entry[i]);
		if (pm.swap && pm.swap_pfn)
			pfns[n++] = pm.swap_pfn;
	}
	if (!n)
		return -EAGAIN;
	if (e.mode == HMMT_EVICT_PFNS)
		e.ptr = (uintptr_t)pfns;
	else
		e.pfn = pfns[0];
	if (e.mode != HMMT_EVICT_CHUNK)
		e.nr = e.mode == HMMT_EVICT_PFNS ? n : 1;
	/* It is one device's, or neither's: then it was swap, or on its way. */
	for (dev = 0; dev < w->r->cfg->nr_devs && ret; dev++) {
		step_begin(w, STEP_EVICT, 0);
		ret = hmmt_evict_some(&w->r->dev[dev], &e);
		step_end(w);
		ret = bust_errno(w, ret);
		if (ret && ret != -EINVAL && ret != -EOPNOTSUPP && !err_transient(ret)) {
			fail_add(w->sh, ORACLE_NEGATIVE, "evict: unexpected error",
				 "device %u mode %u: %s", dev, e.mode, strerror(-ret));
			break;
		}
	}
	return ret == -EINVAL || ret == -EOPNOTSUPP ? -EAGAIN : ret;
}

void ops_warm(struct worker *w, unsigned long addr, size_t len)
{
	const struct hmmt_dev *dev = &w->r->dev[0];
	unsigned int flags = 0, n = len >> HMMT_PAGE_SHIFT, first;

	if (!hmmt_is_open(dev) || hmmt_rng_chance(&w->rng, 1, 2))
		return;
	if (hmmt_rng_chance(&w->rng, 1, 3))
		flags = HMMT_MIGRATE_TO_SYS;
	if (hmmt_rng_chance(&w->rng, 1, 3)) {	/* fewer pages than the folio may have */
		first = hmmt_rng_below(&w->rng, n);
		addr += first << HMMT_PAGE_SHIFT;
		len = hmmt_rng_between(&w->rng, 1, n - first) << HMMT_PAGE_SHIFT;
	}
	/* An error is as good as success: the point is what happens next. */
	step_begin(w, STEP_MIGRATE, addr);
	hmmt_migrate(dev, addr, len, flags, NULL);
	step_end(w);
}

const struct op ops_migrate[] = {
	{ "to_dev", "a block to a device", NEED_DEV, OP_PLACE, 12, to_dev },
	{ "to_dev_multi", "two or three blocks to a device", NEED_DEV, OP_PLACE, 4, to_dev_multi },
	{ "to_dev_part", "part of a block to a device", NEED_DEV, OP_PLACE, 6, to_dev_part },
	{ "to_dev_unaligned", "a range across a PMD boundary to a device", NEED_DEV, OP_PLACE, 4,
	  to_dev_unaligned },
	{ "to_dev_base", "to a device, base pages only", NEED_DEV, OP_PLACE, 3, to_dev_base },
	{ "to_dev_split", "THPs to base pages of a device", NEED_DEV, OP_PLACE, 3, to_dev_split },
	{ "to_sys", "a block back", NEED_DEV, OP_PLACE, 5, to_sys },
	{ "to_sys_part", "part of a block back", NEED_DEV, OP_PLACE, 5, to_sys_part },
	{ "to_sys_unaligned", "a range across a PMD boundary back", NEED_DEV, OP_PLACE, 3,
	  to_sys_unaligned },
	{ "to_sys_base", "back, base pages only", NEED_DEV, OP_PLACE, 2, to_sys_base },
	{ "to_sys_split", "THPs back to base pages", NEED_DEV, OP_PLACE, 2, to_sys_split },
	{ "migrate_drop", "collect, then give no destination", NEED_DEV, OP_PLACE, 2,
	  migrate_drop },
	{ "evict", "everything of a device back", NEED_DEV, OP_PLACE, 1, evict },
	{ "evict_some", "a chunk, a range or some pages back", NEED_DEV, OP_PLACE, 2, evict_some },
	{ "to_peer", "from one device to the other", NEED_DEV2, OP_PLACE, 3, to_peer },
	OP_TABLE_END
};
