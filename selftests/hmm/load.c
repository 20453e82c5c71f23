// SPDX-License-Identifier: GPL-2.0
/*
 * hmm-module: loading and unloading. In use it stays; with device memory in use
 * by mappings it goes, and the memory comes back; when an allocation fails it is
 * not loaded, or is, and leaves nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"
#include "faults.h"
#include "module.h"

#define PAGES		HMMT_PMD_PAGES
#define UNLOAD_MS	60000
#define PER_PAGEMAP	3
#define PARAMS		"devices=2 chunks=8 chunks_per_pagemap=3"
#define PARAMS_SLOW	PARAMS " perturb=20000"
#define PARAMS_TINY	"devices=1 chunks=2"
/* Each of the first allocations, then one in STRIDE */
#define EACH		200U
#define STRIDE		53U
#define MAX_NTH		20000U

static uint64_t free_before;

static bool load(const char *params)
{
	int ret = module_load(params);

	WANT(!ret, "load: %s", strerror(-ret));
	return true;
}

static bool unload(void)
{
	int ret = module_unload(UNLOAD_MS);

	WANT(!ret, "unload: %s", strerror(-ret));
	WANT(!module_loaded(), "unloaded, and still there");
	return true;
}

static bool opened(void)
{
	int ret = hmmt_open(&dev0, 0);

	WANT(!ret, "open: %s", strerror(-ret));
	return true;
}

static bool refused(void)
{
	int ret = module_unload(UNLOAD_MS);

	WANT(ret == -EAGAIN && module_loaded(), "unload: %s", ret ? strerror(-ret) : "ok");
	return true;
}

/* The device is as new */
static bool works(void)
{
	struct hmmt_check c;
	struct hmmt_stats st;

	TRY(opened());
	WANT(!hmmt_stats(&dev0, &st) && !st.pages_used && st.mirrors == 1, "%llu pages, %llu files",
	     st.pages_used, st.mirrors);
	TRY(fill(1, true));
	TRY(migrate(&dev0, 0, PAGES, 0, NULL));
	TRY(verify(0, PAGES));
	WANT(!hmmt_check(&dev0, HMMT_CHECK_QUIET, &c) && !c.check, "%s", hmmt_check_name(c.check));
	hmmt_close(&dev0);
	return true;
}

static bool file_open(void)
{
	TRY(load(PARAMS));
	TRY(opened());
	if (busted("closed"))
		hmmt_close(&dev0);
	TRY(refused());
	hmmt_close(&dev0);
	TRY(works());
	return unload();
}

/* The mapping holds the file */
static bool file_mapped(void)
{
	char *p;

	TRY(load(PARAMS));
	TRY(opened());
	p = mmap(NULL, HMMT_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, dev0.fd, 0);
	WANT(p != MAP_FAILED, "mmap: %s", strerror(errno));
	hmmt_close(&dev0);
	TRY(refused());
	*p = 1;
	munmap(p, HMMT_PAGE_SIZE);
	return unload();
}

/* Two PMDs of ours in the device, a THP and base pages, and no file open */
static bool leave_in_device(const char *params)
{
	struct hmmt_migrate m;

	TRY(load(params));
	TRY(opened());
	TRY(fill(2, true));
	TRY(migrate(&dev0, 0, PAGES, 0, &m));
	WANT(m.migrated == PAGES, "migrated %llu", m.migrated);
	TRY(migrate(&dev0, PAGES, PAGES, HMMT_MIGRATE_SPLIT, &m));
	WANT(m.migrated == PAGES, "migrated %llu", m.migrated);
	hmmt_close(&dev0);
	return true;
}

static bool memory_in_use(void)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		TRY(leave_in_device(PARAMS));
		TRY(unload());
		if (busted("data"))
			*word(700) = 0;
		TRY(verify(0, 2 * PAGES));
	}
	TRY(load(PARAMS));
	TRY(works());
	return unload();
}

/* Some memory is away, with the struct pages of a pagemap; the rest is in use */
static bool memory_unplugged(void)
{
	unsigned int i;
	int ret;

	TRY(load(PARAMS));
	TRY(opened());
	/* the second pagemap, and one of the third */
	for (i = PER_PAGEMAP; i < 2 * PER_PAGEMAP + 1; i++) {
		ret = hmmt_unplug(&dev0, i, 0, 1000, NULL);
		WANT(!ret, "chunk %u: %s", i, strerror(-ret));
	}
	TRY(fill(2, true));
	TRY(migrate(&dev0, 0, 2 * PAGES, 0, NULL));
	hmmt_close(&dev0);
	TRY(unload());
	TRY(verify(0, 2 * PAGES));
	TRY(load(PARAMS));
	TRY(opened());
	ret = hmmt_plug_all(&dev0);
	WANT(busted("plugged") ? ret : !ret, "%d chunks of a new module are away", ret);
	hmmt_close(&dev0);
	TRY(works());
	return unload();
}

static atomic_bool stop;
static atomic_uint wrong, rounds;

static void *toucher(void *arg)
{
	unsigned long i, first = (uintptr_t)arg;

	while (!stop) {
		for (i = first; i < 2 * PAGES; i += 7)
			wrong += *(volatile uint64_t *)word(i) != value(i);
		rounds++;
	}
	return NULL;
}

/* CPU faults run in the module until the last page is back */
static bool memory_touched(void)
{
	pthread_t ids[2];
	unsigned int i, j;

	for (i = 0; i < 8; i++) {
		TRY(leave_in_device(PARAMS));
		stop = false;
		rounds = 0;
		for (j = 0; j < 2; j++)
			WANT(!pthread_create(&ids[j], NULL, toucher, (void *)(uintptr_t)j), "thread");
		TRY(unload());
		stop = true;
		for (j = 0; j < 2; j++)
			pthread_join(ids[j], NULL);
		WANT(rounds && !wrong, "%u words are wrong in %u rounds", wrong, rounds);
		TRY(verify(0, 2 * PAGES));
	}
	return true;
}

/* SIGKILL @us after it has begun to unload. 0: it was killed, 1: too late */
static bool kill_unload(unsigned int us, bool *killed)
{
	struct pollfd pfd = { .events = POLLIN };
	int status = 0;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(syscall(SYS_delete_module, "test_hmm", O_NONBLOCK) ? errno : 0);
	WANT(pid > 0, "fork: %s", strerror(errno));
	pfd.fd = syscall(SYS_pidfd_open, pid, 0);
	usleep(us);
	kill(pid, SIGKILL);
	WANT(poll(&pfd, 1, UNLOAD_MS) == 1, "does not end in %d s", UNLOAD_MS / 1000);
	close(pfd.fd);
	waitpid(pid, &status, 0);
	*killed = WIFSIGNALED(status);
	WANT(*killed || !status, "status %#x", status);
	return true;
}

/* Who unloads is killed, and still there is no half of a module */
static bool unload_killed(void)
{
	unsigned int us = 500, i, hits = 0;
	bool killed;

	for (i = 0; i < 40 && hits < 3; i++) {
		TRY(leave_in_device(PARAMS_SLOW));
		TRY(kill_unload(us, &killed));
		if (module_loaded()) {
			WANT(killed, "ended, and the module is there");
			/* killed before it was there */
			us += us / 2;
			TRY(unload());
		} else if (!killed) {
			us -= us / 3;
		} else {
			hits++;
		}
		TRY(verify(0, 2 * PAGES));
	}
	printf("# unload_killed: %u of %u were killed in the middle\n", hits, i);
	WANT(hits, "none was killed in the middle");
	return true;
}

/*
 * What the loader allocates before it calls the module, which refuses these
 * parameters. That is not ours, and stock kernels do not get over all of it: the
 * trace events of a module that find no memory are a WARN, and another one when
 * it is unloaded.
 */
static bool loader_allocations(int fd, unsigned int *nr)
{
	unsigned int left;
	int ret;

	TRY(nth_set(fd, MAX_NTH));
	ret = module_load("devices=0 i_know_this_may_crash=1");
	TRY(nth_left(fd, &left));
	TRY(nth_set(fd, 0));
	WANT(ret == -EINVAL, "no devices: %s", strerror(-ret));
	*nr = MAX_NTH - left;
	return true;
}

/* The load with its @nth allocation failing. @hit: it did fail */
static bool load_failing(int fd, unsigned int nth, bool *hit, unsigned int *refusals)
{
	unsigned int left;
	int ret;

	TRY(nth_set(fd, nth));
	ret = module_load(PARAMS_TINY);
	TRY(nth_left(fd, &left));
	TRY(nth_set(fd, 0));
	*hit = !left;
	WANT(!ret || *hit, "nothing fails: %s", strerror(-ret));
	WANT(!ret || ret == -ENOMEM, "allocation %u: %s", nth, strerror(-ret));
	WANT(!ret == module_loaded(), "allocation %u: %s, and the module is %s", nth,
	     ret ? strerror(-ret) : "ok", ret ? "there" : "not there");
	*refusals += !!ret;
	return ret || unload();
}

static bool allocations_fail(void)
{
	unsigned int nth, before, nr = 0, refusals = 0;
	bool hit = true;
	int fd;

	if (!faults_setup()) {
		skip = "this kernel injects no faults";
		return false;
	}
	fd = nth_open();
	WANT(fd >= 0, "fail-nth: %s", strerror(errno));
	TRY(loader_allocations(fd, &before));
	for (nth = before + 1; hit && nth < MAX_NTH; nth += nth < before + EACH ? 1 : STRIDE) {
		TRY(load_failing(fd, nth, &hit, &refusals));
		nr += hit;
	}
	close(fd);
	printf("# allocations_fail: %u behind the %u of the loader failed, refused %u times\n", nr,
	       before, refusals);
	WANT(!hit && refusals, "no end, or no refusal: %u of %u", refusals, nr);
	TRY(load(PARAMS));
	TRY(works());
	return unload();
}

/* A device whose DMA does not get to all memory has none */
static bool dma_limited(void)
{
	uint64_t v;
	int ret;

	TRY(load(PARAMS_TINY " dma_bits=24"));
	TRY(opened());
	TRY(fill(1, false));
	ret = hmmt_access(&dev0, (unsigned long)word(0), &v, sizeof(v), HMMT_ACCESS_DMA, NULL);
	hmmt_close(&dev0);
	WANT(ret == -EOPNOTSUPP, "%s", strerror(-ret));
	TRY(verify(0, PAGES));
	return unload();
}

static bool memory_back(void)
{
	static char text[1200];
	uint64_t missing = mem_missing_kb(free_before);
	int n;

	WANT(!missing, "%llu kB are missing", (unsigned long long)missing);
	n = leaks_found(text, sizeof(text));
	if (n > 0)
		printf("# %s\n", text);
	WANT(n <= 0, "%d objects leaked", n);
	return true;
}

static const struct test tests[] = {
	{ "file_open", file_open },
	{ "file_mapped", file_mapped },
	{ "memory_in_use", memory_in_use },
	{ "memory_touched", memory_touched },
	{ "memory_unplugged", memory_unplugged },
	{ "unload_killed", unload_killed },
	{ "dma_limited", dma_limited },
	{ "allocations_fail", allocations_fail },
	{ "memory_back", memory_back },
};

#define NR_TESTS	(sizeof(tests) / sizeof(tests[0]))

/* As of the first time: what that leaves for good is not ours to count */
static int prepare(void)
{
	int ret = module_loaded() ? module_unload(UNLOAD_MS) : 0;

	return ret ?: module_load(PARAMS) ?: module_unload(UNLOAD_MS);
}

/* Not by run_tests(): that has the devices open. One that fails ends it. */
int main(int argc, char **argv)
{
	unsigned int i, n = 0, planned = 0, failed = 0, skipped = 0;
	int ret;

	parse_options(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < NR_TESTS; i++)
		planned += wanted(&tests[i]);
	printf("KTAP version 1\n1..%u\n", planned);
	ret = prepare();
	if (ret) {
		printf("Bail out! %s\n", strerror(-ret));
		return 1;
	}
	area = (char *)0x200000000000UL;
	leaks_forget();
	free_before = mem_free_kb();
	for (i = 0; i < NR_TESTS && !failed; i++) {
		bool ok;

		if (!wanted(&tests[i]))
			continue;
		n++;
		skip = NULL;
		ok = tests[i].run();
		munmap(area, AREA_SIZE);
		if (!ok && skip) {
			printf("ok %u hmm.%s # SKIP %s\n", n, tests[i].name, skip);
			skipped++;
			continue;
		}
		if (!ok)
			printf("# %s: %s\n", tests[i].name, why);
		printf("%sok %u hmm.%s\n", ok ? "" : "not ", n, tests[i].name);
		failed += !ok;
	}
	/* as it was found, for who comes next */
	if (!module_loaded())
		module_load("");
	printf("{\"hmmtorture\":1,\"program\":\"hmm-module\",\"pass\":%u,\"fail\":%u,\"skip\":%u}\n",
	       n - failed - skipped, failed, skipped);
	return !!failed;
}
