/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hmm-fuzz: random and mutated commands on two devices by processes of several
 * threads that close, fork, unmap and die meanwhile.
 *
 *   fuzz.c		supervisor, what must be true at the end
 *   fuzz-worker.c	processes and threads, all that is not a command
 *   fuzz-command.c	commands: table, plausible fields, errnos
 *   fuzz-mutate.c	commands: mutations
 */
#ifndef _FUZZ_H
#define _FUZZ_H

#include <liburing.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "hmmt.h"

#define FUZZ_KINDS	28	/* rows of the table, and the calls beside it */
#define FUZZ_ERRNOS	160
#define FUZZ_WORKERS	4
#define FUZZ_THREADS	3
#define FUZZ_FDS	6
#define FUZZ_FDS_TAKEN	64	/* others take files from below this number */
#define FUZZ_ARG_MAX	512
#define FUZZ_BUF_SIZE	HMMT_PMD_SIZE
#define FUZZ_IO_SIZE	65536UL
#define FUZZ_CALM_PAGES	(HMMT_PMD_PAGES + 64)

/*
 * What is not done on a kernel that is known not to survive it, by the name of
 * the finding (docs/findings), as configs/known has it.
 */
enum {
	AVOID_JOIN		= 1 << 0,
	AVOID_PARTIAL_HOLE	= 1 << 1,
	AVOID_FAULT_PART	= 1 << 2,
	AVOID_SHARED_THP	= 1 << 3,	/* split-shared, zap-migration */
	AVOID_PTE_THP		= 1 << 4,	/* collect-split-race */
	AVOID_ZAP_THP		= 1 << 5,	/* zap-migration */
	AVOID_HUGETLB_HOLE	= 1 << 6,
	AVOID_EVICT_UNMAP	= 1 << 7,
	AVOID_FAULT_STALE	= 1 << 8,
	AVOID_EVICT_UNUSED	= 1 << 9,	/* evict-migrated */
};

/* Shared by all processes */
struct fuzz_shared {
	atomic_uint	count[FUZZ_KINDS][FUZZ_ERRNOS];
	atomic_ulong	beats[FUZZ_WORKERS];
	/* what each thread is in: kind + 1, and since when; 0: nothing */
	atomic_uint	in[FUZZ_WORKERS][FUZZ_THREADS];
	_Atomic uint64_t since[FUZZ_WORKERS][FUZZ_THREADS];
	atomic_int	pid[FUZZ_WORKERS];
	/* where evictions may not meet all else, there are times without them */
	atomic_bool	no_thp, no_evict, no_unmap;
	atomic_uint	faults, forks, passed, lives, execs, calm_checked;
	atomic_uint	violations;
	char		violation[8][160];
	_Atomic uint32_t absent;	/* kinds that this kernel does not have */
};

struct fuzz {
	struct fuzz_shared *sh;
	uint64_t	seed;
	unsigned int	avoid;
};

extern struct fuzz fuzz;
extern char fuzz_everybodys[HMMT_PAGE_SIZE];
extern int fuzz_event;	/* eventfd */

enum area_type { AREA_THP, AREA_BASE, AREA_SHMEM, AREA_DEVICE, AREA_HUGETLB, AREA_CALM, NR_AREAS };

struct area {
	unsigned long	addr;
	unsigned long	pages;		/* 0: there is none here */
};

struct proc {
	unsigned int	slot;
	uint64_t	life;
	int		pagemap;	/* out of the others' reach */
	atomic_int	fds[FUZZ_FDS];
	atomic_bool	stop;
	struct area	area[NR_AREAS];
};

struct thread {
	struct proc	*proc;
	unsigned int	nr;
	struct hmmt_rng	rng;
	char		*buf;		/* FUZZ_BUF_SIZE, then nothing is mapped */
	char		*arg;		/* a page, then one that is read-only */
	struct io_uring	ring;
	bool		ring_ok;
	unsigned int	in_flight;
	bool		child;		/* of fork(): the addresses are the parent's */
};

/* A command as it will be asked for */
union arg {
	struct hmm_dmirror_cmd	cmd;
	struct hmmt_migrate	migrate;
	struct hmmt_access	access;
	struct hmmt_api		api;
	struct hmmt_catch	catch;
	struct hmmt_snapshot	snapshot;
	struct hmmt_stats	stats;
	struct hmmt_check	check;
	struct hmmt_evict	evict;
	struct hmmt_tune	tune;
	struct hmmt_inject	inject;
	struct hmmt_checksum	checksum;
	struct hmmt_pin		pin;
	struct hmmt_perturb	perturb;
	struct hmmt_calls	calls;
	struct hmmt_unplug	unplug;
	char			bytes[FUZZ_ARG_MAX];
};

struct request {
	unsigned int	cmd;
	int		fd;
	unsigned long	ptr;		/* of the struct */
	bool		own;		/* ptr is where the thread keeps it */
	union arg	arg;
};

static inline bool chance(struct thread *t, unsigned int num, unsigned int den)
{
	return hmmt_rng_chance(&t->rng, num, den);
}

static inline uint64_t below(struct thread *t, uint64_t n)
{
	return hmmt_rng_below(&t->rng, n);
}

void violation(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* fuzz-command.c */
unsigned int fuzz_nr_kinds(void);
const char *fuzz_kind_name(unsigned int kind);
bool fuzz_kind_must_fail(unsigned int kind);
const char *fuzz_errno_name(int err);
/* @in as in fuzz_shared: is that an eviction? */
bool fuzz_in_eviction(unsigned int in);
void fuzz_command(struct thread *t);
void fuzz_uring(struct thread *t);
void fuzz_list(void);
/* A call that is no ioctl: counted, and its errno judged, as if it were */
void fuzz_call_result(struct thread *t, const char *name, int err);

/* fuzz-mutate.c */
unsigned long fuzz_bad_address(struct thread *t);
void fuzz_mutate(struct thread *t, struct request *r);
/* What must not be asked for, however it came about */
void fuzz_sanitize(struct thread *t, struct request *r);

/* fuzz-worker.c */
void fuzz_worker(unsigned int slot, uint64_t life) __attribute__((noreturn));
int fuzz_fd(struct thread *t);
unsigned long fuzz_range(struct thread *t, bool writes, bool whole, unsigned long *len);
/* A store by the CPU; false: SIGSEGV or SIGBUS */
bool fuzz_poke(unsigned long addr, const void *data, size_t len);

#endif /* _FUZZ_H */
