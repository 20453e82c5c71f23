// SPDX-License-Identifier: GPL-2.0
/*
 * hmm-capacity: device memory from empty to full and back, and two devices used
 * by four processes at once. What the driver says of itself must be what the page
 * tables say, at every step.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"
#include "module.h"

#define PAGES		HMMT_PMD_PAGES
#define PARAMS		"chunks=12 chunks_per_pagemap=5"
#define MAX_CHUNKS	12UL
#define NR_PROCS	4
#define NR_DEVS		2
#define ROUNDS		6
#define PROC_PMDS	8UL	/* of each process: together more than the devices hold */

static unsigned long chunks, pages;	/* of a device */

static bool capacity(void)
{
	struct hmmt_stats st;

	WANT(!hmmt_stats(&dev0, &st), "stats");
	pages = st.pages_capacity;
	chunks = pages / PAGES;
	WANT(chunks > 2 && chunks <= MAX_CHUNKS && pages % PAGES == 0 && !st.pages_used,
	     "capacity %lu, used %llu", pages, st.pages_used);
	return true;
}

/* How many pages are in use, and by how many chunks of either sort */
static bool state_is(unsigned long used, unsigned long whole, unsigned long carved)
{
	struct hmmt_stats st;
	struct hmmt_check c;

	WANT(!hmmt_stats(&dev0, &st), "stats");
	WANT(st.pages_used == used && st.chunks_whole == whole && st.chunks_carved == carved,
	     "used %llu whole %llu carved %llu, not %lu %lu %lu", st.pages_used, st.chunks_whole,
	     st.chunks_carved, used, whole, carved);
	WANT(!hmmt_check(&dev0, HMMT_CHECK_QUIET, &c) && !c.check, "%s", hmmt_check_name(c.check));
	return true;
}

static bool free_pmd(unsigned long pmd)
{
	WANT(!munmap(area + pmd * HMMT_PMD_SIZE, HMMT_PMD_SIZE), "%s", strerror(errno));
	return true;
}

/* THPs until it is full, one too many, and back in another order */
static bool thps(void)
{
	struct hmmt_migrate m;
	unsigned long i;

	if (!whole_thps) {
		skip = "this kernel migrates base pages only";
		return false;
	}
	TRY(capacity());
	TRY(fill(chunks + 1, true));
	for (i = 0; i < chunks; i++) {
		TRY(migrate(&dev0, i * PAGES, PAGES, 0, &m));
		WANT(m.thp == 1 && !m.nomem, "PMD %lu: thp %llu nomem %llu", i, m.thp, m.nomem);
		TRY(state_is((i + 1 + busted("stats")) * PAGES, i + 1, 0));
	}
	TRY(migrate(&dev0, chunks * PAGES, PAGES, 0, &m));
	WANT(!m.migrated && m.nomem, "full: migrated %llu nomem %llu", m.migrated, m.nomem);
	TRY(state_is(pages, chunks, 0));
	TRY(verify(chunks * PAGES, (chunks + 1) * PAGES));
	TRY(verify_device(&dev0, 0, PAGES));
	/* every other one, by CPU fault; the rest from the end, unmapped */
	for (i = 0; i < chunks; i += 2) {
		TRY(verify(i * PAGES, (i + 1) * PAGES));
		TRY(state_is(pages - (i / 2 + 1) * PAGES, chunks - i / 2 - 1, 0));
	}
	for (i = chunks - 1; i < chunks; i -= 2) {
		TRY(free_pmd(i));
		TRY(state_is((i / 2) * PAGES, i / 2, 0));
	}
	return true;
}

/* A hole of PMD size, when there is no room for it, stays a hole */
static bool hole_when_full(void)
{
	struct hmmt_migrate m;
	unsigned long used;

	TRY(capacity());
	TRY(fill(chunks, true));
	TRY(migrate(&dev0, 0, pages, 0, &m));
	WANT(m.migrated == pages, "migrated %llu", m.migrated);
	TRY(fill(1, true));
	used = pages - PAGES;
	TRY(migrate(&dev0, 0, 1, 0, &m));
	used += m.migrated;
	WANT(!madvise(area, HMMT_PMD_SIZE, MADV_DONTNEED), "%s", strerror(errno));
	used -= m.migrated;
	TRY(state_is(used, whole_thps ? chunks - 1 : 0, whole_thps ? 0 : chunks - 1));
	TRY(migrate(&dev0, 0, PAGES, 0, &m));
	WANT(m.migrated == PAGES, "one chunk is free: migrated %llu", m.migrated);
	WANT(!*word(7), "hole reads %#llx", (unsigned long long)*word(7));
	return true;
}

/* Chunks in use, by the page numbers that the page table has */
static unsigned long chunks_of(const uint64_t *entry, unsigned long nr)
{
	unsigned long seen[MAX_CHUNKS] = { 0 }, i, j, n = 0;

	for (i = 0; i < nr; i++) {
		unsigned long chunk = (entry[i] >> 5 & ((1ULL << 50) - 1)) / PAGES + 1;

		if (!entry[i])
			continue;
		for (j = 0; j < n && seen[j] != chunk; j++)
			;
		if (j == n && n < MAX_CHUNKS)
			seen[n++] = chunk;
	}
	return n;
}

#define STEP	37UL	/* pages freed between two looks */

/* Base pages until the last one; freed at random; then THPs fit again */
static bool base_pages(void)
{
	static uint64_t entry[MAX_CHUNKS * PAGES];
	static unsigned int order[MAX_CHUNKS * PAGES];
	struct hmmt_rng rng;
	struct hmmt_migrate m;
	unsigned long i, j;

	TRY(capacity());
	TRY(fill(chunks + 1, false));
	for (i = 0; i < pages; i += PAGES / 4) {
		TRY(migrate(&dev0, i, PAGES / 4 - 1, 0, &m));
		TRY(state_is(i + PAGES / 4 - 1, 0, i / PAGES + 1));
		/* the last page of a quarter, and so of each chunk, by itself */
		TRY(migrate(&dev0, i + PAGES / 4 - 1, 1, 0, &m));
		TRY(state_is(i + PAGES / 4, 0, i / PAGES + 1));
	}
	TRY(migrate(&dev0, pages, 1, 0, &m));
	WANT(!m.migrated && m.nomem == 1, "full: migrated %llu nomem %llu", m.migrated, m.nomem);
	/* one out, one in */
	TRY(verify(5, 6));
	TRY(state_is(pages - 1, 0, chunks));
	TRY(migrate(&dev0, pages, 2, 0, &m));
	WANT(m.migrated == 1 && m.nomem == 1, "one free: migrated %llu nomem %llu", m.migrated,
	     m.nomem);
	TRY(state_is(pages, 0, chunks));
	TRY(verify(pages, pages + 1));
	TRY(migrate(&dev0, 5, 1, 0, &m));

	WANT(!hmmt_pagemap_read(getpid(), (uintptr_t)area, pages, entry), "pagemap");
	hmmt_rng_init(&rng, 1, 0);
	for (i = 0; i < pages; i++) {
		j = hmmt_rng_below(&rng, i + 1);
		order[i] = order[j];
		order[j] = i;
	}
	for (i = 0; i < pages - busted("page"); i++) {
		TRY(verify(order[i], order[i] + 1));
		entry[order[i]] = 0;
		if (i % STEP == 0 || i + PAGES > pages)
			TRY(state_is(pages - i - 1, 0, chunks_of(entry, pages)));
	}
	/* merged again */
	TRY(state_is(0, 0, 0));
	TRY(fill(chunks, true));
	TRY(migrate(&dev0, 0, pages, 0, &m));
	WANT(m.migrated == pages && m.thp == (whole_thps ? chunks : 0), "migrated %llu thp %llu",
	     m.migrated, m.thp);
	return verify(0, pages);
}

/* Each part of a device by its own sort: a THP that finds no chunk is split */
static bool mixed(void)
{
	struct hmmt_migrate m;

	TRY(capacity());
	TRY(fill(chunks + 1, true));
	/* all but one chunk, and of that one a page */
	TRY(migrate(&dev0, 0, pages - PAGES, 0, &m));
	TRY(migrate(&dev0, pages - PAGES, 1, 0, &m));
	TRY(state_is(pages - PAGES + 1, whole_thps ? chunks - 1 : 0,
		     whole_thps ? 1 : chunks));
	TRY(migrate(&dev0, pages, PAGES, 0, &m));
	WANT(!m.thp && m.migrated == PAGES - 1 && m.nomem, "thp %llu migrated %llu nomem %llu",
	     m.thp, m.migrated, m.nomem);
	TRY(state_is(pages, whole_thps ? chunks - 1 : 0, whole_thps ? 1 : chunks));
	TRY(verify_device(&dev0, pages - PAGES, pages + PAGES));
	TRY(verify(0, pages + PAGES));
	return state_is(0, 0, 0);
}

/* --- four processes, two devices ------------------------------------------------ */

struct shared {
	pthread_barrier_t barrier;
	unsigned long	held[NR_PROCS][NR_DEVS];	/* pages, by snapshot */
};

static struct shared *sh;

/* How many pages each device has of ours */
static bool count_held(unsigned int proc, struct hmmt_dev *devs)
{
	static uint16_t out[PROC_PMDS * PAGES];
	unsigned long i;
	unsigned int d;

	for (d = 0; d < NR_DEVS; d++) {
		WANT(!hmmt_snapshot(&devs[d], (uintptr_t)area, PROC_PMDS * HMMT_PMD_SIZE, out),
		     "snapshot");
		sh->held[proc][d] = 0;
		for (i = 0; i < sizeof(out) / sizeof(*out); i++)
			sh->held[proc][d] += (HMMT_SNAP_PROT(out[i]) & 0x70) ==
					     HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL;
	}
	return true;
}

/* One round: in, to the other device, some of it back; never less than whole PMDs */
static bool move_about(struct hmmt_dev *devs, struct hmmt_rng *rng)
{
	unsigned long pmd;

	for (pmd = 0; pmd < PROC_PMDS; pmd++) {
		unsigned int d = hmmt_rng_below(rng, NR_DEVS);
		unsigned long a = (uintptr_t)area + pmd * HMMT_PMD_SIZE;
		int ret;

		switch (hmmt_rng_below(rng, 4)) {
		case 0:
			ret = hmmt_migrate_peer(&devs[d], a, HMMT_PMD_SIZE, 0, !d, NULL);
			break;
		case 1:
			ret = hmmt_migrate(&devs[d], a, HMMT_PMD_SIZE, HMMT_MIGRATE_TO_SYS, NULL);
			break;
		default:
			ret = hmmt_migrate(&devs[d], a, HMMT_PMD_SIZE, 0, NULL);
		}
		WANT(!ret, "PMD %lu: %s", pmd, strerror(-ret));
	}
	return true;
}

static bool process(unsigned int proc)
{
	struct hmmt_dev devs[NR_DEVS] = { HMMT_DEV_CLOSED, HMMT_DEV_CLOSED };
	struct hmmt_rng rng;
	unsigned int round;
	bool ok;

	hmmt_rng_init(&rng, 7, proc);
	/* half of them with base pages */
	ok = !hmmt_open(&devs[0], 0) && !hmmt_open(&devs[1], 1) && fill(PROC_PMDS, proc & 1);
	for (round = 0; round < ROUNDS; round++) {
		ok = ok && move_about(devs, &rng) && count_held(proc, devs);
		pthread_barrier_wait(&sh->barrier);
		/* here the parent compares */
		pthread_barrier_wait(&sh->barrier);
		if (busted("data") && proc == 2)
			*word(100) = 0;
		ok = ok && verify(0, PROC_PMDS * PAGES);
	}
	return ok;
}

static bool compare_held(unsigned int round, bool *full)
{
	struct hmmt_stats st[NR_DEVS];
	unsigned int p, d;

	WANT(!hmmt_stats(&dev0, &st[0]) && !hmmt_stats(&dev1, &st[1]), "stats");
	for (d = 0; d < NR_DEVS; d++) {
		unsigned long sum = 0;

		for (p = 0; p < NR_PROCS; p++)
			sum += sh->held[p][d];
		WANT(sum == st[d].pages_used, "round %u, device %u: %llu pages used, %lu mapped",
		     round, d, st[d].pages_used, sum);
		*full |= st[d].nomem_dev;
	}
	return true;
}

static bool start_processes(pid_t *pids)
{
	unsigned int i;
	bool ok;

	for (i = 0; i < NR_PROCS; i++) {
		fflush(stdout);
		pids[i] = fork();
		if (!pids[i]) {
			ok = process(i);
			if (!ok)
				printf("# process %u: %s\n", i, why);
			_exit(!ok);
		}
		if (pids[i] > 0)
			continue;
		explain("process", "fork: %s", strerror(errno));
		/* the others would wait for it for ever */
		while (i--)
			kill(pids[i], SIGKILL);
		return false;
	}
	return true;
}

static bool processes_and_devices(void)
{
	pthread_barrierattr_t attr;
	pid_t pids[NR_PROCS];
	unsigned int i, round;
	bool ok = true, full = false;
	int status = 0;

	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	WANT(sh != MAP_FAILED, "%s", strerror(errno));
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&sh->barrier, &attr, NR_PROCS + 1);
	TRY(start_processes(pids));
	for (round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&sh->barrier);
		ok = ok && compare_held(round, &full);
		pthread_barrier_wait(&sh->barrier);
	}
	for (i = 0; i < NR_PROCS; i++) {
		ok &= reaped(pids[i], &status);
		if (ok && status)
			explain("process", "%u: status %#x", i, status);
		ok = ok && !status;
	}
	WANT(!ok || full, "no device was ever full");
	return ok;
}

static const struct test tests[] = {
	{ "thps", thps },
	{ "hole_when_full", hole_when_full },
	{ "base_pages", base_pages },
	{ "mixed", mixed },
	{ "processes_and_devices", processes_and_devices },
};

int main(int argc, char **argv)
{
	int ret;

	parse_options(argc, argv);
	ret = module_reload(PARAMS);
	if (ret) {
		printf("Bail out! %s\n", strerror(-ret));
		return 1;
	}
	ret = run_tests("hmm-capacity", tests, sizeof(tests) / sizeof(tests[0]));
	/* as it was found, for who comes next */
	module_reload("");
	return ret;
}
