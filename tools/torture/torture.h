/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The torture program. Three kinds of processes: the supervisor, which mirrors
 * nothing and judges from outside; for each round a process with an address
 * space of its own, whose workers are threads; and the children these fork.
 * What they share is one struct shared in a MAP_SHARED mapping.
 */
#ifndef _TORTURE_H
#define _TORTURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../lib/hmmt.h"
#include "model.h"
#include "program.h"
#include "record.h"

#define MAX_OPS		160
#define MAX_LATES	16
#define MAX_ROLES	4
#define MAX_FAILS	32
#define NR_DEVS		2
#define MAX_KIDS	2
/* Who is watched: the workers, each one's children, each child's child. */
#define NR_PROGRESS	(MAX_WORKERS * (1 + 2 * MAX_KIDS))
#define PROGRESS_OF(level, worker, kid)	\
	((level) ? MAX_WORKERS * (1 + ((level) - 1) * MAX_KIDS) + (worker) * MAX_KIDS + (kid) \
		 : (worker))
/* Address space of each worker beside the arena, for moves under way */
#define LANE_PAGES	(4 * HMMT_PMD_PAGES)

enum oracle {
	ORACLE_SLOT,		/* every slot holds what its owner wrote */
	ORACLE_FORK,		/* nothing written on one side of fork is seen on the other */
	ORACLE_NEGATIVE,	/* access is granted where allowed, and only there */
	ORACLE_LAYOUT,		/* layout calls do what they say or fail as they may */
	ORACLE_SNAPSHOT,	/* the device sees no more than the CPU may */
	ORACLE_PROGRESS,	/* every access gets to its end */
	ORACLE_CONSERVATION,	/* counters are back at their baseline */
	ORACLE_DRIVER,		/* the driver's own invariants */
	ORACLE_HMM,		/* hmm_range_fault() keeps its promises */
	ORACLE_READER,		/* what /proc says of a mapping is possible */
	NR_ORACLES,
};

enum tally {
	TALLY_PERTURB,		/* runs of pause instructions */
	TALLY_RACED,		/* accesses that overlapped a layout change */
	TALLY_UNCERTAIN,	/* ... that were writes */
	TALLY_STRAY,		/* ... that landed in another content, repaired */
	TALLY_RECHECKED,	/* reads judged under the lock */
	TALLY_SEGV,		/* accesses refused as the model says */
	TALLY_NOMEM,		/* calls that failed for want of memory */
	TALLY_FORKS,
	TALLY_KIDS,		/* children that ran to their end */
	TALLY_STARVED,		/* accesses that got on when all else stopped */
	TALLY_SYNCS,		/* hot blocks published for the storm */
	TALLY_BUSTED,		/* deliberate mistakes made */
	NR_TALLIES,
};

/* How an access gets at the memory: by a CPU, by a device, by the kernel (via.c). */
enum via {
	VIA_CPU, VIA_DEV0, VIA_DEV1,
	VIA_FILE, VIA_VM, VIA_SPLICE, VIA_MEM, VIA_URING,
	NR_VIAS,
};
#define VIA_KERNEL	VIA_FILE	/* from this one on */

/* Kinds of single step that the progress oracle watches. */
enum step {
	STEP_NONE, STEP_LOAD, STEP_STORE, STEP_DEV_LOAD, STEP_DEV_STORE,
	STEP_KERNEL_LOAD, STEP_KERNEL_STORE, STEP_URING,
	STEP_MIGRATE, STEP_EVICT, STEP_UNPLUG, STEP_SNAPSHOT, STEP_MREMAP, STEP_MMAP,
	STEP_MUNMAP, STEP_MPROTECT, STEP_MADVISE, STEP_PIN, STEP_READER, STEP_SYSTEM,
	STEP_FORK, STEP_WAIT, STEP_UFFD_MOVE, STEP_UFFD_COPY,
	NR_STEPS,
};

/* Odd @seq: a step is under way. */
struct progress {
	_Atomic uint64_t seq;
	_Atomic uint64_t addr;
	_Atomic uint32_t op;
	_Atomic uint32_t step;
	_Atomic int pid;
	_Atomic int tid;
} __attribute__((aligned(64)));

struct failure {
	enum oracle oracle;
	char title[96];
	char detail[1536];
};

/* A failure that is told only when the run ends (fail.c) */
struct late {
	_Atomic uint64_t count;
	enum oracle oracle;
	char detail[240];	/* of the first */
};

struct op_stat {
	_Atomic uint64_t done;
	_Atomic uint64_t again;		/* nothing to do it on */
	_Atomic uint64_t failed;	/* for want of memory, or a busy page */
};

struct shared {
	_Atomic int stop;		/* end of the round, for everybody */
	_Atomic int hold;		/* start no new op: the supervisor says so */
	_Atomic int dev_hold;		/* ... a worker, for its device access */
	_Atomic int failed;		/* failures ever recorded */
	_Atomic int fail_lock;
	_Atomic uint64_t journal_next;
	_Atomic uint64_t hot;		/* storm: the block, and a count above bit 32 */
	_Atomic uint64_t ops;
	_Atomic uint64_t round_kb;	/* memory of a round's process without the arena */
	_Atomic uint64_t tally[NR_TALLIES];
	_Atomic uint64_t checked[NR_ORACLES];
	_Atomic uint64_t oracle_failed[NR_ORACLES];
	struct op_stat op[MAX_OPS];
	struct progress progress[NR_PROGRESS];
	struct failure fail[MAX_FAILS];
	struct late late[MAX_LATES];
	struct model model;
};

enum bust {
	BUST_NONE, BUST_STALE, BUST_FOREIGN, BUST_ZERO, BUST_GARBAGE, BUST_FORKLEAK,
	BUST_CHILDLEAK, BUST_NEGATIVE, BUST_DENIED, BUST_LIVELOCK, BUST_HANG,
	BUST_CONSERVE, BUST_RSS, BUST_CRASH, BUST_MOVED, BUST_NOWHERE, BUST_LANE, BUST_FREED,
	BUST_UFFD, BUST_PIN, BUST_TABLES, BUST_ANSWER, NR_BUSTS,
};

/* What stays the same all along. */
struct config {
	uint64_t seed;
	uint64_t duration_ms;
	uint64_t round_ms;
	uint64_t hang_ms;
	unsigned int nr_workers;
	bool no_device;
	bool no_perturb;
	unsigned int pauses;	/* which stream of seeded pauses */
	unsigned int max_pauses;	/* of a wait in the kernel */
	uint64_t perturb_seed;
	bool keep_going;
	bool guest;		/* a machine of our own */
	bool company;		/* ... where others change the system's counters as well */
	enum bust bust;
	const char *answer;	/* OP:WHAT of BUST_ANSWER */
	bool without[MAX_OPS];	/* by number: not to run */
	unsigned int nr_devs;	/* devices there are, at most NR_DEVS */
	const char *journal;	/* a file for it, NULL: what the guest has */
	bool trace_draws;	/* into the journal, too */
	bool trace_calls;
	const struct scenario *scenario[48];
	unsigned int nr_scenarios;
	struct program *program;	/* to run in place of scenarios */
	unsigned int nr_programs;
};

/* A round, as its process sees it. */
struct round {
	const struct config *cfg;
	const struct scenario *scenario;
	const struct program *program;	/* NULL: ops are picked until end_ns */
	struct shared *sh;
	struct model *m;
	struct journal *journal;
	int failed;		/* failures before it */
	unsigned int number;
	uint64_t end_ns;
	struct hmmt_dev dev[NR_DEVS];
	int maps_fd;
	unsigned int nr_workers;
	unsigned int weight[MAX_ROLES][MAX_OPS];	/* by role and op number */
	unsigned int total[MAX_ROLES];
};

struct worker {
	struct round *r;
	struct shared *sh;
	struct model *m;
	unsigned int idx;
	struct hmmt_rng rng;		/* of the running op, and nothing else's */
	struct hmmt_rng pauses;		/* when to let others run first */
	struct hmmt_rng pick;		/* which ops, with which seeds */
	unsigned int next;		/* line of the program to look at */
	struct progress *pg;
	unsigned int op;		/* running */
	uint64_t record;		/* its journal record */
	unsigned int nr_args;
	unsigned long lane;
	pid_t kid[MAX_KIDS];
	uint32_t serial;		/* of its forks */
	bool bust_done;			/* of the last two ops */
	unsigned int moves;		/* for BUST_MOVED */
	unsigned long pin_addr;		/* what gup_hold left pinned */
	size_t pin_len;
	int held_pipe[2];		/* pages that splice_hold left in it */
	bool pipe_open;
	uint64_t lane_serial;
};

/* --- small things (util.c) ----------------------------------------------- */

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static inline unsigned long min_ul(unsigned long a, unsigned long b)
{
	return a < b ? a : b;
}

uint64_t now_ns(void);
void nap_ms(unsigned int ms);
void tally(struct shared *sh, enum tally t);
/* Sometimes let the others run first. */
void perturb(struct worker *w);
/* Arguments of the running op, into its journal record. */
void op_arg(struct worker *w, uint64_t val);

extern const char * const oracle_names[NR_ORACLES];
extern const char * const tally_names[NR_TALLIES];
extern const char * const step_names[NR_STEPS];
extern const char * const via_names[NR_VIAS];
extern const char * const bust_names[NR_BUSTS];
/* NR_BUSTS: no such mistake; "answer:OP:WHAT" is BUST_ANSWER */
enum bust bust_find(const char *name);

/* --- failures (fail.c) ---------------------------------------------------- */

/*
 * Record a failure of @o; the round stops, unless it is one of those that are told when the run
 * ends. Detail is one line or more.
 */
void fail_add(struct shared *sh, enum oracle o, const char *title, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Is there any to be told at the end? */
bool fail_pending(struct shared *sh);
/* The run, or the program, is over. */
void fail_due(struct shared *sh);

/* --- trace (trace.c) --------------------------------------------------------- */

enum trace_expectation { EXPECT_VALUE, EXPECT_ALLOWED, EXPECT_REFUSED };

/* The calls of this thread are those of @w, if --trace says to record any. */
void trace_thread(struct worker *w);
/* The draws of the op that begins. */
void trace_draws(struct worker *w);
/* An access; the index that begin returns goes with the others. */
uint64_t trace_begin(enum hmmt_trace what, uint64_t a, uint64_t b);
void trace_value(uint64_t idx, uint64_t val);
void trace_end(uint64_t idx, int64_t ret);
/* How the thread's last access had to end: with a value from @lo to @hi, or how. */
void trace_expect(enum trace_expectation what, uint64_t lo, uint64_t hi);

/* --- access (access.c) ---------------------------------------------------- */

int access_init(void);
/* 0, -EFAULT for SIGSEGV, -EIO for SIGBUS; aligned addresses */
int access_load(unsigned long addr, uint64_t *val);
/* Load on, until @word changes or it was @times; no trace, and no value to look at. */
int access_stare(unsigned long addr, const _Atomic uint64_t *word, unsigned int times);
int access_store(unsigned long addr, uint64_t val);
void step_begin(struct worker *w, enum step step, unsigned long addr);
void step_end(struct worker *w);
/* Perturbed, watched, by the CPU or a device; -ENODEV if that is not open. */
int do_load(struct worker *w, unsigned long addr, enum via via, uint64_t *val);
int do_store(struct worker *w, unsigned long addr, enum via via, uint64_t val);
/* Errors by which a call may refuse for want of memory or of luck. */
bool err_transient(int err);

/* --- access by the kernel (via.c) ------------------------------------------- */

/* Does /proc/self/mem read what has no access? Asked of the kernel the first time. */
bool via_mem_forces(void);
/* What a worker needs for it: files, a pipe, a ring. 0 or -errno. */
int via_open(struct worker *w);
void via_close(struct worker *w);
/* As do_load() and do_store(). */
int via_load(struct worker *w, unsigned long addr, enum via via, uint64_t *val);
int via_store(struct worker *w, unsigned long addr, enum via via, uint64_t val);
/* The worker's ring, NULL: this kernel has none. */
struct io_uring *via_ring(struct worker *w);
/* A file of the worker's, for words on their way. */
int via_file(struct worker *w);

/* --- pages of the arena under concurrency (page.c) ------------------------- */

/* Check @slot of @page; any slot, any page. 0 or a transient -errno. */
int page_read(struct worker *w, unsigned int page, unsigned int slot, enum via via);
/*
 * The same in two halves, for whoever has several accesses under way: any
 * number of reads, but one write, of a worker at a time.
 */
struct page_try {
	unsigned int page;
	unsigned int slot;
	uint32_t flux;
	bool stable;
	bool stray;
	uint64_t word;
	uint64_t lo;
	uint64_t val;		/* to write */
	uint64_t seq;
};

void page_read_begin(struct worker *w, unsigned int page, unsigned int slot,
		     struct page_try *t);
/* The access ended in @ret, and read @val. */
int page_read_end(struct worker *w, struct page_try *t, enum via via, int ret, uint64_t val);
/* -EAGAIN: not writable, and there is nothing to end. */
int page_write_begin(struct worker *w, unsigned int page, struct page_try *t);
int page_write_end(struct worker *w, struct page_try *t, enum via via, int ret);
/* Advance the worker's own slot. -EAGAIN: not writable. */
int page_write(struct worker *w, unsigned int page, enum via via);
/* Access the probe word: must work just where the model says so. */
int page_probe(struct worker *w, unsigned int page, bool write, enum via via);
/* With the block locked: check a slot of content @word that is at @addr. */
int page_check_locked(struct worker *w, uint64_t word, unsigned long addr,
		      unsigned int slot, enum via via);
/*
 * With the blocks locked and nothing changing: write every page of @s, whose
 * memory is at @base (page_addr(s.first), or a lane).
 */
void page_fill_locked(struct worker *w, struct span s, unsigned long base);
/* Describe a wrong value and record the failure. */
void slot_fail(struct worker *w, uint64_t word, unsigned long addr, unsigned int slot,
	       uint64_t val, uint64_t lo, uint64_t hi, const char *how);

/* --- spans of the arena (arena.c) ----------------------------------------- */

int arena_init(struct round *r);
void lane_clear(struct worker *w);
unsigned int pick_slot(struct worker *w);		/* any that must hold something known */
unsigned int pick_page(struct worker *w);		/* any */
unsigned int pick_mapped(struct worker *w);		/* mapped, with luck */
struct span pick_block(struct worker *w);		/* one whole PMD */
struct span pick_mapped_block(struct worker *w);	/* ... with a mapped page */
struct span pick_part(struct worker *w);		/* part of one */
struct span pick_block_or_part(struct worker *w);
struct span pick_unaligned(struct worker *w);		/* across a PMD boundary */
struct span pick_multi(struct worker *w);		/* two or three whole */
/* The leading run of @s that is word_mapped() or so (at the start, locked); may be empty. */
struct span leading_run(struct worker *w, struct span s, bool (*is)(uint64_t word));
/*
 * model_lock() of @s, which becomes its leading run, 0 or -EAGAIN: it is empty and
 * nothing is locked. For model_unlock(): @blocks.
 */
int lock_run(struct worker *w, struct span *s, bool (*is)(uint64_t word), uint64_t *blocks);
/* The mapped run within one VMA. */
struct span vma_run(struct worker *w, struct span s);
/* After a failed call: make the model say what there is. */
void arena_resync(struct worker *w, struct span s);
/* With @s locked, and within flux: a fresh mapping. 0 or -errno. */
int arena_map(struct worker *w, struct span s, enum page_prot prot, int advice);

/* --- memory of one op's own, in the worker's lane (lane.c) ------------------- */

/*
 * Nobody else touches it, so all of it is known: each page holds a word of
 * (worker, @key, page) in two places; @key 0 stands for zeros.
 */
uint64_t lane_key(struct worker *w);
/* A fresh mapping at @page of the lane; NULL: errno says why. */
void *lane_map(struct worker *w, unsigned int page, unsigned int n, int prot, int flags, int fd);
/* 0 or -errno of the first access that failed */
int lane_fill(struct worker *w, void *at, unsigned int n, uint64_t key);
/* @n pages from number @first of what was filled. 0, -errno, -EUCLEAN: wrong, reported. */
int lane_check(struct worker *w, void *at, unsigned int first, unsigned int n, uint64_t key,
	       enum via via, const char *what);
/* Errors that an access to it may end in: for want of memory, or of luck */
bool lane_excused(struct worker *w, int ret);
/* What page number @page of key @key holds */
uint64_t lane_word(struct worker *w, uint64_t key, unsigned int page);

/* --- children (child.c) --------------------------------------------------- */

/* Touch the memory that forking uses, so that it does not grow later. */
void child_prepare(unsigned int nr_workers);
int child_fork(struct worker *w, struct span s);
void child_reap(struct worker *w, bool all);
/* In a child: mirrors and files of its own instead of the parent's. */
void child_reopen(struct worker *w);
/*
 * Run @fn in a child and wait for its end: its wait status, or -errno. It has
 * a copy of everything, and the caller's place in the eyes of the progress oracle. It
 * returns 0, or CHILD_NOTHING: there was nothing to do it on.
 */
#define CHILD_NOTHING	2
int child_run(struct worker *w, int (*fn)(struct worker *w, void *arg), void *arg);

/* --- worker and round (worker.c, round.c) ---------------------------------- */

/* The streams of the running op, or of what is none. */
void worker_streams(struct worker *w, uint64_t seed, uint64_t stream);
void worker_prepare(const struct round *r);
void *worker_main(void *arg);
/* The life of a round process; its exit status. */
int round_main(struct round *r, bool unmap);

/* --- programs (play.c) ------------------------------------------------------- */

/* Read them into @cfg; says on stderr what is wrong. */
int play_load(struct config *cfg, const char *path);
/* Make a scenario of each. */
int play_scenarios(struct config *cfg);
/*
 * Make @cfg, a copy of @base, what the @n-th program asks for. Returns why it
 * cannot run here, or NULL.
 */
const char *play_apply(struct config *cfg, const struct config *base, unsigned int n);
/* The head of the program that does what @r does. */
int play_head(const struct round *r, char *buf, size_t size);

/* --- oracles/ --------------------------------------------------------------- */

/* The supervisor's view of who is stuck, and since when. */
struct watch {
	struct {
		uint64_t seq;
		uint64_t since_ns;	/* 0: nothing under way */
		uint64_t faults;
		uint64_t dev_faults;
		uint64_t held_ns;	/* when all else was stopped for it */
		uint64_t held_faults;
		uint64_t held_dev_faults;
	} who[NR_PROGRESS];
};

void watch_init(struct watch *wt);
/* Look once; @dev_faults is the devices' count. True: a failure was recorded. */
bool watch_tick(struct watch *wt, const struct config *cfg, struct shared *sh,
		uint64_t dev_faults);

struct baseline {
	bool valid;
	uint64_t anon_thps, anon_kb, pte_kb, isolated, mlocked;
	uint64_t mthp[16];
};

/*
 * All processes of the round are gone: is everything back? The first call, before
 * any round, takes the baseline.
 */
void conserve_check(struct baseline *b, const struct config *cfg, struct shared *sh,
		    const struct hmmt_dev *dev);
void driver_check(const struct config *cfg, struct shared *sh, const struct hmmt_dev *dev);
/* Has a promise been broken? */
bool hmm_broken(const struct config *cfg, const struct hmmt_stats *before,
		const struct hmmt_stats *after);
void hmm_check(const struct config *cfg, struct shared *sh,
	       const struct hmmt_stats *before, const struct hmmt_stats *after);

/* --- the guest's knobs (guest.c) --------------------------------------------- */

#define GUEST_CGROUP	"/sys/fs/cgroup/torture"
#define KHUGEPAGED	"/sys/kernel/mm/transparent_hugepage/khugepaged/"
#define NUMA_BALANCING	"/proc/sys/kernel/numa_balancing"

void guest_setup(const struct config *cfg);
/* Take back what ops of the round before have set. */
void guest_reset(const struct config *cfg);
/* Let go of what is kept for nobody, before it is counted. */
void guest_settle(const struct config *cfg);

/* --- the driver goes and comes (module.c) ------------------------------------ */

/*
 * Unload the driver while a process has pages in it, which it must get back, and
 * load it again with the same parameters; @dev are closed and opened.
 */
void module_cycle(const struct config *cfg, struct shared *sh, struct hmmt_dev *dev);

/* --- perturbation of the kernel (perturb.c) ---------------------------------- */

/* "none", or names of sets; -errno, having said what is wrong. */
int perturb_parse(struct config *cfg, char *list);
/* From now on, on all devices. */
int perturb_start(const struct config *cfg, const struct hmmt_dev *dev);
/* Before the driver goes: its counts are added up. */
void perturb_stop(void);
/* This thread is to be caught in the kernel, once, as @draw says; by @seed, perhaps: was it? */
void perturb_catch(const struct worker *w, uint64_t draw);
bool perturb_catch_op(const struct worker *w, uint64_t seed);
void perturb_let_go(const struct worker *w);
/* Its part of the record; stops. */
void perturb_report(const struct config *cfg);

/* --- report (report.c) ------------------------------------------------------- */

struct scenario_result {
	unsigned int rounds;
	uint64_t ops;
	unsigned int failures;
	const char *skip;
	char why[512];		/* what @skip may point to */
};

void report_plan(const struct config *cfg);
void report_scenario(const struct config *cfg, unsigned int n,
		     const struct scenario_result *res, const struct shared *sh,
		     unsigned int first_failure);
void report_end(const struct config *cfg, const struct shared *sh,
		const struct scenario_result *res, uint64_t elapsed_ms,
		const struct hmmt_stats *before, const struct hmmt_stats *after);
void report_list(void);

/* The whole run; the program's exit status. */
int supervise(const struct config *cfg);

/* --- deliberate mistakes (bust.c) ------------------------------------------ */

/* Is the worker to make its mistake now? */
bool bust_due(struct worker *w);
/* Contents that have just arrived at @s. */
void bust_moved(struct worker *w, struct span s);
/* Is this the mistake to make? Counted if so: for ops that make it themselves. */
bool bust_now(struct worker *w, enum bust bust);
/*
 * Is the kernel's answer to the running op to be falsified, and is it this one of its
 * answers? Counted if so; the op puts a wrong one in its place.
 */
bool bust_answer(struct worker *w, const char *what);
/* @ret, or an error that no call gives, for the answer "errno" */
int bust_errno(struct worker *w, int ret);
/* As bust_answer(), for what the supervisor asks when a round is over: "round:WHAT". */
bool bust_round(const struct config *cfg, struct shared *sh, const char *what);
/* In a child: change what page at @addr holds of worker 0, who had @val there. */
void bust_child(struct worker *w, unsigned long addr, uint64_t val);
/* In the supervisor: before the check after a round. Returns a stray's pid. */
pid_t bust_supervisor(const struct config *cfg);

#endif
