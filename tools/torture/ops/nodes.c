// SPDX-License-Identifier: GPL-2.0
/*
 * Pages move between memory nodes, by other code than that of devices, which
 * has to leave the devices' pages alone. DAMON watches, and moves on its own.
 */
#include <errno.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ops.h"

#define MOVE_PAGES	32

static int move_pages_to(struct worker *w)
{
	unsigned int first = pick_mapped(w), step = 1U << hmmt_rng_below(&w->rng, 5), i, n;
	void *pages[MOVE_PAGES];
	int nodes[MOVE_PAGES], status[MOVE_PAGES];
	long ret;

	/* It stops at a page that is busy, and says nothing of those behind. */
	memset(status, 0, sizeof(status));
	for (n = 0; n < MOVE_PAGES && first + n * step < w->m->nr_pages; n++) {
		pages[n] = (void *)page_addr(first + n * step);
		nodes[n] = hmmt_rng_below(&w->rng, 2);
	}
	op_arg(w, (uint64_t)first << 32 | n * step);
	step_begin(w, STEP_SYSTEM, page_addr(first));
	ret = syscall(SYS_move_pages, 0, (unsigned long)n, pages, nodes, status, MPOL_MF_MOVE);
	step_end(w);
	if (ret < 0)
		return err_transient(-errno) ? -errno : -EBUSY;
	if (bust_answer(w, "node"))
		status[0] = 2;
	for (i = 0; i < n; i++)
		if (status[i] > 1) {
			fail_add(w->sh, ORACLE_READER, "move_pages: impossible node",
				 "page %p: status %d", pages[i], status[i]);
			return -EUCLEAN;
		}
	return 0;
}

/* A policy makes a mapping of its own: it comes and goes under the lock. */
static int bind_pages(struct worker *w)
{
	struct span s = pick_block_or_part(w);
	unsigned long mask = 1UL << hmmt_rng_below(&w->rng, 2);
	unsigned long addr, len;
	uint64_t blocks;
	int ret;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	op_arg(w, 0);
	op_arg(w, mask);
	ret = lock_run(w, &s, word_mapped, &blocks);
	if (ret)
		return ret;
	addr = page_addr(s.first);
	len = s.n * HMMT_PAGE_SIZE;
	step_begin(w, STEP_SYSTEM, addr);
	if (syscall(SYS_mbind, addr, len, MPOL_BIND, &mask, 3UL, MPOL_MF_MOVE))
		ret = -errno;
	step_end(w);
	ops_warm(w, addr, len);
	step_begin(w, STEP_SYSTEM, addr);
	if (syscall(SYS_mbind, addr, len, MPOL_DEFAULT, NULL, 0UL, 0) && !ret)
		ret = -errno;
	step_end(w);
	model_unlock(w->m, blocks);
	/* EIO: not all could be moved */
	return layout_result(w, "mbind()", s, ret == -EIO ? -EBUSY : ret);
}

static int migrate_process(struct worker *w)
{
	unsigned long from = 1UL << hmmt_rng_below(&w->rng, 2), to = from ^ 3;
	long ret;

	step_begin(w, STEP_SYSTEM, 0);
	ret = syscall(SYS_migrate_pages, 0, 3UL, &from, &to);
	step_end(w);
	return ret < 0 ? -EBUSY : 0;
}

#define DAMON	"/sys/kernel/mm/damon/admin/kdamonds/"

/*
 * Sample this process's page tables every millisecond, and page out what was not
 * touched. It ends with the process, or with the next one that is started.
 */
static int damon(struct worker *w)
{
	static const char * const steps[][2] = {
		{ "0/state", "off" },
		{ "nr_kdamonds", "1" },
		{ "0/contexts/nr_contexts", "1" },
		{ "0/contexts/0/operations", "vaddr" },
		{ "0/contexts/0/monitoring_attrs/intervals/sample_us", "1000" },
		{ "0/contexts/0/monitoring_attrs/intervals/aggr_us", "20000" },
		{ "0/contexts/0/targets/nr_targets", "1" },
		{ "0/contexts/0/targets/0/pid_target", NULL },
		{ "0/contexts/0/schemes/nr_schemes", "1" },
		{ "0/contexts/0/schemes/0/action", "pageout" },
		{ "0/contexts/0/schemes/0/access_pattern/sz/max", "2097152" },
		{ "0/state", "on" },
	};
	char path[160], pid[16];
	unsigned int i;
	int ret = 0;

	snprintf(pid, sizeof(pid), "%d", getpid());
	step_begin(w, STEP_SYSTEM, 0);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		snprintf(path, sizeof(path), DAMON "%s", steps[i][0]);
		ret = hmmt_write_file(path, steps[i][1] ? steps[i][1] : pid);
		/* the first: there may be none yet, or it ended by itself */
		if (ret && i)
			break;
	}
	step_end(w);
	return ret ? -EBUSY : 0;
}

/*
 * The scheduler takes the access from entries, present and not, and sees by the faults
 * who wants a page where. How often is set by guest_setup().
 */
static int numa_balance(struct worker *w)
{
	bool on = hmmt_rng_chance(&w->rng, 2, 3);
	int ret;

	op_arg(w, 0);
	op_arg(w, 0);
	op_arg(w, on);
	step_begin(w, STEP_SYSTEM, 0);
	ret = hmmt_write_file(NUMA_BALANCING, on ? "1" : "0");
	step_end(w);
	return ret ? -EBUSY : 0;
}

const struct op ops_nodes[] = {
	{ "move_pages", "some pages to another node", NEED_NODES, OP_PLACE, 2, move_pages_to },
	{ "mbind", "a range to another node", NEED_NODES, OP_PLACE, 2, bind_pages },
	{ "migrate_pages", "the whole process to another node", NEED_NODES, OP_PLACE, 1,
	  migrate_process },
	{ "numa_balance", "have pages follow who uses them", NEED_GUEST | NEED_NODES | NEED_BALANCE,
	  OP_PLACE, 1, numa_balance },
	{ "damon", "have page tables sampled, pages paged out", NEED_GUEST | NEED_DAMON, OP_PLACE,
	  0, damon },
	OP_TABLE_END
};
