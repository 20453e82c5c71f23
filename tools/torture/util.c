// SPDX-License-Identifier: GPL-2.0
/* Time, tallies, names. */
#include <string.h>
#include <time.h>

#include "ops/ops.h"

const char * const oracle_names[NR_ORACLES] = {
	[ORACLE_SLOT] = "slot",
	[ORACLE_FORK] = "fork_isolation",
	[ORACLE_NEGATIVE] = "negative",
	[ORACLE_LAYOUT] = "layout",
	[ORACLE_SNAPSHOT] = "snapshot",
	[ORACLE_PROGRESS] = "progress",
	[ORACLE_CONSERVATION] = "conservation",
	[ORACLE_DRIVER] = "driver_check",
	[ORACLE_HMM] = "hmm",
	[ORACLE_READER] = "reader",
};

const char * const tally_names[NR_TALLIES] = {
	[TALLY_PERTURB] = "paused_accesses",
	[TALLY_RACED] = "raced_accesses",
	[TALLY_UNCERTAIN] = "raced_writes",
	[TALLY_STRAY] = "strays_repaired",
	[TALLY_RECHECKED] = "rechecked_reads",
	[TALLY_SEGV] = "refused_accesses",
	[TALLY_NOMEM] = "nomem",
	[TALLY_FORKS] = "forks",
	[TALLY_KIDS] = "children_done",
	[TALLY_STARVED] = "starved_accesses",
	[TALLY_SYNCS] = "storm_targets",
	[TALLY_BUSTED] = "deliberate_mistakes",
};

const char * const step_names[NR_STEPS] = {
	[STEP_NONE] = "nothing",
	[STEP_LOAD] = "load",
	[STEP_STORE] = "store",
	[STEP_DEV_LOAD] = "device load",
	[STEP_DEV_STORE] = "device store",
	[STEP_KERNEL_LOAD] = "kernel load",
	[STEP_KERNEL_STORE] = "kernel store",
	[STEP_URING] = "io_uring",
	[STEP_MIGRATE] = "migration",
	[STEP_EVICT] = "eviction",
	[STEP_UNPLUG] = "unplugging",
	[STEP_SNAPSHOT] = "snapshot",
	[STEP_MREMAP] = "mremap()",
	[STEP_MMAP] = "mmap()",
	[STEP_MUNMAP] = "munmap()",
	[STEP_MPROTECT] = "mprotect()",
	[STEP_MADVISE] = "madvise()",
	[STEP_PIN] = "pin",
	[STEP_READER] = "reader of /proc",
	[STEP_SYSTEM] = "system call",
	[STEP_FORK] = "fork()",
	[STEP_WAIT] = "waitpid()",
	[STEP_UFFD_MOVE] = "UFFDIO_MOVE",
	[STEP_UFFD_COPY] = "UFFDIO_COPY",
};

const char * const bust_names[NR_BUSTS] = {
	[BUST_NONE] = "none",
	[BUST_STALE] = "stale",
	[BUST_FOREIGN] = "foreign",
	[BUST_ZERO] = "zero",
	[BUST_GARBAGE] = "garbage",
	[BUST_FORKLEAK] = "forkleak",
	[BUST_CHILDLEAK] = "childleak",
	[BUST_NEGATIVE] = "negative",
	[BUST_DENIED] = "denied",
	[BUST_LIVELOCK] = "livelock",
	[BUST_HANG] = "hang",
	[BUST_CONSERVE] = "conserve",
	[BUST_RSS] = "rss",
	[BUST_CRASH] = "crash",
	[BUST_MOVED] = "moved",
	[BUST_NOWHERE] = "nowhere",
	[BUST_LANE] = "lane",
	[BUST_FREED] = "freed",
	[BUST_UFFD] = "uffd",
	[BUST_PIN] = "pin",
	[BUST_TABLES] = "tables",
	[BUST_ANSWER] = "answer:",
};

/* "answer:OP:WHAT", where "round" stands for the checks after one */
static bool is_answer(const char *name)
{
	size_t len = strlen(bust_names[BUST_ANSWER]), n;
	char op[32];

	if (strncmp(bust_names[BUST_ANSWER], name, len))
		return false;
	name += len;
	n = strcspn(name, ":");
	if (!name[n] || !name[n + 1] || n >= sizeof(op))
		return false;
	memcpy(op, name, n);
	op[n] = '\0';
	return !strcmp(op, "round") || ops_find(op) >= 0;
}

enum bust bust_find(const char *name)
{
	unsigned int i;

	for (i = 1; i < NR_BUSTS; i++)
		if (i == BUST_ANSWER ? is_answer(name) : !strcmp(bust_names[i], name))
			break;
	return i;
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void nap_ms(unsigned int ms)
{
	const struct timespec ts = {
		.tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000L,
	};

	nanosleep(&ts, NULL);
}

void tally(struct shared *sh, enum tally t)
{
	atomic_fetch_add_explicit(&sh->tally[t], 1, memory_order_relaxed);
}

void perturb(struct worker *w)
{
	unsigned int n;

	if (w->r->cfg->no_perturb || !hmmt_rng_chance(&w->pauses, 1, 16))
		return;
	/* Under QEMU's single-threaded TCG each one gives way to the next vCPU. */
	for (n = hmmt_rng_between(&w->pauses, 1, 24); n; n--)
		__builtin_ia32_pause();
	tally(w->sh, TALLY_PERTURB);
}

void op_arg(struct worker *w, uint64_t val)
{
	journal_arg(w->r->journal, w->record, w->nr_args++, val);
}
