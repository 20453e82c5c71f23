// SPDX-License-Identifier: GPL-2.0
/*
 * hmm-fuzz [--seed N] [--duration T] [--avoid FINDING,...]
 *
 * Starts processes, ends some of them, starts others; when the time is over,
 * sees what they left. T is time of the guest. See fuzz.h.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"
#include "module.h"

#define SHARED_AT	0x100000000000UL
#define CALL_MS		60000	/* the driver's own limit of a command is 10 s */
#define TURN_MS		5000
#define DIE_MS		60000
#define FULL_MS		60000	/* shorter runs do not meet every answer of every command */
#define FULL_CALLS	40	/* ... unless they called it as often as this */
/* Small, so that it runs full; large where a THP that finds no room may not be met */
#define PARAMS_SMALL	"chunks=2 chunks_per_pagemap=1 perturb=20"
#define PARAMS_LARGE	"chunks=32 chunks_per_pagemap=5 perturb=20"

struct fuzz fuzz;
/* Not zeros, which the program's file would have: a page that every process has */
char fuzz_everybodys[HMMT_PAGE_SIZE] __attribute__((aligned(HMMT_PAGE_SIZE))) = { 1 };
int fuzz_event;

static unsigned int tests, failed;
static struct hmmt_stats total[2];	/* counters of all turns */
static uint64_t max_call_ms;

void violation(const char *fmt, ...)
{
	unsigned int n = fuzz.sh->violations++;
	va_list ap;

	if (n >= 8)
		return;
	va_start(ap, fmt);
	vsnprintf(fuzz.sh->violation[n], sizeof(fuzz.sh->violation[n]), fmt, ap);
	va_end(ap);
}

__attribute__((format(printf, 3, 4)))
static bool result(bool ok, const char *name, const char *fmt, ...)
{
	va_list ap;

	tests++;
	if (!ok) {
		failed++;
		printf("# %s: ", name);
		va_start(ap, fmt);
		vprintf(fmt, ap);
		va_end(ap);
		printf("\n");
	}
	printf("%sok %u fuzz.%s\n", ok ? "" : "not ", tests, name);
	return ok;
}

static void show_stacks(pid_t pid)
{
	char path[64], text[4096], *line, *save = NULL;
	int tid;

	/* threads of a process have numbers behind its own */
	for (tid = pid; tid < pid + 64; tid++) {
		snprintf(path, sizeof(path), "/proc/%d/task/%d/stack", pid, tid);
		if (hmmt_read_file(path, text, sizeof(text)) <= 0)
			continue;
		printf("# task %d:\n", tid);
		save = NULL;
		for (line = strtok_r(text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save))
			printf("#   %s\n", line);
	}
}

/* 0: there is no process to be had now */
static pid_t start(unsigned int slot, uint64_t life)
{
	pid_t pid;

	memset(fuzz.sh->in[slot], 0, sizeof(fuzz.sh->in[slot]));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		fuzz_worker(slot, life);
	}
	if (pid < 0)
		pid = 0;
	if (pid)
		setpgid(pid, pid);
	fuzz.sh->lives += pid > 0;
	fuzz.sh->pid[slot] = pid;
	return pid;
}

/* The process group: children that a worker has forked die with it */
static bool end_worker(pid_t pid)
{
	uint64_t limit = now_ms() + DIE_MS;

	kill(-pid, SIGKILL);
	while (waitpid(pid, NULL, WNOHANG) != pid) {
		if (now_ms() > limit) {
			violation("process %d does not die", pid);
			show_stacks(pid);
			return false;
		}
		sleep_ms(2);
	}
	return true;
}

/* A command that does not come back is a hang, whatever else goes on */
static bool watch_calls(unsigned int slot, pid_t pid)
{
	static uint64_t nr[FUZZ_WORKERS][FUZZ_THREADS], at[FUZZ_WORKERS][FUZZ_THREADS];
	unsigned int i;

	for (i = 0; i < FUZZ_THREADS; i++) {
		unsigned int in = fuzz.sh->in[slot][i];
		uint64_t call = fuzz.sh->since[slot][i], now = now_ms();

		if (!in || nr[slot][i] != call) {
			nr[slot][i] = call;
			at[slot][i] = now;
			continue;
		}
		if (now - at[slot][i] > max_call_ms)
			max_call_ms = now - at[slot][i];
		if (now - at[slot][i] < CALL_MS)
			continue;
		violation("command %s does not come back",
			  in <= FUZZ_KINDS ? fuzz_kind_name(in - 1) : "(unknown)");
		show_stacks(pid);
		return false;
	}
	return true;
}

/* Forked by a worker that is gone: killed with its group, and then ours to wait for */
static bool orphans_end(void)
{
	uint64_t limit = now_ms() + DIE_MS;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0) {
		if (pid)
			continue;
		if (now_ms() > limit) {
			violation("a child of a worker does not die");
			return false;
		}
		sleep_ms(10);
	}
	return true;
}

/* Workers that have ended by themselves, and children that they had forked */
static void reap(pid_t *pids)
{
	unsigned int i;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		for (i = 0; i < FUZZ_WORKERS; i++)
			if (pids[i] == pid) {
				kill(-pid, SIGKILL);
				pids[i] = 0;
				/* it may have been ended in the middle of a command */
				memset(fuzz.sh->in[i], 0, sizeof(fuzz.sh->in[i]));
			}
}

/* Before anything is unmapped by the end of its process */
static bool evictions_end(pid_t *pids)
{
	uint64_t limit = now_ms() + DIE_MS;
	unsigned int i, j, busy;

	fuzz.sh->no_evict = true;
	do {
		reap(pids);
		busy = 0;
		for (i = 0; i < FUZZ_WORKERS; i++)
			for (j = 0; j < FUZZ_THREADS; j++)
				busy += fuzz_in_eviction(fuzz.sh->in[i][j]);
		sleep_ms(5);
	} while (busy && now_ms() < limit);
	if (busy)
		violation("an eviction does not end");
	return !busy;
}

static bool torture(uint64_t end, uint64_t *life)
{
	uint64_t kill_at[FUZZ_WORKERS];
	pid_t pids[FUZZ_WORKERS] = { 0 };
	struct hmmt_rng rng;
	bool ok = true;
	unsigned int i;

	hmmt_rng_init(&rng, fuzz.seed, ~*life);
	while (now_ms() < end && ok) {
		reap(pids);
		for (i = 0; i < FUZZ_WORKERS && ok; i++) {
			if (!pids[i]) {
				pids[i] = start(i, ++*life);
				/* every other life comes to its own end: fuzz-worker.c */
				kill_at[i] = *life & 1 ? ~0ULL :
					     now_ms() + hmmt_rng_between(&rng, 50, 3000);
			}
			if (pids[i] && now_ms() > kill_at[i] && !fuzz.sh->no_unmap) {
				ok = end_worker(pids[i]);
				pids[i] = 0;
			} else {
				ok = watch_calls(i, pids[i]);
			}
		}
		sleep_ms(5);
	}
	if (fuzz.sh->no_unmap)
		ok &= evictions_end(pids);
	for (i = 0; i < FUZZ_WORKERS; i++)
		if (pids[i] > 0)
			ok &= end_worker(pids[i]);
	return ok && orphans_end();
}

/* Device memory comes back with the last mapping, which workers of the kernel may have */
static bool drained(struct hmmt_dev *dev, struct hmmt_stats *st)
{
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		if (hmmt_stats(dev, st))
			return false;
		if (!st->pages_used && st->mirrors == 1)
			return true;
		sleep_ms(10);
	}
	return false;
}

/*
 * What a worker has not written since its fork() is one page with ours, and goes to
 * the device with its: see fill_device(). A look at it brings it back.
 */
static bool come_home(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512], perm[8];
	unsigned long at, end;

	if (!maps)
		return false;
	while (fgets(line, sizeof(line), maps)) {
		/* [vvar] and its like are no memory */
		if (sscanf(line, "%lx-%lx %7s", &at, &end, perm) != 3 || perm[0] != 'r' ||
		    perm[3] != 'p' || strstr(line, "[v"))
			continue;
		for (; at < end; at += HMMT_PAGE_SIZE)
			(void)*(volatile char *)at;
	}
	fclose(maps);
	return true;
}

/* After each turn nobody is left: what has it left? The counters are added up. */
static bool check_device(unsigned int index)
{
	__u64 *to = &total[index].to_dev_thp, *from;
	struct hmmt_check check = { 0 };
	struct hmmt_stats st = { 0 };
	struct hmmt_dev dev;
	bool empty;
	int ret;

	ret = hmmt_open(&dev, index);
	if (ret) {
		printf("# device %u does not open: %s\n", index, strerror(-ret));
		return false;
	}
	empty = drained(&dev, &st);
	if (!empty)
		printf("# device %u: %llu pages, %llu mirrors are left\n", index, st.pages_used,
		       st.mirrors);
	ret = hmmt_check(&dev, HMMT_CHECK_QUIET, &check);
	if (ret || check.check)
		printf("# device %u: ret %d %s pfn %#llx expected %#llx found %#llx\n", index, ret,
		       hmmt_check_name(check.check), check.pfn, check.expected, check.found);
	for (from = &st.to_dev_thp; from < (__u64 *)(&st + 1); from++)
		*to++ += *from;
	hmmt_close(&dev);
	return empty && !ret && !check.check;
}

static bool check_turn(void)
{
	bool ok = come_home();
	int ret;

	ok &= check_device(0);
	ok &= check_device(1);
	ret = module_unload(30000);
	if (ret)
		printf("# unload: %s\n", strerror(-ret));
	return ok && !ret;
}

static void check_used(unsigned int index)
{
	struct hmmt_stats *st = &total[index];

	printf("# device %u: THPs in %llu out %llu faulted %llu evicted %llu, base in %llu\n",
	       index, st->to_dev_thp, st->to_sys_thp, st->fault_thp, st->evict_thp,
	       st->to_dev_base);
	printf("# device %u: peer %llu+%llu, refused %llu, full %llu, injected %llu, pinned %llu\n",
	       index, st->to_peer_thp, st->to_peer_base, st->refused, st->nomem_dev,
	       st->failed_injected, st->pinned);
	printf("# device %u: io_uring %llu, cancelled %llu, CPU faults %llu, evicted %llu\n",
	       index, st->uring_cmds, st->uring_cancelled, st->cpu_faults, st->evict_base);
	result(st->failed_injected && st->uring_cmds && st->to_dev_thp &&
	       !hmmt_wrong_sources(st) && !st->poison_wrong, "device_used",
	       "device %u: see the counters; %llu sources and %llu poison wrong", index,
	       (unsigned long long)hmmt_wrong_sources(st), st->poison_wrong);
}

static bool all_ends_met(void)
{
	return fuzz.sh->calm_checked && fuzz.sh->forks && fuzz.sh->passed && fuzz.sh->execs;
}

/*
 * A short run goes on until processes have met every end there is, four times as long at most.
 *
 * All at once; or, where an eviction that meets the end of a mapping is the end of the
 * kernel (docs/findings/zap-migration.md, evict-unmap.md), by turns: THPs and no evictions,
 * evictions of base pages.
 */
static bool torture_turns(uint64_t ms, bool *left)
{
	uint64_t end = now_ms() + ms, life = 0, last = end + 4 * ms;
	bool apart = fuzz.avoid & (AVOID_ZAP_THP | AVOID_EVICT_UNMAP), ok = true;

	fuzz.sh->no_evict = apart;
	while (ok && now_ms() + 100 < (all_ends_met() ? end : last)) {
		bool large = fuzz.avoid & AVOID_PTE_THP && !fuzz.sh->no_thp;
		uint64_t turn = now_ms() + TURN_MS;
		int ret = module_load(large ? PARAMS_LARGE : PARAMS_SMALL);

		if (ret) {
			printf("# load: %s\n", strerror(-ret));
			*left = true;
			return true;
		}
		ok = torture(now_ms() + 100 < end && end < turn ? end : turn, &life);
		printf("# %llu s left, %u lives, %u violations\n",
		       (unsigned long long)(end > now_ms() ? end - now_ms() : 0) / 1000,
		       fuzz.sh->lives, fuzz.sh->violations);
		if (ok && !check_turn()) {
			*left = true;
			break;
		}
		if (apart) {
			fuzz.sh->no_thp = !fuzz.sh->no_thp;
			fuzz.sh->no_evict = !fuzz.sh->no_thp;
			fuzz.sh->no_unmap = fuzz.sh->no_thp && fuzz.avoid & AVOID_EVICT_UNMAP;
		}
	}
	return ok;
}

static void print_table(void)
{
	unsigned int k, e;

	for (k = 0; k < fuzz_nr_kinds(); k++) {
		printf("# %-16s", fuzz_kind_name(k));
		for (e = 0; e < FUZZ_ERRNOS; e++)
			if (fuzz.sh->count[k][e])
				printf(" %s %u", fuzz_errno_name(e), fuzz.sh->count[k][e]);
		printf("\n");
	}
}

/* A command that always, or never, succeeds was not fuzzed */
static void check_vacuity(uint64_t ms)
{
	unsigned int k, e, bad = 0;

	for (k = 0; k < fuzz_nr_kinds(); k++) {
		unsigned int fails = 0, badf, good = fuzz.sh->count[k][0];

		for (e = 1; e < FUZZ_ERRNOS; e++)
			fails += fuzz.sh->count[k][e];
		badf = fuzz.sh->count[k][EBADF];
		if (!good && fuzz.sh->absent & 1U << k) {
			printf("# %s: not in this kernel\n", fuzz_kind_name(k));
			continue;
		}
		if (good && (fails || !fuzz_kind_must_fail(k)))
			continue;
		/* what no file of ours was asked says nothing */
		if (ms < FULL_MS && good + fails - badf < FULL_CALLS)
			continue;
		printf("# %s: %u successes, %u failures\n", fuzz_kind_name(k), good, fails);
		bad++;
	}
	result(!bad, "every_command_succeeds_and_fails", "%u do not", bad);
	printf("# ends: %u checks of contents, %u forks, %u files passed, %u execs\n",
	       fuzz.sh->calm_checked, fuzz.sh->forks, fuzz.sh->passed, fuzz.sh->execs);
	result(all_ends_met(), "all_ends_met", "one of them never");
}

/* Where it went */
static void show_memory(void)
{
	char text[8192], *line, *save = NULL;

	if (hmmt_read_file("/proc/meminfo", text, sizeof(text)) <= 0)
		return;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		printf("# %s\n", line);
}

static void check_end(uint64_t free_before)
{
	static char text[1200];
	uint64_t missing;
	int leaks;

	check_used(0);
	check_used(1);
	result(total[0].nomem_dev + total[1].nomem_dev, "runs_full", "never");
	hmmt_write_file("/proc/sys/vm/nr_hugepages", "0");
	missing = mem_missing_kb(free_before);
	if (missing)
		show_memory();
	result(!missing, "memory_back", "%llu kB are missing", (unsigned long long)missing);
	leaks = leaks_found(text, sizeof(text));
	if (leaks < 0) {
		printf("ok %u fuzz.kmemleak # SKIP this kernel has no kmemleak\n", ++tests);
		return;
	}
	if (leaks)
		printf("# %s\n", text);
	result(!leaks, "kmemleak", "%d objects", leaks);
}

static int parse_avoid(char *list)
{
	static const struct {
		const char *name;
		unsigned int avoid;
		const char *how;
	} known[] = {
		{ "join", AVOID_JOIN, "no HMMT_MIGRATE_JOIN" },
		{ "partial-hole", AVOID_PARTIAL_HOLE, "no HMMT_MIGRATE_PARTIAL_HOLE" },
		{ "evict-migrated", AVOID_EVICT_UNUSED, "no HMMT_EVICT_UNUSED" },
		{ "fault-part", AVOID_FAULT_PART, "no fault window below a PMD" },
		{ "zap-migration", AVOID_SHARED_THP | AVOID_ZAP_THP,
		  "no THP is shared or evicted, and none is zapped but by munmap and exit" },
		{ "evict-unmap", AVOID_EVICT_UNMAP,
		  "nothing is unmapped while there are evictions" },
		{ "fault-stale", AVOID_FAULT_STALE, "no fault window of a PMD" },
		{ "hugetlb-hole", AVOID_HUGETLB_HOLE, "no hole in a hugetlb mapping" },
		{ "split-shared", AVOID_SHARED_THP, "no THP is shared over fork" },
		{ "collect-split-race", AVOID_PTE_THP, "no THP is mapped by PTEs" },
		{ "collect-get-race", AVOID_PTE_THP, "no THP is mapped by PTEs" },
	};
	char *name, *save = NULL;
	unsigned int i;

	for (name = strtok_r(list, ",", &save); name; name = strtok_r(NULL, ",", &save))
		for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (!strcmp(name, known[i].name)) {
				printf("# avoids %s: %s\n", name, known[i].how);
				fuzz.avoid |= known[i].avoid;
			}
	return 0;
}

static int prepare(uint64_t *free_before)
{
	struct rlimit none = { 0, 0 };
	int ret;

	setrlimit(RLIMIT_CORE, &none);
	/* processes that crash are part of it */
	hmmt_write_file("/proc/sys/debug/exception-trace", "0");
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	fuzz.sh = mmap((void *)SHARED_AT, sizeof(*fuzz.sh), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (fuzz.sh == MAP_FAILED)
		return -errno;
	/* what the first load leaves for good is not ours to count */
	ret = module_loaded() ? module_unload(30000) : 0;
	ret = ret ?: module_load(PARAMS_SMALL) ?: module_unload(30000);
	if (ret)
		return ret;
	fuzz_everybodys[0] = 2;
	fuzz_event = eventfd(0, 0);
	if (fuzz_event < 0)
		return -errno;
	*free_before = mem_free_kb();
	leaks_forget();
	hmmt_write_file("/proc/sys/vm/nr_hugepages", "4");
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "duration", required_argument, NULL, 'd' },
		{ "avoid", required_argument, NULL, 'a' },
		{ "nothing", no_argument, NULL, 'n' },
		{ "list", no_argument, NULL, 'l' },
		{ }
	};
	uint64_t ms = 20000, free_before = 0;
	int opt, ret = 0;
	bool ended, left = false;

	setvbuf(stdout, NULL, _IOLBF, 0);
	fuzz.seed = 1;
	while (!ret && (opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			ret = hmmt_parse_u64(optarg, &fuzz.seed);
			break;
		case 'd':
			ret = hmmt_parse_duration(optarg, &ms);
			break;
		case 'a':
			ret = parse_avoid(optarg);
			break;
		case 'n':
			return 0;
		case 'l':
			fuzz_list();
			return 0;
		default:
			ret = -EINVAL;
		}
	}
	if (ret || optind < argc) {
		fprintf(stderr, "usage: hmm-fuzz [--seed N] [--duration T] [--avoid FINDING,...]\n");
		return 2;
	}
	printf("KTAP version 1\n");
	ret = prepare(&free_before);
	if (ret) {
		printf("Bail out! %s\n", strerror(-ret));
		return 1;
	}
	printf("# seed %llu, %llu s, %u processes of %u threads\n",
	       (unsigned long long)fuzz.seed, (unsigned long long)ms / 1000, FUZZ_WORKERS,
	       FUZZ_THREADS);
	ended = torture_turns(ms, &left);
	print_table();
	printf("# %u lives, %u forks, %u files passed, longest command %llu ms\n",
	       fuzz.sh->lives, fuzz.sh->forks, fuzz.sh->passed, (unsigned long long)max_call_ms);
	result(ended, "all_end", "a process or a command hangs");
	for (unsigned int i = 0; i < fuzz.sh->violations && i < 8; i++)
		printf("# %s\n", fuzz.sh->violation[i]);
	result(!fuzz.sh->violations, "answers", "%u violations", fuzz.sh->violations);
	result(!left, "nothing_left", "see above");
	check_vacuity(ms);
	if (ended && !left)
		check_end(free_before);
	printf("1..%u\n", tests);
	printf("{\"hmmtorture\":1,\"program\":\"hmm-fuzz\",\"pass\":%u,\"fail\":%u,\"skip\":0}\n",
	       tests - failed, failed);
	return !!failed;
}
