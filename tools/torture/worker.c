// SPDX-License-Identifier: GPL-2.0
/*
 * A worker: it picks ops by weight until the round is over. Each op draws from
 * streams of its own: what it does depends on its seed and on the memory that
 * it finds, not on the ops before it.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "ops/ops.h"
#include "scenarios/scenarios.h"
#include "torture.h"

static int pick_op(struct worker *w)
{
	unsigned int role = w->idx % w->r->scenario->nr_roles, n;
	uint64_t x = hmmt_rng_below(&w->pick, w->r->total[role]);

	for (n = 0; n < MAX_OPS; n++) {
		if (x < w->r->weight[role][n])
			return n;
		x -= w->r->weight[role][n];
	}
	return -ENOENT;
}

void worker_streams(struct worker *w, uint64_t seed, uint64_t stream)
{
	hmmt_rng_init(&w->rng, seed, 2 * stream);
	hmmt_rng_init(&w->pauses, seed, 2 * stream + 1);
}

static void run_op(struct worker *w, unsigned int n, uint64_t seed)
{
	const struct op *op = ops_get(n);
	struct op_stat *st = &w->sh->op[n];
	int ret;

	w->op = n;
	w->nr_args = 0;
	worker_streams(w, seed, 0);
	w->record = journal_begin(w->r->journal, n, w->idx, getpid(), now_ns());
	ret = op->run(w);
	journal_end(w->r->journal, w->record, ret);
	if (!ret) {
		atomic_fetch_add_explicit(&st->done, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&w->sh->ops, 1, memory_order_relaxed);
	} else if (ret == -EAGAIN) {
		atomic_fetch_add_explicit(&st->again, 1, memory_order_relaxed);
	} else {
		atomic_fetch_add_explicit(&st->failed, 1, memory_order_relaxed);
	}
}

void *worker_main(void *arg)
{
	struct worker *w = arg;
	char name[16];
	int n;

	snprintf(name, sizeof(name), "torture-%u", w->idx);
	prctl(PR_SET_NAME, name);
	w->pg->pid = getpid();
	w->pg->tid = gettid();
	while (!atomic_load(&w->sh->stop) && now_ns() < w->r->end_ns) {
		if (atomic_load(&w->sh->hold) || atomic_load(&w->sh->dev_hold)) {
			nap_ms(10);
			continue;
		}
		w->bust_done = !w->bust_done && bust_due(w);
		n = w->bust_done ? ops_find("bust") : pick_op(w);
		if (n < 0)
			break;
		run_op(w, n, hmmt_rng_u64(&w->pick) >> 32);
	}
	/* Children and the other workers end with the first that is done. */
	atomic_store(&w->sh->stop, 1);
	child_reap(w, true);
	w->pg->pid = 0;
	return NULL;
}
