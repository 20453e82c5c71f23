/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Journal and live counters: a file of the host that the guest sees as a PCI
 * BAR. The host may read it at any time, also after the guest's crash; whatever
 * the guest stored is in it. Little endian; both sides are x86-64.
 */
#ifndef HMMT_JOURNAL_H
#define HMMT_JOURNAL_H

#include <linux/types.h>

#define HMMT_JOURNAL_MAGIC	0x31304c4e524a4d48ULL
#define HMMT_JOURNAL_VERSION	2
#define HMMT_JOURNAL_HEADER	4096
#define HMMT_JOURNAL_SIZE	(16UL << 20)

/*
 * A round as a program: its text up to the ops, which are the records from
 * @first on, those with an op number below HMMT_JOURNAL_TRACE.
 */
struct hmmt_journal_program {
	__u64 first;
	__u64 end;		/* behind its last record; 0: it is not over */
	char head[1008];	/* NUL terminated, empty: there is none */
};

/* At offset 0; HMMT_JOURNAL_HEADER bytes are reserved for it. */
struct hmmt_journal_header {
	__u64 magic;		/* stored last by the guest: the rest is valid */
	__u32 version;
	__u32 header_size;	/* HMMT_JOURNAL_HEADER */
	__u32 record_size;	/* sizeof(struct hmmt_journal_record) */
	__u32 nr_records;	/* ring size */
	__u64 records_off;	/* byte offset of record 0 */
	__u64 names_off;	/* NUL separated op names in op number order, ends in "" */
	__u64 next;		/* atomic: records ever reserved; record i is at i % nr_records */

	/* Live counters, each stored atomically by the guest. */
	__u64 heartbeat;	/* advanced once a guest second or more often */
	__u64 elapsed_ms;	/* guest time of the run so far */
	__u64 total_ms;		/* guest time planned */
	__u64 ops;
	__u64 thp_migrations;
	__u64 base_migrations;
	__u64 cpu_faults;
	__u64 dev_faults;
	__u64 splits;
	__u64 checks;
	__u64 failures;
	char phase[64];		/* text, NUL terminated, e.g. "storm round 3" */

	struct hmmt_journal_program now;	/* the last round */
	struct hmmt_journal_program failed;	/* the first that something was wrong with */
};

/*
 * Op numbers from here on are what --trace adds: draws and calls of the op
 * that the same worker runs, in the order in which they were made.
 */
#define HMMT_JOURNAL_TRACE	0xff00

/*
 * The arguments are in order in arg, the result is in ret. HMMT_TRACE_##name + HMMT_JOURNAL_TRACE
 * is the op number. Lengths are bytes.
 */
#define HMMT_TRACES(X)							\
	X(DRAW) /* value, range */					\
	X(LOAD) /* address, value */					\
	X(STORE) /* address, value */					\
	X(EXPECT) /* of the load before it: lowest, highest value */	\
	X(MMAP) /* address, length, prot, flags */			\
	X(MUNMAP) /* address, length */					\
	X(MREMAP) /* from, length, new length, to; flags in seed */	\
	X(MPROTECT) /* address, length, prot */				\
	X(MADVISE) /* address, length, advice */			\
	X(FORK)								\
	X(EXIT)								\
	X(WAIT) /* pid */						\
	X(MIGRATE) /* address, length, flags, device */			\
	X(ACCESS) /* address, value, flags, device */			\
	X(SNAPSHOT) /* address, length, 0, device */			\
	X(EVICT) /* 0, 0, 0, device */					\
	X(COMMAND) /* ioctl number, 0, 0, device */

#define HMMT_TRACE_ENUM(name)	HMMT_TRACE_##name,
#define HMMT_TRACE_NAME(name)	#name,
enum hmmt_trace { HMMT_TRACES(HMMT_TRACE_ENUM) HMMT_NR_TRACES };

struct hmmt_journal_record {
	__u64 seq;		/* index + 1, stored last: 0 or stale is not complete */
	__u64 time_ns;		/* guest CLOCK_MONOTONIC at the start of the op */
	__u16 op;
	__u16 worker;
	__u32 pid;
	__u64 seed;		/* of the op's draws */
	__u64 arg[4];
	__s64 ret;		/* INT64_MIN while the op runs */
};

#endif /* HMMT_JOURNAL_H */
