// SPDX-License-Identifier: GPL-2.0
/* A round: one process, one address space, from birth to exit. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "ops/ops.h"
#include "scenarios/scenarios.h"
#include "torture.h"

static struct worker workers[MAX_WORKERS];

/* The scenario's weights, without what cannot run here. */
static void set_weights(struct round *r)
{
	uint64_t seed = r->cfg->seed + r->number;
	unsigned int role, n;
	const struct op *op;

	for (role = 0; role < r->scenario->nr_roles; role++) {
		r->total[role] = 0;
		for (n = 0; (op = ops_get(n)); n++) {
			r->weight[role][n] = ops_skip(op, r->cfg) ? 0 :
				scenario_weight(r->scenario, role, n, seed);
			r->total[role] += r->weight[role][n];
		}
	}
}

static bool round_failed(const struct round *r)
{
	return atomic_load(&r->sh->failed) != r->failed;
}

/*
 * Nothing changes any more: look at all slots of a sample of the pages. More
 * would cost more than the round itself, each page may be in a device.
 */
static void final_sweep(struct round *r)
{
	struct worker *w = &workers[0];
	unsigned int page, slot, stride = 37;
	uint64_t word;

	w->pg->pid = getpid();
	w->pg->tid = getpid();
	worker_streams(w, r->cfg->seed, r->number);
	for (page = hmmt_rng_below(&w->rng, stride); page < r->m->nr_pages; page += stride) {
		word = atomic_load(&r->m->page[page].word);
		if (!word_readable(word))
			continue;
		for (slot = 0; slot < r->nr_workers; slot++)
			page_check_locked(w, word, page_addr(page), slot, VIA_CPU);
		page_check_locked(w, word, page_addr(page), SLOT_OF(1, page % r->nr_workers),
				  VIA_CPU);
		if (round_failed(r))
			break;
	}
	w->pg->pid = 0;
}

struct own_memory {
	uint64_t rss_kb;
	uint64_t pte_kb;
};

static int own_memory(struct own_memory *m)
{
	int ret = hmmt_file_field("/proc/self/status", "RssAnon", &m->rss_kb);

	return ret ? ret : hmmt_file_field("/proc/self/status", "VmPTE", &m->pte_kb);
}

/*
 * With the arena unmapped only the threads' stacks may have been added; half
 * a THP is far more than they take, and less than one leaked THP.
 */
static void check_own_memory(struct round *r, const struct own_memory *before)
{
	struct own_memory now;

	if (own_memory(&now))
		return;
	atomic_fetch_add(&r->sh->checked[ORACLE_CONSERVATION], 2);
	if (now.rss_kb > before->rss_kb + HMMT_PMD_SIZE / 2048)
		fail_add(r->sh, ORACLE_CONSERVATION, "conservation: RSS left after unmapping",
			 "RssAnon %llu kB, before the round %llu kB",
			 (unsigned long long)now.rss_kb, (unsigned long long)before->rss_kb);
	if (now.pte_kb > before->pte_kb + 64)
		fail_add(r->sh, ORACLE_CONSERVATION,
			 "conservation: page tables left after unmapping",
			 "VmPTE %llu kB, before the round %llu kB",
			 (unsigned long long)now.pte_kb, (unsigned long long)before->pte_kb);
}

static void note_own_memory(struct round *r)
{
	uint64_t kb;

	if (!hmmt_file_field("/proc/self/status", "VmRSS", &kb) &&
	    kb > atomic_load(&r->sh->round_kb))
		atomic_store(&r->sh->round_kb, kb);
}

static int start_workers(struct round *r, pthread_t *threads)
{
	unsigned int i;
	int ret;

	for (i = 0; i < r->nr_workers; i++) {
		ret = pthread_create(&threads[i], NULL, worker_main, &workers[i]);
		if (ret) {
			atomic_store(&r->sh->stop, 1);
			while (i--)
				pthread_join(threads[i], NULL);
			return -ret;
		}
	}
	return 0;
}

int round_main(struct round *r, bool unmap)
{
	pthread_t threads[MAX_WORKERS];
	struct own_memory before = { 0 };
	uint64_t stream = 0;
	const char *c;
	unsigned int i;
	int ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ret = access_init();
	if (ret)
		return 2;
	r->maps_fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (r->maps_fd < 0)
		return 2;
	for (i = 0; i < NR_DEVS; i++) {
		r->dev[i].fd = -1;
		if (i < r->cfg->nr_devs && hmmt_open(&r->dev[i], i))
			return 2;
	}
	child_prepare(r->nr_workers);
	set_weights(r);
	/* By name: a scenario's rounds do not depend on which others run. */
	for (c = r->scenario->name; *c; c++)
		stream = hmmt_mix64(stream + *c);
	stream = hmmt_mix64(stream + r->number);
	for (i = 0; i < r->nr_workers; i++) {
		struct worker *w = &workers[i];

		memset(w, 0, sizeof(*w));
		w->r = r;
		w->sh = r->sh;
		w->m = r->m;
		w->idx = i;
		w->pg = &r->sh->progress[i];
		w->lane = page_addr(r->m->nr_pages) + HMMT_PMD_SIZE +
			  i * (LANE_PAGES * HMMT_PAGE_SIZE + HMMT_PMD_SIZE);
		hmmt_rng_init(&w->pick, r->cfg->seed, stream + i);
	}
	worker_prepare(r);
	trace_thread(&workers[0]);	/* what is done for all */
	own_memory(&before);
	ret = arena_init(r);
	if (ret)
		return 3;
	ret = start_workers(r, threads);
	if (ret)
		return 3;
	for (i = 0; i < r->nr_workers; i++)
		pthread_join(threads[i], NULL);
	if (!round_failed(r))
		final_sweep(r);
	if (unmap && !round_failed(r)) {
		munmap((void *)ARENA_BASE, page_addr(r->m->nr_pages) - ARENA_BASE);
		check_own_memory(r, &before);
		note_own_memory(r);
	}
	return 0;
}
