// SPDX-License-Identifier: GPL-2.0
/*
 * Progress: a single access that never ends. While its thread takes fault
 * after fault it is a livelock, else a hang.
 *
 * A fault may be retaken because others move the page away each time. That is
 * starvation, not a bug: so when a step looks stuck all workers are told to
 * start nothing new, and only what goes on even then is reported.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../ops/ops.h"
#include "../torture.h"

#define SEC		1000000000ULL
#define SUSPECT_NS	(5 * SEC)
#define SUSPECT_FAULTS	2000
#define HELD_NS		(2 * SEC)
#define HELD_FAULTS	1000
#define LOOK_MS		1000

void watch_init(struct watch *wt)
{
	memset(wt, 0, sizeof(*wt));
}

static uint64_t faults_of(const struct progress *pg)
{
	struct hmmt_task_stat st;

	if (hmmt_task_stat(pg->pid, pg->tid, &st))
		return 0;
	return st.minflt + st.majflt;
}

static bool is_dev_step(enum step step)
{
	return step == STEP_DEV_LOAD || step == STEP_DEV_STORE || step == STEP_MIGRATE;
}

/*
 * For the title: the same bug must have the same one whichever op met it, or
 * a bisection would take it for another.
 */
static const char *step_class(enum step step)
{
	switch (step) {
	case STEP_LOAD:
	case STEP_STORE:
		return "CPU access";
	case STEP_DEV_LOAD:
	case STEP_DEV_STORE:
		return "device access";
	case STEP_KERNEL_LOAD:
	case STEP_KERNEL_STORE:
	case STEP_URING:
		return "kernel access";
	default:
		return step_names[step % NR_STEPS];
	}
}

/* Newlines would break the report's lines. */
static void flatten(char *s)
{
	for (; *s; s++)
		if (*s == '\n')
			*s = '|';
}

/* The line of /proc/PID/maps of @addr. */
static void vma_line(int pid, unsigned long addr, char *buf, size_t size)
{
	unsigned long start, end;
	char path[32];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "re");
	while (f && fgets(buf, size, f)) {
		if (sscanf(buf, "%lx-%lx", &start, &end) == 2 && start <= addr && addr < end) {
			fclose(f);
			buf[strcspn(buf, "\n")] = '\0';
			return;
		}
	}
	if (f)
		fclose(f);
	snprintf(buf, size, "no mapping");
}

/*
 * Mapping and page table entry of what is accessed. Both want the mmap lock of
 * the one that is stuck, who may hold it for ever: a child looks, for a second.
 */
static void look_at(const struct progress *pg, char *buf, size_t size)
{
	uint64_t entry = 0;
	struct pollfd p;
	char vma[160];
	ssize_t n = 0;
	int fds[2];
	pid_t pid;

	snprintf(buf, size, "mapping and pagemap not readable");
	if (pipe2(fds, O_CLOEXEC))
		return;
	pid = fork();
	if (!pid) {
		vma_line(pg->pid, pg->addr, vma, sizeof(vma));
		hmmt_pagemap_read(pg->pid, pg->addr, 1, &entry);
		dprintf(fds[1], "mapping %s; pagemap %#018llx", vma, (unsigned long long)entry);
		_exit(0);
	}
	close(fds[1]);
	p = (struct pollfd){ .fd = fds[0], .events = POLLIN };
	if (pid > 0 && poll(&p, 1, LOOK_MS) > 0)
		n = read(fds[0], buf, size - 1);
	if (n > 0)
		buf[n] = '\0';
	close(fds[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

static void report(struct shared *sh, unsigned int n, const char *kind, uint64_t ns,
		   uint64_t faults, uint64_t dev_faults)
{
	const struct progress *pg = &sh->progress[n];
	const struct op *op = ops_get(pg->op);
	char title[96], place[240], stack[800];

	snprintf(title, sizeof(title), "%s in %s", kind, step_class(pg->step));
	look_at(pg, place, sizeof(place));
	if (hmmt_task_stack(pg->pid, pg->tid, stack, sizeof(stack)) < 0)
		strcpy(stack, "not readable");
	flatten(stack);
	fail_add(sh, ORACLE_PROGRESS, title,
		 "%s %u, op %s: %s at %#llx for %llu.%llu s, %llu CPU faults and %llu device faults meanwhile; %s; kernel stack %s",
		 n < MAX_WORKERS ? "worker" : "child", n, op ? op->name : "?",
		 step_names[pg->step % NR_STEPS],
		 (unsigned long long)pg->addr, (unsigned long long)(ns / SEC),
		 (unsigned long long)(ns / (SEC / 10) % 10), (unsigned long long)faults,
		 (unsigned long long)dev_faults, place, stack);
}

bool watch_tick(struct watch *wt, const struct config *cfg, struct shared *sh,
		uint64_t dev_faults)
{
	uint64_t now = now_ns(), seq, faults;
	bool hold = false, hit = false;
	unsigned int i;

	for (i = 0; i < NR_PROGRESS && !hit; i++) {
		struct progress *pg = &sh->progress[i];

		seq = atomic_load(&pg->seq);
		if (!(seq & 1) || !pg->pid) {
			if (wt->who[i].held_ns)
				tally(sh, TALLY_STARVED);
			wt->who[i].since_ns = 0;
			wt->who[i].held_ns = 0;
			continue;
		}
		if (!wt->who[i].since_ns || wt->who[i].seq != seq) {
			if (wt->who[i].since_ns && wt->who[i].held_ns)
				tally(sh, TALLY_STARVED);
			memset(&wt->who[i], 0, sizeof(wt->who[i]));
			wt->who[i].seq = seq;
			wt->who[i].since_ns = now;
			wt->who[i].faults = faults_of(pg);
			wt->who[i].dev_faults = dev_faults;
			continue;
		}
		if (now - wt->who[i].since_ns < SUSPECT_NS)
			continue;
		faults = faults_of(pg);
		if (!wt->who[i].held_ns) {
			bool climbs = faults - wt->who[i].faults >= SUSPECT_FAULTS ||
				      (is_dev_step(pg->step) &&
				       dev_faults - wt->who[i].dev_faults >= SUSPECT_FAULTS);

			if (climbs) {
				wt->who[i].held_ns = now;
				wt->who[i].held_faults = faults;
				wt->who[i].held_dev_faults = dev_faults;
				hold = true;
				continue;
			}
		} else {
			hold = true;
			if (now - wt->who[i].held_ns >= HELD_NS &&
			    (faults - wt->who[i].held_faults >= HELD_FAULTS ||
			     (is_dev_step(pg->step) &&
			      dev_faults - wt->who[i].held_dev_faults >= HELD_FAULTS))) {
				report(sh, i, "livelock", now - wt->who[i].since_ns,
				       faults - wt->who[i].faults,
				       dev_faults - wt->who[i].dev_faults);
				hit = true;
				continue;
			}
		}
		if (now - wt->who[i].since_ns >= cfg->hang_ms * 1000000) {
			report(sh, i, "hang", now - wt->who[i].since_ns,
			       faults - wt->who[i].faults, dev_faults - wt->who[i].dev_faults);
			hit = true;
		}
	}
	atomic_store(&sh->hold, hold);
	return hit;
}
