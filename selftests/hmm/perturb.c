// SPDX-License-Identifier: GPL-2.0
/*
 * Waits at the entry of kernel functions: each set of the image fires and is
 * counted, what is not set does not, and the lists name what there is.
 */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "area.h"

#define SET_DIR		"/perturb"
#define PAGES		HMMT_PMD_PAGES

static struct hmmt_function functions[HMMT_CALLS_MAX];
static struct hmmt_call calls[HMMT_CALLS_MAX];
static uint64_t called, waited;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static bool have_tracer(void)
{
	if (hmmt_calls_set(&dev0, NULL, 0, 0, 0) != -EOPNOTSUPP)
		return true;
	skip = "this kernel has no function tracer";
	return false;
}

/* What every set has a function for: migration, faults, fork, split, exit */
static bool activity(void)
{
	pid_t pid;

	TRY(fill(1, true));
	TRY(migrate(&dev0, 0, PAGES, 0, NULL));
	pid = fork();
	if (!pid) {
		*word(7) = 1;
		mprotect((void *)at(PAGES / 2), HMMT_PAGE_SIZE, PROT_READ);
		_exit(0);
	}
	TRY(reaped(pid, NULL));
	TRY(verify(0, PAGES));
	munmap((void *)at(1), HMMT_PAGE_SIZE);
	TRY(migrate(&dev0, 2, PAGES - 2, 0, NULL));
	TRY(migrate(&dev0, 2, PAGES - 2, HMMT_MIGRATE_TO_SYS, NULL));
	munmap(area, AREA_SIZE);
	return true;
}

static bool count(unsigned int n)
{
	unsigned int i;

	WANT(!hmmt_calls_get(&dev0, calls, n), "counts");
	called = 0;
	waited = 0;
	for (i = 0; i < n; i++) {
		if (calls[i].error)
			continue;
		WANT(calls[i].waited <= calls[i].calls, "%s: %llu calls, %llu waited",
		     functions[i].name, calls[i].calls, calls[i].waited);
		called += calls[i].calls;
		waited += calls[i].waited;
	}
	return true;
}

/* Set the functions of @text, a list called @name; @n: how many it has */
static bool set_list(const char *name, const char *text, unsigned int *n)
{
	unsigned int i, line, had = 0;
	int ret;

	ret = hmmt_functions_parse(text, functions, HMMT_CALLS_MAX, &line);
	WANT(ret > 0, "%s:%u: %d", name, line, ret);
	*n = ret;
	WANT(!hmmt_functions_find(functions, *n), "kallsyms");
	memset(calls, 0, sizeof(calls));
	for (i = 0; i < *n; i++) {
		calls[i].addr = functions[i].addr;
		calls[i].one_in = functions[i].one_in;
	}
	ret = hmmt_calls_set(&dev0, calls, *n, 24, 7);
	WANT(!ret, "%s: %s", name, strerror(-ret));
	for (i = 0; i < *n; i++) {
		had += !calls[i].error;
		WANT(!calls[i].error || !functions[i].addr, "%s cannot be traced: %d",
		     functions[i].name, calls[i].error);
		if (!functions[i].addr)
			printf("# %s: this kernel has no %s\n", name, functions[i].name);
	}
	WANT(had, "%s: none of %u functions", name, *n);
	return true;
}

/* ... of a list of the image */
static bool set(const char *name, unsigned int *n)
{
	char path[300], text[16384];
	int ret;

	snprintf(path, sizeof(path), SET_DIR "/%s", name);
	ret = hmmt_read_file(path, text, sizeof(text));
	WANT(ret > 0, "%s: %d", path, ret);
	return set_list(name, text, n);
}

/* From now on nobody waits by chance, only who is to be caught */
static bool only_caught(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		calls[i].one_in = UINT32_MAX;
		calls[i].error = 0;
	}
	WANT(!hmmt_calls_set(&dev0, calls, n, 1, 1), "set");
	return true;
}

static bool sets(void)
{
	struct dirent *d;
	unsigned int n, i, seen = 0;
	DIR *dir;

	if (!have_tracer())
		return false;
	dir = opendir(SET_DIR);
	WANT(dir, "%s: %s", SET_DIR, strerror(errno));
	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		TRY(set(d->d_name, &n));
		/* some functions are called once or twice, and wait one time in many */
		for (i = 0, waited = 0; i < 20 && !waited; i++) {
			TRY(activity());
			TRY(count(n));
		}
		WANT(waited, "%s: %llu calls, none waited", d->d_name,
		     (unsigned long long)called);
		printf("# %s: %llu calls, %llu waited\n", d->d_name,
		       (unsigned long long)called, (unsigned long long)waited);
		seen++;
	}
	closedir(dir);
	WANT(seen >= 5, "%u sets", seen);
	return true;
}

/* Odds are kept: all calls of one in one, about a quarter of one in four */
static bool odds(void)
{
	unsigned int n, i;

	if (!have_tracer())
		return false;
	TRY(set("migrate", &n));
	memset(calls, 0, sizeof(calls));
	for (i = 0; i < n; i++) {
		calls[i].addr = functions[i].addr;
		calls[i].one_in = 1;
	}
	WANT(!hmmt_calls_set(&dev0, calls, n, 1, 1), "set");
	TRY(activity());
	TRY(count(n));
	WANT(called && called == waited, "%llu calls, %llu waited", (unsigned long long)called,
	     (unsigned long long)waited);
	for (i = 0; i < n; i++) {
		calls[i].one_in = 4;
		calls[i].error = 0;
	}
	WANT(!hmmt_calls_set(&dev0, calls, n, 1, 1), "set");
	for (i = 0; i < 8; i++)
		TRY(activity());
	TRY(count(n));
	WANT(waited && waited < called / 2, "%llu calls, %llu waited",
	     (unsigned long long)called, (unsigned long long)waited);
	return true;
}

static bool off(void)
{
	unsigned int n, i;

	if (!have_tracer())
		return false;
	TRY(set("migrate", &n));
	WANT(!hmmt_calls_set(&dev0, NULL, 0, 0, 0), "off");
	TRY(activity());
	WANT(!hmmt_calls_get(&dev0, calls, n), "counts");
	for (i = 0; i < n; i++)
		WANT(calls[i].error == -ENOENT, "%s is set: %d", functions[i].name,
		     calls[i].error);
	return true;
}

static bool errors(void)
{
	struct hmmt_call c = { .addr = at(0), .one_in = 1 };
	unsigned int n;

	if (!have_tracer())
		return false;
	WANT(!hmmt_calls_set(&dev0, &c, 1, 1, 0) && c.error == -EINVAL, "no function: %d",
	     c.error);
	c.error = 0;
	WANT(hmmt_calls_set(&dev0, &c, 1, 0, 0) == -EINVAL, "no pauses");
	WANT(hmmt_calls_set(&dev0, &c, 1, 1000001, 0) == -EINVAL, "too many pauses");
	WANT(hmmt_calls_set(&dev0, NULL, 1, 1, 0) == -EFAULT, "no array");
	c.one_in = 0;
	WANT(hmmt_calls_set(&dev0, &c, 1, 1, 0) == -EINVAL, "odds of 0");
	TRY(set("migrate", &n));
	/* a call that is refused changes nothing */
	WANT(hmmt_calls_set(&dev0, &c, 1, 1, 0) == -EINVAL, "odds of 0");
	TRY(activity());
	TRY(count(n));
	WANT(called, "a call that was refused took away what was set");
	WANT(!hmmt_calls_set(&dev0, NULL, 0, 0, 0), "off");
	return true;
}

/* --- one thread is caught ------------------------------------------------------- */

#define CATCH_US	20000

/* @ns: the time that a migration takes; who was not caught then is not any more */
static bool one_migration(unsigned long flags, uint64_t *ns, uint64_t *caught)
{
	uint64_t then = now_ns();
	int ret;

	TRY(migrate(&dev0, 0, PAGES, flags, NULL));
	*ns = now_ns() - then;
	ret = hmmt_catch(&dev0, 0, 0, caught);
	WANT(!ret, "catch: %s", strerror(-ret));
	return true;
}

static bool catches(void)
{
	uint64_t was, is, ns;
	unsigned int n, i;

	if (!have_tracer())
		return false;
	WANT(hmmt_catch(&dev0, 1, 0, NULL) == -EINVAL, "for no time");
	WANT(hmmt_catch(&dev0, 1, 100001, NULL) == -EINVAL, "for too long");
	TRY(set("migrate", &n));
	TRY(only_caught(n));
	TRY(fill(1, true));
	TRY(one_migration(0, &ns, &was));
	for (i = 1; i < 4; i++) {
		WANT(!hmmt_catch(&dev0, i, CATCH_US, NULL), "catch");
		TRY(one_migration(i % 2 ? HMMT_MIGRATE_TO_SYS : 0, &ns, &is));
		WANT(is == was + 1, "call %u: caught %llu times", i,
		     (unsigned long long)(is - was));
		/* the clock of a guest may go by ticks of 4 ms, and be 0 for a migration */
		WANT(ns > CATCH_US * 750ULL, "call %u: %llu ns", i, (unsigned long long)ns);
		was = is;
	}
	/* not by a call that does not come, nor later, nor when it was taken back */
	WANT(!hmmt_catch(&dev0, 1000, CATCH_US, NULL), "catch");
	TRY(one_migration(0, &ns, &is));
	WANT(is == was, "caught by another call");
	WANT(!hmmt_catch(&dev0, 1, CATCH_US, NULL) && !hmmt_catch(&dev0, 0, 0, NULL), "catch");
	TRY(one_migration(HMMT_MIGRATE_TO_SYS, &ns, &is));
	WANT(is == was, "caught once more");
	WANT(!hmmt_calls_set(&dev0, NULL, 0, 0, 0), "off");
	return verify(0, PAGES);
}

/*
 * At a lock that schedule() takes with interrupts off the wait ends as well: in live the
 * kernel's clock does not go on until it has.
 */
static bool catches_scheduler(void)
{
	static const char locks[] = "_raw_spin_lock 1\n_raw_spin_lock_nested 1\n";
	uint64_t was, is;
	unsigned int n, i;

	if (!have_tracer())
		return false;
	TRY(set_list("locks", locks, &n));
	TRY(only_caught(n));
	WANT(!hmmt_catch(&dev0, 0, 0, &was), "catch");
	for (i = 0; i < 8; i++) {
		WANT(!hmmt_catch(&dev0, 1, CATCH_US, NULL), "catch");
		sched_yield();
		WANT(!hmmt_catch(&dev0, 0, 0, &is), "catch");
		WANT(is == ++was, "%u: caught %lld times", i, (long long)(is - was + 1));
	}
	WANT(!hmmt_calls_set(&dev0, NULL, 0, 0, 0), "off");
	return true;
}

/* --- turns ----------------------------------------------------------------------- */

#define TURNS_MS	6000	/* so long one CPU is kept busy */
#define STARVED_MS	60	/* the other one waits: 7 to 10 with turns, 140 and more without */

/*
 * A CPU that is busy in the kernel does not keep an idle one that it woke from
 * running
 */
static bool turns(void)
{
	uint64_t end = now_ns() + TURNS_MS * 1000000ULL, *worst, then;
	char cmdline[4096] = "";
	int fds[2];
	pid_t pid;

	hmmt_read_file("/proc/cmdline", cmdline, sizeof(cmdline));
	if (!strstr(cmdline, "hmmtorture.turns=")) {
		skip = "not the det engine";
		return false;
	}
	WANT(!access("/sys/module/hmm_turns", F_OK), "hmm_turns is not loaded");
	worst = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	WANT(!hmmt_stay_on(0) && !pipe(fds), "one CPU");
	pid = fork();
	if (!pid) {
		hmmt_stay_on(1);
		close(fds[1]);
		while (read(fds[0], &then, sizeof(then)) == sizeof(then)) {
			then = now_ns() - then;
			if (then > *worst)
				*worst = then;
		}
		_exit(0);
	}
	WANT(pid > 0, "fork: %s", strerror(errno));
	TRY(fill(1, true));
	while ((then = now_ns()) < end) {
		WANT(write(fds[1], &then, sizeof(then)) == sizeof(then), "pipe");
		TRY(migrate(&dev0, 0, PAGES, 0, NULL));
		TRY(migrate(&dev0, 0, PAGES, HMMT_MIGRATE_TO_SYS, NULL));
	}
	close(fds[1]);
	waitpid(pid, NULL, 0);
	printf("# longest wait of the other CPU: %llu ms\n",
	       (unsigned long long)*worst / 1000000);
	WANT(*worst < STARVED_MS * 1000000ULL, "the other CPU waited");
	return true;
}

static const struct test tests[] = {
	{ "turns", turns },
	{ "sets", sets },
	{ "odds", odds },
	{ "off", off },
	{ "errors", errors },
	{ "catches", catches },
	{ "catches_scheduler", catches_scheduler },
};

int main(int argc, char **argv)
{
	parse_options(argc, argv);
	return run_tests("hmm-perturb", tests, sizeof(tests) / sizeof(tests[0]));
}
