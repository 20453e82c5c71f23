/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * User interface of the extended test_hmm driver.
 *
 * The node is /dev/hmm_dmirrorN. An open file mirrors the address space of the
 * process that opened it, for as long as the file is open: a child that wants
 * its own address space mirrored opens the node again.
 *
 * Numbers 0x00 to 0x08 are those of the tree's own test_hmm, with the same
 * struct and the same meaning. Ours start at 0x40, one struct each.
 * Every struct may grow at its end: a larger struct with zeros behind what the
 * driver knows is accepted, non-zero bytes there get E2BIG; a shorter one than
 * the first published version gets EINVAL. Reserved fields must be 0 (EINVAL).
 * All lengths and addresses are in bytes unless a comment says pages.
 *
 * Errors that every command can give:
 *   EFAULT  the struct or a buffer it points to is not accessible, or the
 *           range cannot be faulted in (no mapping, or no permission)
 *   EINVAL  misaligned or empty or wrapping range, unknown flag, reserved != 0
 *   ENOTTY  no such command
 *   ESRCH   the mirrored address space is gone
 *   ENOMEM  the driver could not allocate
 *   EINTR   a fatal signal is pending
 */
#ifndef _TEST_HMM_UAPI_H
#define _TEST_HMM_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* --- the stock commands ------------------------------------------------- */

/*
 * @addr:   in, user address, page aligned
 * @ptr:    in, user buffer for the data (READ, WRITE, MIGRATE_TO_DEV,
 *          EXCLUSIVE) or for one HMM_DMIRROR_PROT_* byte a page (SNAPSHOT)
 * @npages: in, size of the range in pages; for FLAGS: the flags
 * @cpages: out, pages copied or migrated
 * @faults: out, device page faults taken
 */
struct hmm_dmirror_cmd {
	__u64 addr;
	__u64 ptr;
	__u64 npages;
	__u64 cpages;
	__u64 faults;
};

#define HMM_DMIRROR_READ		_IOWR('H', 0x00, struct hmm_dmirror_cmd)
#define HMM_DMIRROR_WRITE		_IOWR('H', 0x01, struct hmm_dmirror_cmd)
#define HMM_DMIRROR_MIGRATE_TO_DEV	_IOWR('H', 0x02, struct hmm_dmirror_cmd)
#define HMM_DMIRROR_MIGRATE_TO_SYS	_IOWR('H', 0x03, struct hmm_dmirror_cmd)
#define HMM_DMIRROR_SNAPSHOT		_IOWR('H', 0x04, struct hmm_dmirror_cmd)
#define HMM_DMIRROR_EXCLUSIVE		_IOWR('H', 0x05, struct hmm_dmirror_cmd)
#define HMM_DMIRROR_CHECK_EXCLUSIVE	_IOWR('H', 0x06, struct hmm_dmirror_cmd)
#define HMM_DMIRROR_RELEASE		_IOWR('H', 0x07, struct hmm_dmirror_cmd)
#define HMM_DMIRROR_FLAGS		_IOWR('H', 0x08, struct hmm_dmirror_cmd)

/* FLAGS: the next allocation of a migration destination fails, once */
#define HMM_DMIRROR_FLAG_FAIL_ALLOC	(1ULL << 0)

/* What SNAPSHOT says of a page: one kind, or-ed with READ or WRITE and a size */
enum {
	HMM_DMIRROR_PROT_NONE			= 0x00,	/* not mapped */
	HMM_DMIRROR_PROT_READ			= 0x01,
	HMM_DMIRROR_PROT_WRITE			= 0x02,
	HMM_DMIRROR_PROT_PMD			= 0x04,	/* mapped by a PMD */
	HMM_DMIRROR_PROT_PUD			= 0x08,	/* mapped by a PUD */
	HMM_DMIRROR_PROT_ZERO			= 0x10,	/* the zero page */
	HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL	= 0x20,	/* in this device */
	HMM_DMIRROR_PROT_DEV_PRIVATE_REMOTE	= 0x30,	/* in another device */
	HMM_DMIRROR_PROT_DEV_COHERENT_LOCAL	= 0x40,
	HMM_DMIRROR_PROT_DEV_COHERENT_REMOTE	= 0x50,
	HMM_DMIRROR_PROT_ERROR			= 0xff,	/* no access possible */
};

/* --- our commands ------------------------------------------------------- */

/*
 * HMMT_MIGRATE: migrate [addr, addr + len) to the device or back.
 *
 * The range may span several VMAs; each is migrated by itself, in steps that
 * do not cross a PMD. Pages that cannot be migrated now stay where they are:
 * that is no error, compare @migrated with what was asked for. Running out of
 * device memory is no error either.
 *
 * EFAULT: a part of the range is not mapped; EINVAL: a VMA that the kernel
 * refuses (hugetlb, VM_SPECIAL, DAX). @done says how far the command came.
 */
#define HMMT_MIGRATE_TO_SYS	(1U << 0)	/* else to the device */
#define HMMT_MIGRATE_BASE	(1U << 1)	/* without MIGRATE_VMA_SELECT_COMPOUND */
#define HMMT_MIGRATE_SPLIT	(1U << 2)	/* compound source, base page destinations */
#define HMMT_MIGRATE_DROP	(1U << 3)	/* collect, then give no destination */
/*
 * When device memory runs out in the middle of a PMD-sized hole, fill what can
 * be filled. Off by default since stock kernels oops on it.
 */
#define HMMT_MIGRATE_PARTIAL_HOLE	(1U << 4)

struct hmmt_migrate {
	__u64 addr;		/* in: page aligned */
	__u64 len;		/* in: multiple of the page size, not 0 */
	__u32 flags;		/* in: HMMT_MIGRATE_* */
	__u32 reserved;
	__u64 done;		/* out: bytes gone through */
	__u64 collected;	/* out: pages that were unmapped for migration */
	__u64 migrated;		/* out: pages that are at the destination now */
	__u64 thp;		/* out: PMD-sized folios migrated whole */
	__u64 split;		/* out: PMD-sized sources migrated as base pages */
	__u64 nomem;		/* out: destinations that could not be allocated */
};

/*
 * HMMT_ACCESS: the device reads from or writes to [addr, addr + len) of the
 * mirrored address space, @ptr being the caller's buffer. Aligned 8-byte words
 * are moved by one load and one store each, so that a word is never torn.
 * Pages are faulted in as a device would, through hmm_range_fault(); those in
 * this device's memory stay there.
 *
 * EBUSY: the device did not get through in 10 s, although its faults kept
 * succeeding: a livelock. EFAULT, EPERM: no mapping, or no permission.
 */
#define HMMT_ACCESS_WRITE	(1U << 0)

struct hmmt_access {
	__u64 addr;		/* in: multiple of 8 */
	__u64 ptr;		/* in */
	__u64 len;		/* in: multiple of 8, not 0 */
	__u32 flags;		/* in: HMMT_ACCESS_* */
	__u32 reserved;
	__u64 done;		/* out: bytes moved */
	__u64 faults;		/* out: calls of hmm_range_fault() */
};

/*
 * HMMT_SNAPSHOT: what is mapped where, without faulting anything in.
 * One __u16 a page: HMM_DMIRROR_PROT_* in bits 0-7, the order of the CPU
 * mapping in bits 8-15.
 */
#define HMMT_SNAP_PROT(s)	((s) & 0xff)
#define HMMT_SNAP_ORDER(s)	((s) >> 8)

struct hmmt_snapshot {
	__u64 addr;		/* in: page aligned */
	__u64 len;		/* in: multiple of the page size, not 0 */
	__u64 ptr;		/* in: __u16 array */
	__u32 flags;		/* in: 0 */
	__u32 reserved;
	__u64 done;		/* out: bytes gone through */
};

/*
 * HMMT_STATS: counters of the device, since the module was loaded, and its
 * present state. Present state is exact when nothing migrates meanwhile.
 */
struct hmmt_stats {
	/* present state, in base pages */
	__u64 pages_capacity;	/* what may ever be handed out */
	__u64 pages_used;	/* handed out now */
	__u64 chunks_whole;	/* chunks handed out as one folio (or split since) */
	__u64 chunks_carved;	/* chunks partly handed out as base pages */
	__u64 mirrors;		/* open files */
	/* migrations: folios of PMD size, and base pages */
	__u64 to_dev_thp;
	__u64 to_dev_base;
	__u64 to_sys_thp;	/* by ioctl */
	__u64 to_sys_base;
	__u64 fault_thp;	/* by CPU fault */
	__u64 fault_base;
	__u64 evict_thp;	/* by eviction */
	__u64 evict_base;
	__u64 refused;		/* collected pages that the kernel would not migrate */
	__u64 split_dst;	/* THP sources given base page destinations */
	__u64 split_folio;	/* device folios split by the kernel */
	__u64 cpu_faults;	/* calls of migrate_to_ram */
	__u64 cpu_faults_failed;	/* ... that did not bring the page back */
	__u64 dev_faults;	/* calls of hmm_range_fault */
	__u64 hmm_checked;	/* PMD-mapped pages whose pfn it told us */
	__u64 hmm_wrong;	/* ... that was not that of the address */
	__u64 hmm_write_checked;	/* pages asked for with HMM_PFN_REQ_WRITE */
	__u64 hmm_no_write;	/* ... and given without HMM_PFN_WRITE */
	__u64 source_checked;	/* sources that migrate_vma_setup() collected */
	__u64 source_wrong;	/* ... neither a base page nor a whole THP */
	__u64 invalidations;	/* calls of the MMU notifier */
	__u64 nomem_dev;	/* device memory exhausted */
	__u64 nomem_sys;	/* system memory exhausted */
	__u64 failed_injected;	/* allocations failed on request */
};

/*
 * HMMT_CHECK: walk the driver's invariants, stop at the first violation.
 * May be called at any time. @check is 0 when all hold.
 */
enum {
	HMMT_CHECK_OK = 0,
	HMMT_CHECK_CHUNK_COUNT,	/* free pages counted != bits set */
	HMMT_CHECK_CHUNK_LIST,	/* chunk on the wrong list for its state */
	HMMT_CHECK_FREE_REF,	/* free page with a reference */
	HMMT_CHECK_USED,	/* pages_used != sum over the chunks */
};

struct hmmt_check {
	__u32 check;		/* out: HMMT_CHECK_* */
	__u32 reserved;
	__u64 pfn;		/* out */
	__u64 expected;		/* out */
	__u64 found;		/* out */
};

/*
 * HMMT_EVICT: bring everything that is in device memory back to system memory,
 * whoever it belongs to, by migrate_device_range(). Pages that are busy stay.
 */
struct hmmt_evict {
	__u32 flags;		/* in: 0 */
	__u32 reserved;
	__u64 migrated;		/* out: pages */
	__u64 left;		/* out: pages still in device memory */
};

#define HMMT_MIGRATE	_IOWR('H', 0x40, struct hmmt_migrate)
#define HMMT_ACCESS	_IOWR('H', 0x41, struct hmmt_access)
#define HMMT_SNAPSHOT	_IOWR('H', 0x42, struct hmmt_snapshot)
#define HMMT_STATS	_IOR('H', 0x43, struct hmmt_stats)
#define HMMT_CHECK	_IOWR('H', 0x44, struct hmmt_check)
#define HMMT_EVICT	_IOWR('H', 0x45, struct hmmt_evict)

#endif /* _TEST_HMM_UAPI_H */
