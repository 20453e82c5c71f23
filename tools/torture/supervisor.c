// SPDX-License-Identifier: GPL-2.0
/*
 * The supervisor: it starts the round processes, watches their progress from
 * outside, judges what they leave behind, and reports. It maps no memory that
 * could be migrated, so that it survives what they run into.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ops/ops.h"
#include "scenarios/scenarios.h"
#include "torture.h"

#define TICK_MS		250
#define DEATH_MS	20000

struct supervisor {
	const struct config *cfg;
	struct config own;	/* what @cfg points to; a program changes it */
	struct shared *sh;
	struct journal journal;
	struct hmmt_dev dev[NR_DEVS];
	struct hmmt_stats before[NR_DEVS];
	struct hmmt_stats now[NR_DEVS];
	struct baseline base;
	struct watch watch;
	uint64_t start_ns;
	int timer;
	long taint;		/* of the kernel, before the first round */
	bool undead;		/* a process that SIGKILL does not end */
};

static void read_stats(struct supervisor *sv, struct hmmt_stats *st)
{
	unsigned int i;

	for (i = 0; i < sv->cfg->nr_devs; i++)
		hmmt_stats(&sv->dev[i], &st[i]);
}

/* The live counters; returns the devices' faults so far. */
static uint64_t heartbeat(struct supervisor *sv)
{
	struct hmmt_journal_header *h = sv->journal.hdr;
	uint64_t thp = 0, base = 0, cpu = 0, dev = 0, split = 0, checks = 0;
	unsigned int i;

	read_stats(sv, sv->now);
	for (i = 0; i < sv->cfg->nr_devs; i++) {
		const struct hmmt_stats *n = &sv->now[i], *b = &sv->before[i];

		thp += n->to_dev_thp + n->to_sys_thp + n->fault_thp + n->evict_thp -
		       b->to_dev_thp - b->to_sys_thp - b->fault_thp - b->evict_thp;
		base += n->to_dev_base + n->to_sys_base + n->fault_base + n->evict_base -
			b->to_dev_base - b->to_sys_base - b->fault_base - b->evict_base;
		cpu += n->cpu_faults - b->cpu_faults;
		dev += n->dev_faults - b->dev_faults;
		split += n->split_folio - b->split_folio;
	}
	for (i = 0; i < NR_ORACLES; i++)
		checks += sv->sh->checked[i];
	h->elapsed_ms = (now_ns() - sv->start_ns) / 1000000;
	h->total_ms = sv->cfg->duration_ms;
	h->ops = sv->sh->ops;
	h->thp_migrations = thp;
	h->base_migrations = base;
	h->cpu_faults = cpu;
	h->dev_faults = dev;
	h->splits = split;
	h->checks = checks;
	h->failures = sv->sh->failed;
	__atomic_fetch_add(&h->heartbeat, 1, __ATOMIC_RELEASE);
	return dev;
}

/* Wait a tick, or until @pidfd is done; true when it is. */
static bool wait_tick(struct supervisor *sv, int pidfd)
{
	struct pollfd p[2] = {
		{ .fd = sv->timer, .events = POLLIN },
		{ .fd = pidfd, .events = POLLIN },
	};
	uint64_t ticks;

	if (poll(p, 2, -1) < 0)
		return false;
	if (p[0].revents & POLLIN && read(sv->timer, &ticks, sizeof(ticks)) < 0)
		return false;
	return p[1].revents & POLLIN;
}

/* End the process group of @pid; false: it cannot die. */
static bool kill_round(struct supervisor *sv, pid_t pid, int pidfd)
{
	uint64_t end = now_ns() + DEATH_MS * 1000000ULL;

	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	while (now_ns() < end) {
		if (wait_tick(sv, pidfd))
			return true;
		heartbeat(sv);
	}
	return false;
}

/* Orphans of the round come to us; none may be left when it is judged. */
static void reap_orphans(struct supervisor *sv, pid_t group)
{
	uint64_t end = now_ns() + DEATH_MS * 1000000ULL;
	pid_t pid;

	kill(-group, SIGKILL);
	while (now_ns() < end && !bust_round(sv->cfg, sv->sh, "orphan")) {
		pid = waitpid(-1, NULL, WNOHANG);
		if (pid < 0)
			return;
		if (!pid)
			nap_ms(10);
	}
	sv->undead = true;
	fail_add(sv->sh, ORACLE_PROGRESS, "hang: a child cannot be killed",
		 "process group %d is still there after SIGKILL", group);
}

/* Between rounds, and at the end. */
static void count_steps(struct shared *sh)
{
	unsigned int i;

	/* two counts a step: begun and ended */
	for (i = 0; i < NR_PROGRESS; i++)
		sh->checked[ORACLE_PROGRESS] += sh->progress[i].seq / 2;
	memset((void *)sh->progress, 0, sizeof(sh->progress));
}

static void prepare_shared(struct supervisor *sv, const struct scenario *s, uint64_t seed)
{
	struct shared *sh = sv->sh;

	count_steps(sh);
	atomic_store(&sh->stop, 0);
	atomic_store(&sh->hold, 0);
	atomic_store(&sh->dev_hold, 0);
	atomic_store(&sh->hot, 0);
	watch_init(&sv->watch);
	model_init(&sh->model, seed, scenario_blocks(s), sv->cfg->nr_workers);
}

static long taint(void)
{
	char buf[32];

	return hmmt_read_file("/proc/sys/kernel/tainted", buf, sizeof(buf)) > 0 ? atol(buf) : 0;
}

/* A round finds all of the devices, whatever the one before it has unplugged. */
static void plug_all(struct supervisor *sv)
{
	unsigned int i;
	int ret;

	for (i = 0; i < sv->cfg->nr_devs; i++) {
		ret = hmmt_plug_all(&sv->dev[i]);
		if (ret < 0 || bust_round(sv->cfg, sv->sh, "plug"))
			fail_add(sv->sh, ORACLE_DRIVER, "driver: memory does not come back",
				 "device %u: %s", i, strerror(-ret));
	}
}

/* From here on the journal has the program of @r. */
static void program_begins(struct supervisor *sv, const struct round *r)
{
	struct hmmt_journal_program *now = &sv->journal.hdr->now;

	now->head[0] = '\0';
	now->first = atomic_load(&sv->sh->journal_next);
	now->end = 0;
	if (play_head(r, now->head, sizeof(now->head)))
		now->head[0] = '\0';
}

/* Was it the first one with which something went wrong? Then it is kept. */
static void program_ends(struct supervisor *sv, const struct round *r)
{
	struct hmmt_journal_header *h = sv->journal.hdr;

	h->now.end = atomic_load(&sv->sh->journal_next);
	if (!h->failed.end && (atomic_load(&sv->sh->failed) != r->failed ||
			       hmm_broken(sv->cfg, sv->before, sv->now) ||
			       fail_pending(sv->sh) || taint() != sv->taint))
		h->failed = h->now;
}

/* The driver goes while a process has its pages; its counters go on. */
static void reload_driver(struct supervisor *sv)
{
	uint64_t *before, *now;
	unsigned int i, n;

	read_stats(sv, sv->now);
	module_cycle(sv->cfg, sv->sh, sv->dev);
	for (i = 0; i < sv->cfg->nr_devs; i++) {
		before = (uint64_t *)&sv->before[i];
		now = (uint64_t *)&sv->now[i];
		for (n = 0; n < sizeof(sv->now[i]) / sizeof(*now); n++)
			before[n] -= now[n];
	}
	heartbeat(sv);
}

static void run_round(struct supervisor *sv, const struct scenario *s,
		      const struct program *program, unsigned int number, uint64_t ms)
{
	const struct config *cfg = sv->cfg;
	struct round r = {
		.cfg = cfg,
		.scenario = s,
		.sh = sv->sh,
		.m = &sv->sh->model,
		.journal = &sv->journal,
		.number = number,
		.nr_workers = cfg->nr_workers,
		.program = program,
		.failed = atomic_load(&sv->sh->failed),
	};
	int pidfd, status = 0;
	bool stuck = false;
	pid_t pid, stray;

	snprintf(sv->journal.hdr->phase, sizeof(sv->journal.hdr->phase), "%s round %u",
		 s->name, number);
	guest_reset(cfg);
	prepare_shared(sv, s, hmmt_mix64(cfg->seed) + number);
	program_begins(sv, &r);
	r.end_ns = program ? UINT64_MAX : now_ns() + ms * 1000000;
	pid = bust_round(cfg, sv->sh, "fork") ? -1 : fork();
	if (!pid) {
		unsigned int i;
		bool unmap;

		setpgid(0, 0);
		for (i = 0; i < NR_DEVS; i++)
			hmmt_close(&sv->dev[i]);
		/* these mistakes show only where all is unmapped, however few rounds there are */
		unmap = number & 1 || cfg->bust == BUST_RSS || cfg->bust == BUST_TABLES;
		_exit(round_main(&r, unmap));
	}
	if (pid < 0) {
		fail_add(sv->sh, ORACLE_PROGRESS, "round: cannot fork", "%s", strerror(errno));
		return;
	}
	setpgid(pid, pid);
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	while (!wait_tick(sv, pidfd)) {
		if (watch_tick(&sv->watch, cfg, sv->sh, heartbeat(sv))) {
			stuck = true;
			sv->undead = !kill_round(sv, pid, pidfd);
			break;
		}
	}
	close(pidfd);
	sv->undead |= bust_round(cfg, sv->sh, "undead");
	if (sv->undead) {
		fail_add(sv->sh, ORACLE_PROGRESS, "hang: a process cannot be killed",
			 "round process %d is still there after SIGKILL", pid);
		return;
	}
	if (waitpid(pid, &status, 0) == pid && !stuck && status)
		fail_add(sv->sh, ORACLE_PROGRESS, "round: process died",
			 "%s round %u: %s %d", s->name, number,
			 WIFSIGNALED(status) ? "signal" : "exit status",
			 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	reap_orphans(sv, pid);
	if (sv->undead)
		return;
	stray = bust_supervisor(cfg);
	if (stray)
		nap_ms(500);
	conserve_check(&sv->base, cfg, sv->sh, sv->dev);
	driver_check(cfg, sv->sh, sv->dev);
	plug_all(sv);
	if (stray) {
		kill(stray, SIGKILL);
		waitpid(stray, NULL, 0);
	}
	heartbeat(sv);
	program_ends(sv, &r);
	if (s->unload && !atomic_load(&sv->sh->failed))
		reload_driver(sv);
}

static void run_scenario(struct supervisor *sv, const struct scenario *s, uint64_t end_ns,
			 struct scenario_result *res)
{
	int failed = atomic_load(&sv->sh->failed);
	uint64_t ops = atomic_load(&sv->sh->ops), left_ms;

	do {
		left_ms = end_ns > now_ns() ? (end_ns - now_ns()) / 1000000 : 0;
		/* A rest too short for a round of its own goes to the last one. */
		if (left_ms < sv->cfg->round_ms * 3 / 2 && left_ms > 100)
			run_round(sv, s, NULL, res->rounds, left_ms);
		else
			run_round(sv, s, NULL, res->rounds, sv->cfg->round_ms);
		res->rounds++;
		if (atomic_load(&sv->sh->failed) != failed && !sv->cfg->keep_going)
			break;
	} while (!sv->undead && now_ns() + 100000000 < end_ns);
	res->ops = atomic_load(&sv->sh->ops) - ops;
	res->failures = atomic_load(&sv->sh->failed) - failed;
}

/* A program is a round of its own; those before it do not matter to it. */
static void run_program(struct supervisor *sv, const struct config *base, unsigned int n,
			struct scenario_result *res)
{
	int failed = atomic_load(&sv->sh->failed);
	uint64_t ops = atomic_load(&sv->sh->ops);
	struct hmmt_stats before[NR_DEVS];

	res->skip = play_apply(&sv->own, base, n);
	if (res->skip)
		return;
	memset(before, 0, sizeof(before));
	read_stats(sv, before);
	run_round(sv, base->scenario[n], &base->program[n], base->program[n].round, 0);
	hmm_check(sv->cfg, sv->sh, before, sv->now);
	fail_due(sv->sh);
	res->rounds++;
	res->ops = atomic_load(&sv->sh->ops) - ops;
	res->failures = atomic_load(&sv->sh->failed) - failed;
}

static int setup(struct supervisor *sv)
{
	const struct itimerspec tick = {
		.it_interval.tv_nsec = TICK_MS * 1000000L,
		.it_value.tv_nsec = TICK_MS * 1000000L,
	};
	const char *names[MAX_OPS];
	const struct op *op;
	unsigned int i;
	int ret;

	guest_setup(sv->cfg);
	via_mem_forces();	/* once for all rounds */
	sv->sh = mmap(NULL, sizeof(*sv->sh), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sv->sh == MAP_FAILED)
		return -errno;
	ret = journal_open(&sv->journal, sv->cfg->journal, &sv->sh->journal_next);
	if (ret)
		return ret;
	for (i = 0; i < MAX_OPS && (op = ops_get(i)); i++)
		names[i] = op->name;
	ret = journal_names(&sv->journal, names, i);
	if (ret)
		return ret;
	for (i = 0; i < NR_DEVS; i++) {
		sv->dev[i].fd = -1;
		if (i < sv->cfg->nr_devs) {
			ret = hmmt_open(&sv->dev[i], i);
			if (ret)
				return ret;
		}
	}
	sv->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (sv->timer < 0 || timerfd_settime(sv->timer, 0, &tick, NULL))
		return -errno;
	/* Orphaned grandchildren must not outlive the round unseen. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return 0;
}

int supervise(const struct config *cfg)
{
	static struct supervisor sv;
	struct scenario_result res[ARRAY_SIZE(cfg->scenario)];
	unsigned int i;
	int ret, failed;

	memset(res, 0, sizeof(res));
	sv.own = *cfg;
	sv.cfg = &sv.own;
	sv.taint = taint();
	ret = setup(&sv);
	if (!ret)
		ret = perturb_start(cfg, sv.dev);
	if (ret) {
		fprintf(stderr, "torture: cannot set up: %s\n", strerror(-ret));
		return 3;
	}
	report_plan(cfg);
	sv.start_ns = now_ns();
	read_stats(&sv, sv.before);
	conserve_check(&sv.base, cfg, sv.sh, sv.dev);
	for (i = 0; i < cfg->nr_scenarios; i++) {
		failed = atomic_load(&sv.sh->failed);
		if (sv.undead || (failed && !cfg->keep_going && !cfg->nr_programs))
			res[i].skip = "not run, an earlier scenario failed";
		else if (cfg->nr_programs)
			run_program(&sv, cfg, i, &res[i]);
		else if (scenario_skip(cfg->scenario[i], cfg, res[i].why, sizeof(res[i].why)))
			res[i].skip = res[i].why;
		else
			run_scenario(&sv, cfg->scenario[i],
				     sv.start_ns + cfg->duration_ms * 1000000 * (i + 1) /
				     cfg->nr_scenarios, &res[i]);
		report_scenario(cfg, i, &res[i], sv.sh, failed);
	}
	count_steps(sv.sh);
	heartbeat(&sv);
	if (!cfg->nr_programs)
		hmm_check(cfg, sv.sh, sv.before, sv.now);
	fail_due(sv.sh);
	report_end(cfg, sv.sh, res, (now_ns() - sv.start_ns) / 1000000, sv.before, sv.now);
	return atomic_load(&sv.sh->failed) ? 1 : 0;
}
