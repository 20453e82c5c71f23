// SPDX-License-Identifier: GPL-2.0
/*
 * A worker: it picks ops by weight until the round is over. Each op draws from
 * streams of its own: what it does depends on its seed and on the memory that
 * it finds, not on the ops before it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
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
	hmmt_rng_init(&w->pauses, seed + w->r->cfg->pauses, 2 * stream + 1);
}

/* Whose turn it is in a serial program: the line that runs, or is the next to. */
static pthread_mutex_t turn_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_moved = PTHREAD_COND_INITIALIZER;
static unsigned int turn;
static unsigned int busy;	/* workers that have lines left */

void worker_prepare(const struct round *r)
{
	turn = 0;
	busy = r->nr_workers;
}

static void turn_take(struct worker *w, unsigned int line)
{
	pthread_mutex_lock(&turn_lock);
	while (turn != line && !atomic_load(&w->sh->stop))
		pthread_cond_wait(&turn_moved, &turn_lock);
	pthread_mutex_unlock(&turn_lock);
}

/* Also by who stops: the others wait for nothing then. */
static void turn_give(unsigned int line)
{
	pthread_mutex_lock(&turn_lock);
	turn = line;
	pthread_cond_broadcast(&turn_moved);
	pthread_mutex_unlock(&turn_lock);
}

/* What to run next, from the program or picked; false: that was all. */
static bool next_line(struct worker *w, struct program_line *l)
{
	const struct program *p = w->r->program;
	int n;

	if (!p) {
		w->bust_done = !w->bust_done && bust_due(w);
		n = w->bust_done ? ops_find("bust") : pick_op(w);
		*l = (struct program_line){ .number = n };
		/* 0 is no seed, in a program. */
		l->seed = hmmt_rng_between(&w->pick, 1, UINT32_MAX);
		return n >= 0;
	}
	while (w->next < p->nr && p->line[w->next].worker != w->idx)
		w->next++;
	if (w->next == p->nr)
		return false;
	*l = p->line[w->next];
	if (p->serial)
		turn_take(w, w->next);
	w->next++;
	return !atomic_load(&w->sh->stop);
}

static void run_op(struct worker *w, const struct program_line *l)
{
	const struct op *op = ops_get(l->number);
	struct op_stat *st = &w->sh->op[l->number];
	bool catch;
	int ret;

	w->op = l->number;
	w->nr_args = 0;
	worker_streams(w, l->seed, 0);
	w->rng.tape = l->choice;
	w->rng.tape_len = l->nr_choices;
	w->rng.dry = !l->seed;
	trace_draws(w);
	w->record = journal_begin(w->r->journal, l->number, w->idx, getpid(), now_ns(), l->seed);
	catch = perturb_catch_op(w, l->seed + w->r->cfg->pauses);
	ret = op->run(w);
	if (catch)
		perturb_let_go(w);
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

/*
 * Picked ops have no end: children and the other workers end with the first
 * that is done. A program runs to its last line, and its children to theirs.
 */
static void worker_done(struct worker *w)
{
	bool last;

	if (w->r->program) {
		child_reap(w, true);
		pthread_mutex_lock(&turn_lock);
		last = !--busy;
		pthread_mutex_unlock(&turn_lock);
		if (!last && !atomic_load(&w->sh->stop))
			return;
	}
	atomic_store(&w->sh->stop, 1);
	turn_give(turn);
	child_reap(w, true);
}

void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct program_line l;
	char name[16];

	snprintf(name, sizeof(name), "torture-%u", w->idx);
	prctl(PR_SET_NAME, name);
	w->pg->pid = getpid();
	w->pg->tid = gettid();
	trace_thread(w);
	if (via_open(w) || bust_round(w->r->cfg, w->sh, "setup")) {
		fail_add(w->sh, ORACLE_PROGRESS, "round: cannot set up", "worker %u: %s", w->idx,
			 strerror(errno));
		turn_give(turn);
		return NULL;
	}
	while (!atomic_load(&w->sh->stop) && now_ns() < w->r->end_ns) {
		if (atomic_load(&w->sh->hold) || atomic_load(&w->sh->dev_hold)) {
			nap_ms(10);
			continue;
		}
		if (!next_line(w, &l))
			break;
		run_op(w, &l);
		if (w->r->program && w->r->program->serial)
			turn_give(w->next);
	}
	worker_done(w);
	lane_clear(w);
	via_close(w);
	w->pg->pid = 0;
	return NULL;
}
