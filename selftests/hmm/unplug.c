// SPDX-License-Identifier: GPL-2.0
/*
 * hmm-unplug: device memory goes chunk by chunk and comes back, empty, in use, being
 * allocated, being migrated. Nobody's data is lost, nothing gets to where nothing may,
 * and what cannot be had is said and undone.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"
#include "module.h"

#define PAGES		HMMT_PMD_PAGES
#define CHUNKS		4U
#define PER_PAGEMAP	2U
#define PARAMS		"chunks=4 chunks_per_pagemap=2 poison=512"
#define STRUCT_PAGE	64	/* bytes */
#define WAIT_MS		10000	/* for what ends by itself */
#define HOLD_MS		4000
#define RACE_CHUNKS	16U	/* to be unplugged under load, in so many tries */
#define RACE_TRIES	400U
#define NR_PROCS	3
#define PROC_PMDS	2U

static bool pull(unsigned int chunk, struct hmmt_unplug *u)
{
	int ret = hmmt_unplug(&dev0, chunk, 0, WAIT_MS, u);

	WANT(!ret, "chunk %u: %s, %llu pages left", chunk, strerror(-ret), u->left);
	return true;
}

static bool plug(unsigned int chunk, struct hmmt_unplug *u)
{
	int ret = hmmt_unplug(&dev0, chunk, HMMT_UNPLUG_PLUG, 0, u);

	WANT(!ret, "chunk %u: %s", chunk, strerror(-ret));
	return true;
}

/* How each test begins, whatever the one before it has left away */
static bool all_there(void)
{
	int ret = hmmt_plug_all(&dev0), ret1 = hmmt_plug_all(&dev1);

	WANT(ret >= 0 && ret1 >= 0, "plug: %d and %d", ret, ret1);
	return true;
}

static bool in_order(void)
{
	struct hmmt_check c;

	WANT(!hmmt_check(&dev0, HMMT_CHECK_QUIET, &c) && !c.check,
	     "%s: pfn %#llx expected %#llx found %#llx", hmmt_check_name(c.check), c.pfn,
	     c.expected, c.found);
	return true;
}

static bool used_is(unsigned long used)
{
	struct hmmt_stats st;

	TRY(in_order());
	TRY(stats_of(&dev0, &st));
	WANT(st.pages_used == used, "%llu pages used, not %lu", st.pages_used, used);
	return true;
}

/* Numbers of the device pages that hold the first @nr pages, 0: none does */
static bool device_pfns(unsigned long nr, uint64_t *pfn)
{
	unsigned long i;
	int ret = hmmt_pagemap_read(getpid(), at(0), nr, pfn);

	WANT(!ret, "pagemap: %s", strerror(-ret));
	for (i = 0; i < nr; i++) {
		struct hmmt_pagemap pm = hmmt_pagemap_decode(pfn[i]);

		pfn[i] = pm.swap ? pm.swap_pfn : 0;
	}
	return true;
}

/* How many of the first @nr pages are in the chunk of @u */
static unsigned long in_chunk(const struct hmmt_unplug *u, unsigned long nr)
{
	static uint64_t pfn[CHUNKS * PAGES];
	unsigned long i, n = 0;

	if (!device_pfns(nr, pfn))
		return ~0UL;
	for (i = 0; i < nr; i++)
		n += pfn[i] - u->pfn < PAGES;
	return n;
}

/* The chunk that page 0 is in, CHUNKS: none */
static unsigned int chunk_of_first(void)
{
	struct hmmt_unplug u;
	unsigned int c;

	for (c = 0; c < CHUNKS; c++)
		if (hmmt_unplug(&dev0, c, HMMT_UNPLUG_PLUG, 0, &u) == -EALREADY && in_chunk(&u, 1))
			break;
	return c;
}

/* All in use, then one chunk after the other away; the rest is all there is to be had */
static bool each(bool thp)
{
	struct hmmt_unplug u = { 0 };
	struct hmmt_migrate m;
	unsigned long left;
	unsigned int c;

	TRY(all_there());
	TRY(fill(CHUNKS, thp));
	for (c = 0; c < CHUNKS; c++) {
		left = (CHUNKS - c) * PAGES;
		TRY(migrate(&dev0, 0, CHUNKS * PAGES, 0, NULL));
		TRY(used_is(left));
		if (!busted("stays"))
			TRY(pull(c, &u));
		WANT(u.migrated == PAGES && !u.left, "chunk %u: migrated %llu left %llu", c,
		     u.migrated, u.left);
		WANT(!in_chunk(&u, CHUNKS * PAGES), "chunk %u: mapped", c);
		TRY(used_is(left - PAGES));
		/* wherever it is, the device gets at it */
		TRY(verify_device(&dev0, c * PAGES, (c + 1) * PAGES));
		TRY(migrate(&dev0, 0, CHUNKS * PAGES, 0, &m));
		WANT(!m.migrated && m.nomem, "chunk %u: migrated %llu nomem %llu", c, m.migrated,
		     m.nomem);
		if (busted("data"))
			*word(9) = 0;
		TRY(verify(0, CHUNKS * PAGES));
		TRY(used_is(0));
	}
	TRY(migrate(&dev0, 0, CHUNKS * PAGES, 0, &m));
	WANT(!m.migrated, "no memory, and migrated %llu", m.migrated);
	for (c = 0; c < CHUNKS; c++) {
		TRY(plug(c, &u));
		TRY(migrate(&dev0, 0, CHUNKS * PAGES, 0, &m));
		WANT(m.migrated == PAGES && in_chunk(&u, CHUNKS * PAGES) == PAGES,
		     "chunk %u: migrated %llu", c, m.migrated);
	}
	return verify(0, CHUNKS * PAGES);
}

static bool thps(void)
{
	if (!whole_thps) {
		skip = "this kernel migrates base pages only";
		return false;
	}
	return each(true);
}

static bool base_pages(void)
{
	return each(false);
}

/* Pages of several processes, some of them shared, in one chunk */
static bool processes(void)
{
	struct hmmt_unplug u;
	int go[2], status, ret;
	pid_t pids[NR_PROCS];
	unsigned int i;
	bool ok = true;
	char c;

	TRY(all_there());
	TRY(fill(1, false));
	TRY(migrate(&dev0, 0, PAGES / 2, 0, NULL));
	WANT(!pipe(go), "%s", strerror(errno));
	for (i = 0; i < NR_PROCS; i++) {
		fflush(stdout);
		pids[i] = fork();
		if (pids[i])
			continue;
		close(go[1]);
		/* its own copies of some, and what the parent has no more */
		*word(i) = value(i);
		ret = read(go[0], &c, 1);
		_exit(ret || !verify(0, PAGES));
	}
	close(go[0]);
	for (i = 0; i < PAGES / 4; i++)
		*word(i) = value(i);
	TRY(migrate(&dev0, 0, PAGES / 4, 0, NULL));
	ret = hmmt_unplug(&dev0, chunk_of_first(), 0, WAIT_MS, &u);
	if (busted("data"))
		*word(3) = 0;
	close(go[1]);
	for (i = 0; i < NR_PROCS; i++)
		ok &= reaped(pids[i], &status) && !status;
	WANT(!ret && u.migrated >= PAGES / 2, "%s: migrated %llu", strerror(-ret), u.migrated);
	WANT(ok, "child");
	TRY(used_is(0));
	return verify(0, PAGES);
}

/* Pages of system memory that hold struct pages of what was added since boot */
static bool memmap_is(uint64_t pages)
{
	uint64_t now;
	int ret = hmmt_file_field("/proc/vmstat", "nr_memmap_pages", &now);

	WANT(!ret, "vmstat: %s", strerror(-ret));
	WANT(now == pages, "struct pages: in %llu pages, not %llu", (unsigned long long)now,
	     (unsigned long long)pages);
	return true;
}

/* The last chunk takes the struct pages along: who names them hears that there are none */
static bool pagemaps(void)
{
	struct hmmt_evict e = { .mode = HMMT_EVICT_CHUNK };
	struct hmmt_stats before, after;
	struct hmmt_unplug u, again;
	uint64_t memmap = 0;
	unsigned int c;
	int ret;

	TRY(all_there());
	hmmt_file_field("/proc/vmstat", "nr_memmap_pages", &memmap);
	TRY(stats_of(&dev0, &before));
	for (c = PER_PAGEMAP; c < 2 * PER_PAGEMAP; c++) {
		TRY(pull(c, &u));
		e.pfn = u.pfn;
		ret = hmmt_evict_some(&dev0, &e);
		WANT(ret == -EINVAL, "evict: %s", strerror(-ret));
		TRY(stats_of(&dev0, &after));
		WANT(after.pagemaps_gone - before.pagemaps_gone == (c == 2 * PER_PAGEMAP - 1),
		     "chunk %u: %llu pagemaps gone", c, after.pagemaps_gone - before.pagemaps_gone);
		TRY(in_order());
	}
	TRY(memmap_is(memmap - PER_PAGEMAP * PAGES * STRUCT_PAGE / HMMT_PAGE_SIZE));
	WANT(!hmmt_evict(&dev0, NULL), "evict all");
	/* back by the other one; its neighbour stays away */
	c = PER_PAGEMAP;
	TRY(plug(c, &again));
	TRY(memmap_is(memmap));
	WANT(again.pfn + PAGES == u.pfn, "it was elsewhere: %#llx", again.pfn);
	TRY(in_order());
	ret = hmmt_evict_some(&dev0, &e);
	WANT(ret == -EINVAL, "evict: %s", strerror(-ret));
	e.pfn = again.pfn;
	ret = hmmt_evict_some(&dev0, &e);
	WANT(!ret, "evict: %s", strerror(-ret));
	TRY(fill(CHUNKS, false));
	TRY(migrate(&dev0, 0, CHUNKS * PAGES, 0, NULL));
	TRY(used_is((CHUNKS - PER_PAGEMAP + 1) * PAGES));
	WANT(!in_chunk(&u, CHUNKS * PAGES), "pages in a chunk that is away");
	WANT(in_chunk(&again, CHUNKS * PAGES) == PAGES, "it is not used");
	TRY(stats_of(&dev0, &after));
	WANT(after.unplugged - before.unplugged == PER_PAGEMAP &&
	     after.plugged - before.plugged == 1 && !after.poison_wrong,
	     "unplugged %llu plugged %llu poison %llu", after.unplugged - before.unplugged,
	     after.plugged - before.plugged, after.poison_wrong);
	return verify(0, CHUNKS * PAGES);
}

static bool errors(void)
{
	struct hmmt_unplug u;
	int ret;

	TRY(all_there());
	ret = hmmt_unplug(&dev0, CHUNKS, 0, 0, NULL);
	WANT(ret == -ENXIO, "no such chunk: %s", strerror(-ret));
	ret = hmmt_unplug(&dev0, ~0U, HMMT_UNPLUG_PLUG, 0, NULL);
	WANT(ret == -ENXIO, "no such chunk: %s", strerror(-ret));
	ret = hmmt_unplug(&dev0, 0, HMMT_UNPLUG_PLUG, 0, NULL);
	WANT(ret == -EALREADY, "plugged: %s", strerror(-ret));
	ret = hmmt_unplug(&dev0, 0, HMMT_UNPLUG_PLUG, 1, NULL);
	WANT(ret == -EINVAL, "plug takes no time: %s", strerror(-ret));
	TRY(pull(0, &u));
	ret = hmmt_unplug(&dev0, 0, 0, 0, NULL);
	WANT(ret == -EALREADY, "unplugged: %s", strerror(-ret));
	return plug(0, &u);
}

/* --- who holds pages ------------------------------------------------------------- */

/* A process that stands in the middle of a migration of its THP, or of its base pages */
struct holder {
	pid_t		pid;
	unsigned int	chunk;
};

static struct holder *held;	/* shared */

static void holder_main(bool thp)
{
	struct hmmt_dev dev;

	/* the parent's file mirrors the parent */
	if (hmmt_open(&dev, 0) || !fill(1, thp) || !migrate(&dev, 0, PAGES, 0, NULL) ||
	    hmmt_hold(&dev, HMMT_HOLD_COPIED, HOLD_MS))
		_exit(1);
	held->chunk = chunk_of_first();
	/* by a fault: the page table says where it was until the very end */
	_exit(!verify(0, PAGES));
}

static bool hold_begin(bool thp)
{
	struct hmmt_stats before, st;
	unsigned int tries;
	pid_t pid;

	TRY(stats_of(&dev0, &before));
	held = mmap(NULL, sizeof(*held), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	WANT(held != MAP_FAILED, "%s", strerror(errno));
	/* not into what is shared: the child's 0 would be the parent's as well */
	pid = fork();
	if (!pid)
		holder_main(thp);
	WANT(pid > 0, "fork: %s", strerror(errno));
	held->pid = pid;
	for (tries = 0; tries < 500; tries++) {
		TRY(stats_of(&dev0, &st));
		if (st.held != before.held)
			break;
		sleep_ms(10);
	}
	WANT(st.held == before.held + 1 && held->chunk < CHUNKS, "held %llu chunk %u",
	     st.held - before.held, held->chunk);
	return true;
}

static bool hold_end(void)
{
	int status;

	TRY(reaped(held->pid, &status));
	WANT(!status, "holder: status %#x", status);
	return true;
}

/* Pages under way are left alone: the chunk stays in use, and goes when they are gone */
static bool busy(void)
{
	struct hmmt_stats before, after;
	struct hmmt_unplug u = { 0 };
	int ret, status;
	uint64_t ms;
	pid_t pid;

	TRY(all_there());
	TRY(fill(CHUNKS, false));
	TRY(stats_of(&dev0, &before));
	TRY(hold_begin(false));
	ms = now_ms();
	ret = busted("free") ? 0 : hmmt_unplug(&dev0, held->chunk, 0, 50, &u);
	ms = now_ms() - ms;
	WANT(ret == -EBUSY && u.migrated == PAGES - 1 && u.left == 1,
	     "%s: migrated %llu left %llu", strerror(-ret), u.migrated, u.left);
	WANT(ms >= 50 && ms < HOLD_MS, "took %llu ms", (unsigned long long)ms);
	TRY(stats_of(&dev0, &after));
	WANT(after.unplug_busy == before.unplug_busy + 1 && after.unplugged == before.unplugged,
	     "busy %llu unplugged %llu", after.unplug_busy - before.unplug_busy,
	     after.unplugged - before.unplugged);
	ret = hmmt_unplug(&dev0, held->chunk, HMMT_UNPLUG_PLUG, 0, NULL);
	WANT(ret == -EALREADY, "it is not in use again: %s", strerror(-ret));
	/* this time it is waited for, and nobody else gets into it meanwhile */
	pid = fork();
	if (!pid)
		_exit(!pull(held->chunk, &u));
	sleep_ms(50);
	TRY(migrate(&dev0, 0, CHUNKS * PAGES, 0, NULL));
	WANT(!in_chunk(&u, CHUNKS * PAGES), "%lu pages came", in_chunk(&u, CHUNKS * PAGES));
	TRY(reaped(pid, &status));
	WANT(!status, "unplug: status %#x", status);
	TRY(hold_end());
	TRY(used_is((CHUNKS - 1) * PAGES));
	return verify(0, CHUNKS * PAGES);
}

/* A fatal signal ends the wait, and the chunk is in use again */
static bool killed(void)
{
	uint64_t ms;
	pid_t pid;
	int ret;

	TRY(all_there());
	TRY(hold_begin(whole_thps));
	pid = fork();
	if (!pid) {
		hmmt_unplug(&dev0, held->chunk, 0, 10000, NULL);
		_exit(0);
	}
	WANT(pid > 0, "fork: %s", strerror(errno));
	sleep_ms(100);
	ms = now_ms();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ms = now_ms() - ms;
	WANT(ms < HOLD_MS / 2, "took %llu ms to die", (unsigned long long)ms);
	ret = hmmt_unplug(&dev0, held->chunk, HMMT_UNPLUG_PLUG, 0, NULL);
	WANT(ret == -EALREADY, "it is not in use again: %s", strerror(-ret));
	TRY(hold_end());
	TRY(fill(CHUNKS, false));
	TRY(migrate(&dev0, 0, CHUNKS * PAGES, 0, NULL));
	TRY(used_is(CHUNKS * PAGES));
	return verify(0, CHUNKS * PAGES);
}

/* --- many at once ----------------------------------------------------------------- */

#define NR_RIVALS	3

static pthread_barrier_t rivals_meet;

static void *rival(void *arg)
{
	int *ret = arg;

	pthread_barrier_wait(&rivals_meet);
	*ret = hmmt_unplug(&dev0, 1, 0, WAIT_MS, NULL);
	return NULL;
}

/* Of several that unplug the same chunk one does, the others hear that it is done */
static bool rivals(void)
{
	pthread_t threads[NR_RIVALS];
	unsigned int round, i, done, already;
	int ret[NR_RIVALS];

	TRY(all_there());
	pthread_barrier_init(&rivals_meet, NULL, NR_RIVALS);
	TRY(fill(CHUNKS, whole_thps));
	for (round = 0; round < 20; round++) {
		TRY(migrate(&dev0, 0, CHUNKS * PAGES, 0, NULL));
		for (i = 0; i < NR_RIVALS; i++)
			pthread_create(&threads[i], NULL, rival, &ret[i]);
		for (i = done = already = 0; i < NR_RIVALS; i++) {
			pthread_join(threads[i], NULL);
			done += !ret[i];
			already += ret[i] == -EALREADY;
		}
		WANT(done == 1 && already == NR_RIVALS - 1, "round %u: %u done, %u too late",
		     round, done, already);
		TRY(used_is((CHUNKS - 1) * PAGES));
		WANT(!hmmt_unplug(&dev0, 1, HMMT_UNPLUG_PLUG, 0, NULL), "plug");
	}
	return verify(0, CHUNKS * PAGES);
}

static uint64_t first_pfn[2][CHUNKS];	/* of each chunk */

static void note_pfns(void)
{
	struct hmmt_unplug u;
	unsigned int d, c;

	for (d = 0; d < 2; d++) {
		for (c = 0; c < CHUNKS; c++) {
			hmmt_unplug(d ? &dev1 : &dev0, c, HMMT_UNPLUG_PLUG, 0, &u);
			first_pfn[d][c] = u.pfn;
		}
	}
}

/* By number of a page that may not be there any more */
static bool evict_any(const struct hmmt_dev *dev, struct hmmt_rng *rng)
{
	struct hmmt_evict e = {
		.mode = HMMT_EVICT_RANGE, .nr = PAGES,
		.pfn = first_pfn[dev->index][hmmt_rng_below(rng, CHUNKS)],
	};
	int ret = hmmt_evict_some(dev, &e);

	WANT(!ret || ret == -EINVAL, "evict: %s", strerror(-ret));
	return true;
}

/* A user of both devices: to each, from one to the other, back, by itself and by fault */
static bool user(unsigned int proc, const atomic_bool *stop)
{
	struct hmmt_dev devs[2] = { HMMT_DEV_CLOSED, HMMT_DEV_CLOSED };
	const unsigned long nr = PROC_PMDS * PAGES;
	struct hmmt_rng rng;

	hmmt_rng_init(&rng, 3, proc);
	TRY(!hmmt_open(&devs[0], 0) && !hmmt_open(&devs[1], 1) && fill(PROC_PMDS, proc & 1));
	while (!*stop) {
		unsigned int d = hmmt_rng_below(&rng, 2);
		unsigned long first = hmmt_rng_below(&rng, nr);
		unsigned long n = hmmt_rng_below(&rng, nr - first);

		switch (hmmt_rng_below(&rng, 7)) {
		case 0:
			TRY(migrate(&devs[d], 0, nr, HMMT_MIGRATE_TO_SYS, NULL));
			break;
		case 1:
			WANT(!hmmt_migrate_peer(&devs[d], at(0), nr * HMMT_PAGE_SIZE, 0, !d, NULL),
			     "peer");
			break;
		case 2:
			TRY(verify(first, first + n));
			break;
		case 3:
			TRY(verify_device(&devs[d], first, first + n / 16));
			break;
		case 4:
			TRY(evict_any(&devs[d], &rng));
			break;
		default:
			TRY(migrate(&devs[d], 0, nr, 0, NULL));
		}
	}
	return verify(0, nr);
}

/* Chunks of both devices go and come while they are used */
static bool under_load(void)
{
	unsigned int i, c = 0, pulled = 0, late = 0;
	atomic_bool *stop;
	struct hmmt_rng rng;
	pid_t pids[NR_PROCS];
	bool ok = true;
	int status, ret = 0;

	TRY(all_there());
	hmmt_rng_init(&rng, 5, 0);
	note_pfns();
	stop = mmap(NULL, sizeof(*stop), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	WANT(stop != MAP_FAILED, "%s", strerror(errno));
	for (i = 0; i < NR_PROCS; i++) {
		fflush(stdout);
		pids[i] = fork();
		if (pids[i])
			continue;
		ok = user(i, stop);
		if (!ok)
			printf("# process %u: %s\n", i, why);
		_exit(!ok);
	}
	for (i = 0; i < RACE_TRIES && pulled < RACE_CHUNKS; i++) {
		struct hmmt_dev *dev = hmmt_rng_below(&rng, 2) ? &dev0 : &dev1;

		c = hmmt_rng_below(&rng, CHUNKS);
		ret = hmmt_unplug(dev, c, 0, hmmt_rng_below(&rng, 20), NULL);
		pulled += !ret;
		late += ret == -EBUSY;
		if (ret && ret != -EBUSY && ret != -EALREADY)
			break;
		c = hmmt_rng_below(&rng, CHUNKS);
		ret = hmmt_unplug(dev, c, HMMT_UNPLUG_PLUG, 0, NULL);
		if (ret && ret != -EALREADY)
			break;
		ret = 0;
	}
	/* not while something is unplugged: docs/findings/evict-unmap.md */
	*stop = true;
	for (i = 0; i < NR_PROCS; i++)
		ok &= reaped(pids[i], &status) && !status;
	printf("# under_load: %u chunks unplugged, %u times busy\n", pulled, late);
	WANT(!ret, "chunk %u: %s", c, strerror(-ret));
	WANT(ok, "users");
	WANT(pulled == RACE_CHUNKS, "%u chunks unplugged", pulled);
	return in_order();
}

static const struct test tests[] = {
	{ "unplug_thps", thps },
	{ "unplug_base_pages", base_pages },
	{ "unplug_processes", processes },
	{ "unplug_pagemaps", pagemaps },
	{ "unplug_errors", errors },
	{ "unplug_busy", busy },
	{ "unplug_killed", killed },
	{ "unplug_rivals", rivals },
	{ "unplug_under_load", under_load },
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
	ret = run_tests("hmm-unplug", tests, sizeof(tests) / sizeof(tests[0]));
	/* as it was found, for who comes next */
	module_reload("");
	return ret;
}
