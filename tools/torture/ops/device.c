// SPDX-License-Identifier: GPL-2.0
/* Accesses by the device, and what it says is mapped. */
#include <errno.h>
#include <string.h>

#include "ops.h"

static enum via any_dev(struct worker *w)
{
	if (w->r->cfg->nr_devs > 1 && hmmt_rng_chance(&w->rng, 1, 4))
		return VIA_DEV1;
	return VIA_DEV0;
}

static int op_dev_read(struct worker *w)
{
	unsigned int page = pick_mapped(w);

	op_arg(w, (uint64_t)page << 32 | 1);
	return page_read(w, page, hmmt_rng_below(&w->rng, w->r->nr_workers), any_dev(w));
}

static int op_dev_write(struct worker *w)
{
	unsigned int page = pick_mapped(w);
	int ret;

	op_arg(w, (uint64_t)page << 32 | 1);
	ret = page_write(w, page, any_dev(w));
	if (!ret)	/* as the CPU sees it */
		ret = page_read(w, page, w->idx, VIA_CPU);
	return ret;
}

static int op_dev_probe(struct worker *w)
{
	unsigned int page = pick_page(w);

	op_arg(w, (uint64_t)page << 32 | 1);
	return page_probe(w, page, hmmt_rng_chance(&w->rng, 1, 2), any_dev(w));
}

/* The device reads a run of pages at once; the layout stands still meanwhile. */
static int op_dev_sweep(struct worker *w)
{
	unsigned int n = hmmt_rng_between(&w->rng, 1, 24), i, slot;
	struct span s = { pick_mapped(w), n };
	uint64_t blocks, word;
	int ret;

	s.n = min_ul(n, w->m->nr_pages - s.first);
	op_arg(w, (uint64_t)s.first << 32 | s.n);
	ret = lock_run(w, &s, word_mapped, &blocks);
	if (ret)
		return ret;
	slot = hmmt_rng_below(&w->rng, w->r->nr_workers);
	for (i = s.first; i < s.first + s.n && !ret; i++) {
		word = atomic_load(&w->m->page[i].word);
		ret = page_check_locked(w, word, page_addr(i), slot, any_dev(w));
	}
	model_unlock(w->m, blocks);
	return ret;
}

/*
 * HMM_PFN_ERROR says that nobody can access it, and that the device should fail. Wherever
 * a readable page is, in another device for one, a fault brings it.
 */
static bool snap_error(struct worker *w, uint64_t word, uint16_t snap)
{
	return word_readable(word) &&
	       (HMMT_SNAP_PROT(snap) == HMM_DMIRROR_PROT_ERROR || bust_answer(w, "error"));
}

/* What one page's entry may say under the model's word. */
static const char *snap_wrong(uint64_t word, uint16_t snap)
{
	unsigned int prot = HMMT_SNAP_PROT(snap);

	if (prot == HMM_DMIRROR_PROT_ERROR || prot == HMM_DMIRROR_PROT_NONE)
		return NULL;	/* no access at all is always within bounds */
	if ((prot & HMM_DMIRROR_PROT_WRITE) && !word_writable(word))
		return "snapshot: read-only page is writable";
	if ((prot & HMM_DMIRROR_PROT_READ) && !word_readable(word))
		return "snapshot: protected page is readable";
	if (HMMT_SNAP_ORDER(snap) > HMMT_PMD_SHIFT - HMMT_PAGE_SHIFT)
		return "snapshot: impossible order";
	return NULL;
}

static void snap_bust(struct worker *w, uint16_t *snap)
{
	if (bust_answer(w, "write"))
		*snap = HMM_DMIRROR_PROT_READ | HMM_DMIRROR_PROT_WRITE;
	if (bust_answer(w, "read"))
		*snap = HMM_DMIRROR_PROT_READ;
	if (bust_answer(w, "order"))
		*snap = HMM_DMIRROR_PROT_READ | (HMMT_PMD_SHIFT << 8);
}

static int op_snapshot(struct worker *w)
{
	struct span s = pick_block_or_part(w);
	unsigned int dev = any_dev(w) - VIA_DEV0;
	uint16_t snap[HMMT_PMD_PAGES];
	const char *wrong;
	uint64_t blocks, word;
	unsigned int i;
	int ret;

	memset(snap, 0, sizeof(snap));
	op_arg(w, (uint64_t)s.first << 32 | s.n);
	ret = lock_run(w, &s, word_mapped, &blocks);
	if (ret)
		return ret;
	step_begin(w, STEP_SNAPSHOT, page_addr(s.first));
	ret = hmmt_snapshot(&w->r->dev[dev], page_addr(s.first),
			    s.n * HMMT_PAGE_SIZE, snap);
	step_end(w);
	for (i = 0; i < s.n && !ret; i++) {
		word = atomic_load(&w->m->page[s.first + i].word);
		atomic_fetch_add_explicit(&w->sh->checked[ORACLE_SNAPSHOT], 1,
					  memory_order_relaxed);
		snap_bust(w, &snap[i]);
		if (snap_error(w, word, snap[i]))
			fail_add(w->sh, ORACLE_SNAPSHOT,
				 "snapshot: readable page is told as an error",
				 "device %u, page %#lx, number %u of %u", dev,
				 page_addr(s.first + i), i, s.n);
		wrong = snap_wrong(word, snap[i]);
		if (wrong) {
			fail_add(w->sh, ORACLE_SNAPSHOT, wrong,
				 "page %#lx: snapshot %#x order %u, the model's word %#llx",
				 page_addr(s.first + i), HMMT_SNAP_PROT(snap[i]),
				 HMMT_SNAP_ORDER(snap[i]), (unsigned long long)word);
			ret = -EUCLEAN;
		}
	}
	model_unlock(w->m, blocks);
	return ret;
}

#define MAX_EXCLUSIVE	8

/* Pages for the device alone, until a CPU comes, which must find what was there. */
static int exclusive(struct worker *w)
{
	static __thread char buf[MAX_EXCLUSIVE * HMMT_PAGE_SIZE];
	unsigned int dev = any_dev(w) - VIA_DEV0;
	struct span s = { pick_mapped(w), hmmt_rng_between(&w->rng, 1, MAX_EXCLUSIVE) };
	unsigned int i;
	int ret;

	s.n = min_ul(s.n, w->m->nr_pages - s.first);
	op_arg(w, (uint64_t)s.first << 32 | s.n);
	step_begin(w, STEP_DEV_LOAD, page_addr(s.first));
	ret = hmmt_exclusive(&w->r->dev[dev], page_addr(s.first), buf, s.n * HMMT_PAGE_SIZE);
	step_end(w);
	ret = bust_errno(w, ret);
	/* no mapping, no permission to write */
	if (ret == -EFAULT || ret == -EPERM)
		ret = -EAGAIN;
	if (ret && !err_transient(ret))
		fail_add(w->sh, ORACLE_NEGATIVE, "exclusive: unexpected error",
			 "device %u, %#lx+%u: %s", dev, page_addr(s.first), s.n, strerror(-ret));
	for (i = 0; i < s.n && !ret; i++) {
		ret = page_write(w, s.first + i, VIA_CPU);
		if (ret == -EAGAIN)
			ret = 0;
		if (!ret)
			ret = page_read(w, s.first + i, pick_slot(w), VIA_CPU);
	}
	return ret;
}

/* A checksum has no slots: what it says of pages that all know is compared. */
static int checksum(struct worker *w)
{
	struct span s = pick_part(w);
	static __thread uint64_t sums[HMMT_PMD_PAGES];
	struct hmmt_checksum res;
	uint64_t blocks;
	unsigned int i;
	int ret;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	ret = lock_run(w, &s, word_readable, &blocks);
	if (ret)
		return ret;
	step_begin(w, STEP_DEV_LOAD, page_addr(s.first));
	ret = hmmt_checksum(&w->r->dev[0], page_addr(s.first), s.n * HMMT_PAGE_SIZE, sums, &res);
	step_end(w);
	/* The writers stand still only where there are none. */
	for (i = 0; i < s.n && !ret && ops_alone(w); i++) {
		atomic_fetch_add_explicit(&w->sh->checked[ORACLE_SLOT], 1, memory_order_relaxed);
		sums[i] += bust_answer(w, "sum");
		if (sums[i] == hmmt_checksum_of((void *)page_addr(s.first + i), HMMT_PAGE_SIZE))
			continue;
		fail_add(w->sh, ORACLE_SLOT, "wrong slot: device and CPU differ",
			 "checksum of %#lx", page_addr(s.first + i));
		ret = -EUCLEAN;
	}
	model_unlock(w->m, blocks);
	return ret == -EFAULT ? -ENOMEM : ret;
}

/* How much a fault brings back or asks for: of all users of the file. */
static int set_windows(struct worker *w, size_t cpu)
{
	static const size_t windows[] = { 0, 0, HMMT_PAGE_SIZE, 65536, HMMT_PMD_SIZE };
	size_t dev = windows[hmmt_rng_below(&w->rng, ARRAY_SIZE(windows))];

	op_arg(w, 0);
	op_arg(w, 0);
	op_arg(w, cpu);
	op_arg(w, dev);
	return hmmt_tune(&w->r->dev[0], cpu, dev);
}

static int fault_window(struct worker *w)
{
	return set_windows(w, hmmt_rng_chance(&w->rng, 1, 2) ? HMMT_PMD_SIZE : 0);
}

/* CPU faults that bring back less than what a PMD maps */
static int fault_part(struct worker *w)
{
	return set_windows(w, hmmt_rng_chance(&w->rng, 1, 2) ? HMMT_PAGE_SIZE : 65536);
}

/*
 * Device memory that runs out in the middle, and system THPs that are not to be
 * had; never a system page, without which a CPU fault rightly ends in SIGBUS.
 */
static int inject(struct worker *w)
{
	struct hmmt_inject in = {
		.sites = HMMT_SITE_DEV_BASE | HMMT_SITE_DEV_THP,
		.nth = hmmt_rng_between(&w->rng, 1, 64),
		.interval = hmmt_rng_below(&w->rng, 8),
		.times = hmmt_rng_between(&w->rng, 1, 256),
	};

	if (hmmt_rng_chance(&w->rng, 1, 2))
		in.sites = HMMT_SITE_DEV_THP | HMMT_SITE_SYS_THP;
	if (hmmt_rng_chance(&w->rng, 1, 3))
		in.probability = hmmt_rng_below(&w->rng, 32768);
	in.seed = hmmt_rng_u64(&w->rng);
	op_arg(w, 0);
	op_arg(w, 0);
	op_arg(w, in.sites);
	op_arg(w, in.nth);
	return hmmt_inject(&w->r->dev[0], &in);
}

const struct op ops_device[] = {
	{ "dev_read", "a device checks a slot", NEED_DEV, OP_DATA, 10, op_dev_read },
	{ "dev_write", "a device advances the own slot", NEED_DEV, OP_DATA, 10, op_dev_write },
	{ "dev_probe", "a device accesses any page", NEED_DEV, OP_CHECK, 4, op_dev_probe },
	{ "dev_sweep", "devices check a run of pages", NEED_DEV, OP_DATA, 4, op_dev_sweep },
	{ "snapshot", "the device's view of a block", NEED_DEV, OP_CHECK, 8, op_snapshot },
	{ "exclusive", "pages for a device alone, until a CPU comes", NEED_DEV, OP_DATA, 3,
	  exclusive },
	{ "checksum", "a device sums up pages", NEED_DEV, OP_CHECK, 2, checksum },
	{ "fault_window", "faults bring back more or less", NEED_DEV, OP_PLACE, 1, fault_window },
	{ "fault_part", "CPU faults want less than a PMD", NEED_DEV, OP_PLACE, 1, fault_part },
	{ "inject", "allocations of the driver fail", NEED_DEV, OP_PLACE, 1, inject },
	OP_TABLE_END
};
