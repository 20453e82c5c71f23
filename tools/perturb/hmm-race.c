// SPDX-License-Identifier: GPL-2.0
/*
 * How often a race is hit: hmm-race NAME TRIALS SEED PAUSES [SET...]
 *
 * Races of stock kernels (docs/findings), and of one with a bug of selftests/corpus,
 * each lost by two threads or processes that do the one thing and the other at the same
 * time, over and over.
 * A trial is a process of its own with some of it; it is a hit when the
 * kernel says so. Warnings are re-armed, so that each trial is a run of its own; a kernel
 * that dies of it has made its last trial. With SETs, the waits of these sets of
 * /perturb and the driver's points are on. Made for tools/perturb/races.sh.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hmmt.h"

#define SPIN_MAX	5000	/* of either side before it starts */

struct pair {
	pthread_barrier_t barrier;	/* of two threads or processes */
	struct hmmt_dev dev;
	struct hmmt_rng rng[2];		/* of each side */
	char *p;
	bool ends;
};

static void start(struct pair *pair, unsigned int side)
{
	volatile uint64_t n;

	pthread_barrier_wait(&pair->barrier);
	for (n = hmmt_rng_below(&pair->rng[side], SPIN_MAX); n; n--)
		;
}

static bool hole(struct pair *pair)
{
	pair->p = mmap((void *)0x200000000000UL, HMMT_PMD_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	return pair->p != MAP_FAILED && !madvise(pair->p, HMMT_PMD_SIZE, MADV_HUGEPAGE);
}

static bool thp_in_device(struct pair *pair)
{
	if (!hole(pair))
		return false;
	*pair->p = 1;
	return !hmmt_migrate(&pair->dev, (unsigned long)pair->p, HMMT_PMD_SIZE, 0, NULL);
}

/* Two migrations of pages of one device THP that is mapped by PTEs: both split it */
static bool split_setup(struct pair *pair)
{
	return thp_in_device(pair) && !mprotect(pair->p, HMMT_PAGE_SIZE, PROT_READ);
}

static void page_to_sys(struct pair *pair, unsigned int page)
{
	hmmt_migrate(&pair->dev, (unsigned long)pair->p + page * HMMT_PAGE_SIZE,
		     HMMT_PAGE_SIZE, HMMT_MIGRATE_TO_SYS, NULL);
}

static void low_to_sys(struct pair *pair)
{
	page_to_sys(pair, 10);
}

static void high_to_sys(struct pair *pair)
{
	page_to_sys(pair, 300);
}

/* All of it is freed while one page of it is collected */
static void drop_all(struct pair *pair)
{
	madvise(pair->p, HMMT_PMD_SIZE, MADV_DONTNEED);
}

/* The end of one process while a CPU fault of another takes back what both map */
static void unmap(struct pair *pair)
{
	munmap(pair->p, HMMT_PMD_SIZE);
}

static void touch_first(struct pair *pair)
{
	*(volatile char *)pair->p;
}

/* The fault splits the folio, and has no reference to the page that it is about */
static void touch_high(struct pair *pair)
{
	*(volatile char *)(pair->p + 300 * HMMT_PAGE_SIZE);
}

/* A THP goes into a hole of the page table, and a fault into the same hole */
static void fill_hole(struct pair *pair)
{
	hmmt_migrate(&pair->dev, (unsigned long)pair->p, HMMT_PMD_SIZE, 0, NULL);
}

static const struct race {
	const char *name;
	const char *sign;	/* what the kernel says to a hit; NULL: a page table is left */
	bool processes;		/* not threads */
	unsigned int iterations;	/* of a trial */
	bool (*setup)(struct pair *pair);
	void (*one)(struct pair *pair);
	void (*other)(struct pair *pair);
} races[] = {
	{ "collect-split", "folio_test_large", false, 20, split_setup, low_to_sys, high_to_sys },
	{ "collect-get", "VM_BUG_ON", false, 20, split_setup, low_to_sys, drop_all },
	{ "fault-get", "VM_BUG_ON", false, 20, split_setup, touch_high, drop_all },
	{ "zap-migration", "VM_BUG_ON", true, 1, thp_in_device, touch_first, unmap },
	/* with selftests/corpus/pgtable-leak.cocci; else one that is lost as often, for nothing */
	{ "pgtable-leak", NULL, false, 20, hole, fill_hole, touch_first },
};

static const struct race *race;

static void *other_thread(void *arg)
{
	struct pair *pair = arg;

	/* The sides have a CPU each: to wait for it would be no race. */
	hmmt_stay_on(1);
	for (;;) {
		start(pair, 1);
		if (pair->ends)
			return NULL;
		race->other(pair);
		pthread_barrier_wait(&pair->barrier);
	}
}

static bool by_threads(struct pair *pair)
{
	bool ok = true;
	pthread_t thread;
	unsigned int i;

	if (pthread_create(&thread, NULL, other_thread, pair))
		return false;
	for (i = 0; i < race->iterations && ok; i++) {
		ok = race->setup(pair);
		start(pair, 0);
		if (ok)
			race->one(pair);
		pthread_barrier_wait(&pair->barrier);
		munmap(pair->p, HMMT_PMD_SIZE);
	}
	pair->ends = true;
	pthread_barrier_wait(&pair->barrier);
	pthread_join(thread, NULL);
	return ok;
}

static bool by_processes(struct pair *pair)
{
	bool ok = true;
	unsigned int i;
	pid_t pid;

	for (i = 0; i < race->iterations && ok; i++) {
		ok = race->setup(pair);
		pid = ok ? fork() : -1;
		if (!pid) {
			hmmt_stay_on(1);
			start(pair, 1);
			race->other(pair);
			_exit(0);
		}
		if (pid > 0) {
			start(pair, 0);
			race->one(pair);
			waitpid(pid, NULL, 0);
		}
		munmap(pair->p, HMMT_PMD_SIZE);
	}
	return ok;
}

/* In a process of its own; false: could not be done */
static bool trial(uint64_t seed)
{
	pthread_barrierattr_t attr;
	struct pair *pair;
	int status;
	pid_t pid;

	pid = fork();
	if (pid)
		return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
	pair = mmap(NULL, sizeof(*pair), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		    -1, 0);
	if (pair == MAP_FAILED || hmmt_open(&pair->dev, 0))
		_exit(1);
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&pair->barrier, &attr, 2);
	hmmt_rng_init(&pair->rng[0], seed, 0);
	hmmt_rng_init(&pair->rng[1], seed, 1);
	hmmt_stay_on(0);
	_exit(!(race->processes ? by_processes(pair) : by_threads(pair)));
}

/* Did the kernel say it since the last call? */
static bool kernel_said(int kmsg, const char *sign)
{
	char text[8192];
	bool said = false;
	ssize_t n;

	while ((n = read(kmsg, text, sizeof(text) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		text[n > 0 ? n : 0] = 0;
		said |= !!strstr(text, sign);
	}
	return said;
}

static uint64_t page_tables(void)
{
	uint64_t n = 0;

	hmmt_vmstat_fold();
	hmmt_file_field("/proc/vmstat", "nr_page_table_pages", &n);
	return n;
}

/* What ended a moment ago may have some that are about to be freed */
static bool page_table_left(uint64_t before)
{
	unsigned int i;

	for (i = 0; i < 50 && page_tables() > before; i++)
		usleep(20000);
	return i == 50;
}

static struct hmmt_call call[HMMT_CALLS_MAX];
static unsigned int nr_calls;
static struct hmmt_dev dev = HMMT_DEV_CLOSED;

static void report_waits(void)
{
	uint64_t calls = 0, waited = 0;
	unsigned int i;

	if (!nr_calls || hmmt_calls_get(&dev, call, nr_calls))
		return;
	for (i = 0; i < nr_calls; i++) {
		calls += call[i].calls;
		waited += call[i].waited;
	}
	printf("# %llu calls, %llu waited\n", (unsigned long long)calls,
	       (unsigned long long)waited);
}

static bool perturb(char **sets, uint64_t seed, unsigned int pauses)
{
	static struct hmmt_function f[HMMT_CALLS_MAX];
	unsigned int n = 0, m = 0, i, line;
	char path[128], text[16384];
	int ret;

	if (hmmt_open(&dev, 0))
		return false;
	for (; *sets; sets++) {
		snprintf(path, sizeof(path), "/perturb/%s", *sets);
		if (hmmt_read_file(path, text, sizeof(text)) < 0)
			return false;
		ret = hmmt_functions_parse(text, f + n, HMMT_CALLS_MAX - n, &line);
		if (ret < 0)
			return false;
		n += ret;
	}
	if (hmmt_functions_find(f, n))
		return false;
	for (i = 0; i < n; i++)
		if (f[i].addr)
			call[m++] = (struct hmmt_call) {
				.addr = f[i].addr, .one_in = f[i].one_in,
			};
	nr_calls = m;
	return !hmmt_calls_set(&dev, call, m, pauses, seed) &&
	       !hmmt_perturb(&dev, pauses, seed);
}

int main(int argc, char **argv)
{
	unsigned int trials, hits = 0, i, pauses;
	uint64_t seed, before;
	int kmsg;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; argc >= 5 && i < sizeof(races) / sizeof(races[0]); i++)
		if (!strcmp(races[i].name, argv[1]))
			race = &races[i];
	if (!race) {
		fprintf(stderr, "usage: hmm-race NAME TRIALS SEED PAUSES [SET...]\nraces:");
		for (i = 0; i < sizeof(races) / sizeof(races[0]); i++)
			fprintf(stderr, " %s", races[i].name);
		fprintf(stderr, "\n");
		return 2;
	}
	trials = atoi(argv[2]);
	seed = strtoull(argv[3], NULL, 0);
	pauses = atoi(argv[4]);
	if (argc > 5 && !perturb(argv + 5, seed, pauses)) {
		printf("Bail out! the waits cannot be had\n");
		return 1;
	}
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	lseek(kmsg, 0, SEEK_END);
	printf("KTAP version 1\n1..1\n");
	for (i = 1; i <= trials; i++) {
		before = page_tables();
		printf("# trial %u\n", i);
		if (!trial(hmmt_mix64(seed + i))) {
			printf("not ok 1 trial %u could not be made\n", i);
			return 1;
		}
		if (race->sign ? kernel_said(kmsg, race->sign) : page_table_left(before)) {
			printf("# hit %u\n", i);
			hits++;
		}
		hmmt_write_file("/sys/kernel/debug/clear_warn_once", "1");
	}
	report_waits();
	printf("ok 1 %s: %u of %u trials hit\n", race->name, hits, trials);
	return 0;
}
