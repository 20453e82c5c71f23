/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * User interface of the extended test_hmm driver.
 *
 * The node is /dev/hmm_dmirrorN. An open file mirrors the address space of the
 * process that opened it, for as long as the file is open: a child that wants
 * its own address space mirrored opens the node again.
 *
 * Numbers 0x00 to 0x09 are those of the tree's own test_hmm, with the same
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
 *   EBUSY   see HMMT_ACCESS
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
#define HMM_DMIRROR_READ_UNLOCKED	_IOWR('H', 0x09, struct hmm_dmirror_cmd)

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
 * refuses (hugetlb, VM_SPECIAL, DAX); ENODEV: no device @peer. @done says how
 * far the command came.
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
/* From the memory of device number @peer to this one, instead of from system memory */
#define HMMT_MIGRATE_PEER	(1U << 5)
/* Base page sources that fill a PMD get one compound destination: the kernel must refuse */
#define HMMT_MIGRATE_JOIN	(1U << 6)

struct hmmt_migrate {
	__u64 addr;		/* in: page aligned */
	__u64 len;		/* in: multiple of the page size, not 0 */
	__u32 flags;		/* in: HMMT_MIGRATE_* */
	__u32 peer;		/* in: with HMMT_MIGRATE_PEER, else 0 */
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
/*
 * By DMA, as a device does that can reach system memory only: what is in device memory,
 * also in this device's, comes back. EOPNOTSUPP: this kernel has no hmm_dma_map_pfn(),
 * or not all memory can be reached (dma_bits); EIO: it does not map.
 */
#define HMMT_ACCESS_DMA		(1U << 1)

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
 *
 * X(name, what it counts). New ones go to the end.
 */
#define HMMT_COUNTERS(X)							\
	/* migrations: folios of PMD size, and base pages */			\
	X(to_dev_thp, "THPs migrated to the device")				\
	X(to_dev_base, "base pages migrated to the device")			\
	X(to_sys_thp, "THPs migrated to system memory by ioctl")		\
	X(to_sys_base, "base pages migrated to system memory by ioctl")	\
	X(fault_thp, "THPs migrated to system memory by CPU fault")		\
	X(fault_base, "base pages migrated to system memory by CPU fault")	\
	X(evict_thp, "THPs evicted")						\
	X(evict_base, "base pages evicted")					\
	X(refused, "collected sources that the kernel did not migrate")	\
	X(split_dst, "THP sources given base page destinations")		\
	X(split_folio, "device folios split by the kernel")			\
	X(cpu_faults, "calls of migrate_to_ram")				\
	X(cpu_faults_failed, "... that did not bring the page back")		\
	X(dev_faults, "calls of hmm_range_fault")				\
	X(hmm_checked, "PMD-mapped pages whose pfn it told")			\
	X(hmm_wrong, "... that was not that of the address")			\
	X(hmm_write_checked, "pages asked for with HMM_PFN_REQ_WRITE")		\
	X(hmm_no_write, "... and given without HMM_PFN_WRITE")			\
	X(source_checked, "sources that migrate_vma_setup collected")		\
	X(source_wrong, "... neither a base page nor a whole THP")		\
	X(invalidations, "calls of the MMU notifier")				\
	X(nomem_dev, "allocations that found device memory exhausted")		\
	X(nomem_sys, "allocations that found system memory exhausted")		\
	X(failed_injected, "allocations failed on request")			\
	X(dev_alloc, "base pages of device memory handed out")			\
	X(dev_free, "base pages of device memory that came back")		\
	X(poison_checked, "free device pages whose poison was read")		\
	X(poison_wrong, "... and was not there")				\
	X(joined, "base pages given one compound destination")			\
	X(to_peer_thp, "THPs migrated from another device")			\
	X(to_peer_base, "base pages migrated from another device")		\
	X(pinned, "pages pinned")						\
	X(perturbed, "perturbation points that waited")			\
	X(uring_cmds, "commands by io_uring")					\
	X(uring_cancelled, "... cancelled")					\
	/* of all migrations by ioctl and fault, in ns: */			\
	X(time_setup, "ns in migrate_vma_setup")				\
	X(time_alloc, "ns to allocate destinations")				\
	X(time_copy, "ns to copy")						\
	X(time_pages, "ns in migrate_vma_pages")				\
	X(time_finalize, "ns in migrate_vma_finalize")			\
	X(held, "migrations held by HMMT_TUNE")				\
	X(held_killed, "... that a fatal signal met")				\
	X(source_alien, "collected sources of memory that was not selected")	\
	X(source_unused, "device pages left alone by evictions: without a charge") \
	X(unplugged, "chunks unplugged")					\
	X(unplug_busy, "... that did not get empty in time, and stayed")	\
	X(plugged, "chunks that came back")					\
	X(pagemaps_gone, "pagemaps whose last chunk was unplugged, with their struct pages") \
	X(hmm_no_page, "pages without a struct page told by hmm_range_fault")	\
	X(dma_mapped, "pages mapped for DMA")					\
	X(dma_wrong, "... to an address that is not that of the page")	\
	X(source_more, "collections that filled more slots than there were pages") \
	X(source_less, "... fewer")						\
	X(source_mapped, "collected sources that were still mapped")		\
	X(source_exclusive, "... still marked as of one process alone")	\
	X(hmm_alien, "private pages of another device told by hmm_range_fault") \
	X(hmm_row, "pfns of a PMD that are not in a row")		\
	X(flags_checked, "pages handed out whose flags were looked at")	\
	X(flags_left, "... and still had some of their last use")

struct hmmt_stats {
	/* present state, in base pages */
	__u64 pages_capacity;	/* what may ever be handed out, unplugged or not */
	__u64 pages_used;	/* handed out now */
	__u64 chunks_whole;	/* chunks handed out as one folio (or split since) */
	__u64 chunks_carved;	/* chunks partly handed out as base pages */
	__u64 mirrors;		/* open files */
	__u64 compound;		/* 1: the kernel migrates whole THPs, 0: it cannot */
#define HMMT_COUNTER_FIELD(name, what) __u64 name;
	HMMT_COUNTERS(HMMT_COUNTER_FIELD)
};

/* HMMT_COUNTERS(HMMT_COUNTER_NAME) is an array of their names, in order */
#define HMMT_COUNTER_NAME(name, what) #name,

/*
 * HMMT_CHECK: walk the driver's invariants, stop at the first violation, which
 * is returned as data: that is no error. @check is 0 when all hold. May be
 * called at any time; also done when the module is unloaded.
 *
 * X(name, what is wrong)
 */
#define HMMT_CHECKS(X)								\
	X(OK, "ok")								\
	X(CHUNK_COUNT, "free pages counted differ from bits set")		\
	X(CHUNK_LIST, "chunk on the wrong list for its state")			\
	X(FREE_REF, "free device page with a reference")			\
	X(USED, "pages in use differ from the sum over the chunks")		\
	X(FREE_MAPPED, "free device page with a mapping count")		\
	X(ORDER, "folio of an order that was never handed out")		\
	X(POISON, "freed device memory was written to")			\
	X(COUNTERS, "pages handed out less those that came back are not those in use") \
	X(PT_FREE, "device page table maps a free device page")		\
	X(PT_ENTRY, "device page table entry of PMD order is not aligned")	\
	X(USED_REF, "device page in use without a reference")			\
	X(UNPLUGGED, "unplugged chunk with a page in use")			\
	X(PLUGGED, "plugged chunks counted of a pagemap differ from those that are")

enum {
#define HMMT_CHECK_ENUM(name, what) HMMT_CHECK_##name,
	HMMT_CHECKS(HMMT_CHECK_ENUM)
	HMMT_NR_CHECKS
};

/* HMMT_CHECKS(HMMT_CHECK_TEXT) is an array of what is wrong, by HMMT_CHECK_* */
#define HMMT_CHECK_TEXT(name, what) what,

/* Nothing migrates or faults now: check also what is only true then */
#define HMMT_CHECK_QUIET	(1U << 0)
/*
 * Break invariant @which (HMMT_CHECK_*) for the time of this walk, to see that
 * it is noticed. Only when nothing else uses the device, which is why it takes
 * the module parameter bust, else EPERM. ENODATA: there is nothing to break,
 * such as a page in use.
 */
#define HMMT_CHECK_BUST(which)	((which) << 8)
#define HMMT_CHECK_BUST_MASK	0xff00U

struct hmmt_check {
	__u32 check;		/* out: HMMT_CHECK_* */
	__u32 flags;		/* in */
	__u64 pfn;		/* out: of the device page, or of its chunk */
	__u64 addr;		/* out: user address, where one is known */
	__u64 expected;		/* out */
	__u64 found;		/* out */
};

/*
 * HMMT_EVICT: bring what is in device memory back to system memory, whoever it
 * belongs to, without knowing where it is mapped. Pages that are busy stay.
 *
 * ALL    everything, chunk by chunk, by migrate_device_range()
 * CHUNK  the chunk that holds device page @pfn
 * RANGE  @nr pages from device page @pfn on, within one chunk
 * PFNS   the @nr device pages whose numbers are in the __u64 array @ptr, by
 *        migrate_device_pfns(); at most 512, none twice
 *
 * UNUSED  also pages without a memcg charge: not moved yet, or moved away a moment
 *         ago. The kernel does not survive it (docs/findings/evict-migrated.md).
 *
 * BASE    base page destinations only, also for THPs, which the kernel then has to
 *         leave where they are: there is no mapping to split them in
 *
 * EINVAL: a page number that is none of this device, or of an unplugged chunk;
 * EOPNOTSUPP: this kernel has no migrate_device_pfns().
 */
#define HMMT_EVICT_UNUSED	(1U << 0)
#define HMMT_EVICT_BASE		(1U << 1)

enum {
	HMMT_EVICT_ALL = 0,
	HMMT_EVICT_CHUNK,
	HMMT_EVICT_RANGE,
	HMMT_EVICT_PFNS,
};

struct hmmt_evict {
	__u32 mode;		/* in: HMMT_EVICT_ALL to _PFNS */
	__u32 flags;		/* in: HMMT_EVICT_* flags */
	__u64 pfn;		/* in: CHUNK, RANGE, else 0 */
	__u64 nr;		/* in: RANGE, PFNS, else 0 */
	__u64 ptr;		/* in: PFNS, else 0 */
	__u64 migrated;		/* out: pages */
	__u64 left;		/* out: pages still in device memory */
};

/*
 * HMMT_TUNE: how this open file behaves from now on; a field that is 0 means
 * the default. All of it ends with the file.
 *
 * @cpu_window: a CPU fault on device memory of the mirrored process brings back
 *     the naturally aligned window of this many bytes around it (within PMD
 *     and VMA). Default: the whole of what is mapped by a PMD, else a page.
 * @dev_window: a device fault asks hmm_range_fault() for what the access needs
 *     of one naturally aligned window of this many bytes. Default: of the PMD.
 * Each is 0, 4096, 65536 or 2097152 (EINVAL).
 * @hold, @hold_ms: the next migration or eviction by a command of this file, or by a
 *     CPU fault of the mirrored process, sleeps for @hold_ms (1 to 10000, EINVAL) at
 *     the point @hold, once; it holds the locks that it has there. So what may
 *     come in the middle of a migration can be made to.
 * @event: an eventfd that is signalled when it gets there; 0: none, and without @hold (EINVAL).
 *     The counter in HMMT_STATS is that of the device, whoever was held.
 */
enum {
	HMMT_HOLD_NONE = 0,
	HMMT_HOLD_COLLECTED,	/* sources are unmapped, no destinations yet */
	HMMT_HOLD_COPIED,	/* destinations are filled, nothing has moved */
	HMMT_HOLD_MOVED,	/* moved, but not mapped again */
	HMMT_HOLD_FAULTED,	/* of a CPU fault: its page is locked, and still mapped */
};

struct hmmt_tune {
	__u64 cpu_window;
	__u64 dev_window;
	__u32 flags;		/* in: 0 */
	__u32 event;		/* in: a file descriptor, or 0 */
	__u32 hold;		/* in: HMMT_HOLD_* */
	__u32 hold_ms;		/* in: 0 without @hold */
};

/*
 * HMMT_INJECT: make allocations fail, those of this open file's commands and
 * of CPU faults of the mirrored process. Replaces what was set before; @sites
 * 0 ends it. Of the allocations at @sites, counted together, the @nth from now
 * fails (1: the next one, 0: none), from then on each @interval-th after it (0:
 * none), and any with @probability in 65536, drawn from @seed; not more than
 * @times in all (0: no limit).
 * So "some of a PMD's base pages only" is sites = DEV_BASE | DEV_THP with
 * nth = 1, interval = 2 (the THP and every other page).
 */
#define HMMT_SITE_DEV_THP	(1U << 0)	/* PMD-sized device folio */
#define HMMT_SITE_DEV_BASE	(1U << 1)	/* device base page */
#define HMMT_SITE_SYS_THP	(1U << 2)	/* PMD-sized system folio */
#define HMMT_SITE_SYS_BASE	(1U << 3)	/* system base page */
#define HMMT_SITE_PT		(1U << 4)	/* device page table */
#define HMMT_SITE_ARRAY		(1U << 5)	/* arrays of a command */
#define HMMT_SITE_ALL		((1U << 6) - 1)

struct hmmt_inject {
	__u32 sites;		/* in: HMMT_SITE_* */
	__u32 probability;	/* in: 0 to 65536 */
	__u64 nth;		/* in */
	__u64 interval;		/* in */
	__u64 times;		/* in */
	__u64 seed;		/* in */
	__u64 seen;		/* out: allocations at the former @sites */
	__u64 failed;		/* out: ... that were made to fail */
};

/*
 * HMMT_CHECKSUM: the device reads [addr, addr + len) as HMMT_ACCESS does, and
 * hands out a checksum instead of the data: hmmt_checksum_step() over its
 * 8-byte words in order, from HMMT_CHECKSUM_INIT. With @ptr, one __u64 for each
 * page of the range is stored there as well, each from HMMT_CHECKSUM_INIT.
 */
#define HMMT_CHECKSUM_INIT	0xcbf29ce484222325ULL

static inline __u64 hmmt_checksum_step(__u64 sum, __u64 word)
{
	return (sum ^ word) * 0x100000001b3ULL;
}

struct hmmt_checksum {
	__u64 addr;		/* in: page aligned */
	__u64 len;		/* in: multiple of the page size, not 0 */
	__u64 ptr;		/* in: __u64 array, or 0 */
	__u32 flags;		/* in: 0 */
	__u32 reserved;
	__u64 done;		/* out: bytes gone through */
	__u64 faults;		/* out: calls of hmm_range_fault() */
	__u64 sum;		/* out: of the first @done bytes */
};

/*
 * HMMT_PIN: hold [addr, addr + len) by pin_user_pages_remote() until it is
 * released by the same command with HMMT_PIN_RELEASE and the same range, or
 * the file is closed. A range may be pinned several times. len = 0 with RELEASE:
 * all. What is in device memory comes back to be pinned; pinned pages cannot be
 * migrated.
 *
 * EFAULT: not mapped, or no permission; all of the range is pinned or nothing.
 * ENOENT: RELEASE of what is not pinned. E2BIG: more than 1 GiB by one file.
 * Other errors are those of the kernel (ENOMEM, EOPNOTSUPP for a LONGTERM pin
 * of a file mapping).
 */
#define HMMT_PIN_WRITE		(1U << 0)
#define HMMT_PIN_LONGTERM	(1U << 1)
#define HMMT_PIN_RELEASE	(1U << 2)

struct hmmt_pin {
	__u64 addr;		/* in: page aligned */
	__u64 len;		/* in: multiple of the page size */
	__u32 flags;		/* in: HMMT_PIN_* */
	__u32 reserved;
	__u64 done;		/* out: bytes pinned or released */
	__u64 held;		/* out: pages this file holds now */
};

/*
 * HMMT_PERTURB: widen the windows between the phases of migrations and device
 * faults of this device: up to @max PAUSE at a point, 0 for none, drawn from
 * @seed. Affects all users of the device.
 */
struct hmmt_perturb {
	__u32 max;		/* in: up to 1000000 */
	__u32 reserved;
	__u64 seed;		/* in */
	__u64 points;		/* out: points that waited, since load */
};

/*
 * HMMT_CALLS: wait at the entry of functions of the kernel, whoever calls them.
 *
 * SET  From now on wait in the @nr functions at @ptr and in no others; 0: in
 *      none. One of @one_in calls, drawn from @seed, waits for up to @pauses
 *      PAUSE. @error says of each function whether that can be done.
 * Without SET, which also wants @pauses and @seed 0: what became of the
 *      functions at @ptr, by their @addr, since they were set.
 *
 * There is one such setting for all devices; it ends when the module is unloaded.
 * Two functions of the same address are one function, set twice.
 * EOPNOTSUPP: the kernel has no CONFIG_DYNAMIC_FTRACE.
 */
#define HMMT_CALLS_SET	(1U << 0)
#define HMMT_CALLS_MAX	256

struct hmmt_call {
	__u64 addr;		/* in: where it starts, as in /proc/kallsyms */
	__u32 one_in;		/* SET: in, not 0; else out */
	__s32 error;		/* in: 0 if SET; out: EINVAL: cannot be traced; ENOENT: not set */
	__u64 calls;		/* out: so often it was called */
	__u64 waited;		/* out: ... and waited */
};

struct hmmt_calls {
	__u64 ptr;		/* in: array of struct hmmt_call */
	__u32 nr;		/* in: its elements, up to 256 */
	__u32 flags;		/* in: HMMT_CALLS_* */
	__u32 pauses;		/* in: 1 to 1000000 if SET and @nr is not 0, else 0 */
	__u32 reserved;
	__u64 seed;		/* in */
};

/*
 * HMMT_CATCH: the calling thread waits once, by PAUSE, at its @nth call of a function that
 * HMMT_CALLS has set, for @us of the kernel's clock, with all that it holds there. @nth 0: not
 * any more. Of those that are to be caught the driver remembers 32; another one takes the place of
 * the first. EOPNOTSUPP: the kernel has no CONFIG_DYNAMIC_FTRACE.
 */
struct hmmt_catch {
	__u32 nth;		/* in: 0 to 1000000 */
	__u32 us;		/* in: 1 to 100000, 0 if @nth is 0 */
	__u64 caught;		/* out: threads that waited so, since load */
};

/*
 * HMMT_UNPLUG: take a chunk of device memory away, whoever has pages of it: from now on
 * nothing is allocated there, and what is there goes back to system memory. What is busy is
 * tried again for @timeout_ms, and at least once. With the last chunk of a pagemap
 * its struct pages go.
 *
 * PLUG  bring the chunk back, empty.
 *
 * A chunk that did not get empty (EBUSY, EINTR, ENOMEM) is in use again with the @left pages
 * that are in it; what had moved stays where it is. These commands of a device take
 * turns, also with HMMT_EVICT.
 *
 * ENXIO: no such chunk. EALREADY: it is unplugged; with PLUG: it is not. EBUSY: pages that are
 * pinned, or collected by a migration, or for which there is no system memory. ENOMEM:
 * with PLUG, none for the struct pages.
 */
#define HMMT_UNPLUG_PLUG	(1U << 0)

struct hmmt_unplug {
	__u32 chunk;		/* in: from 0 to @pages_capacity / 512 - 1 */
	__u32 flags;		/* in: HMMT_UNPLUG_* */
	__u32 timeout_ms;	/* in: up to 10000; 0 with PLUG */
	__u32 reserved;
	__u64 pfn;		/* out: of its first device page */
	__u64 migrated;		/* out: pages brought back to system memory */
	__u64 left;		/* out: pages still in it */
};

/*
 * HMMT_API: call the kernel's interface for drivers as this driver does not: with
 * arguments that have to be refused, for other kinds of device memory. Row @which of
 * a table; ENODATA: it has no more. Without RUN what there is to say before.
 *
 * EPERM: RUN wants the module parameter bust; EOPNOTSUPP: not on this kernel.
 */
#define HMMT_API_RUN	(1U << 0)

#define HMMT_API_WARNS	1	/* a WARN, as at many a mistake of a driver */
#define HMMT_API_KILLS	2	/* stock kernels do not survive it */

struct hmmt_api {
	__u32 which;		/* in */
	__u32 flags;		/* in: HMMT_API_RUN */
	__u64 addr;		/* in: page of private anonymous memory; behind it an empty one */
	__s32 expected;		/* out: 0 or -errno */
	__s32 error;		/* out with RUN; -ENODATA: it takes memory set aside (api_addr) */
	__u32 effect;		/* out: HMMT_API_WARNS or _KILLS, beside the answer, or 0 */
	char name[36];		/* out */
};

/*
 * mmap() of the node, shared: at offset 0 ordinary pages, as those of the tree's own
 * driver; at this one memory without struct pages, which the device cannot have. It is
 * mapped by PUD or PMD where the range is large enough and aligned as well. There is
 * nothing behind it: what a CPU reads is undefined.
 */
#define HMMT_MMAP_RAW	(1ULL << 40)

#define HMMT_MIGRATE	_IOWR('H', 0x40, struct hmmt_migrate)
#define HMMT_ACCESS	_IOWR('H', 0x41, struct hmmt_access)
#define HMMT_SNAPSHOT	_IOWR('H', 0x42, struct hmmt_snapshot)
#define HMMT_STATS	_IOR('H', 0x43, struct hmmt_stats)
#define HMMT_CHECK	_IOWR('H', 0x44, struct hmmt_check)
#define HMMT_EVICT	_IOWR('H', 0x45, struct hmmt_evict)
#define HMMT_TUNE	_IOWR('H', 0x46, struct hmmt_tune)
#define HMMT_INJECT	_IOWR('H', 0x47, struct hmmt_inject)
#define HMMT_CHECKSUM	_IOWR('H', 0x48, struct hmmt_checksum)
#define HMMT_PIN	_IOWR('H', 0x49, struct hmmt_pin)
#define HMMT_PERTURB	_IOWR('H', 0x4a, struct hmmt_perturb)
#define HMMT_CALLS	_IOWR('H', 0x4b, struct hmmt_calls)
#define HMMT_UNPLUG	_IOWR('H', 0x4c, struct hmmt_unplug)
#define HMMT_API	_IOWR('H', 0x4d, struct hmmt_api)
#define HMMT_CATCH	_IOWR('H', 0x4e, struct hmmt_catch)

/*
 * io_uring: HMMT_MIGRATE, HMMT_ACCESS and HMMT_CHECKSUM are also commands of
 * IORING_OP_URING_CMD, with the ioctl number as cmd_op and this in the
 * command area of the SQE. Several may be in flight; they run concurrently,
 * in no order. The result is 0 or a negative errno; the struct at @arg is read when
 * the command begins, and its out fields are written, before the completion.
 * Closing the ring, and the end of the process, cancel: ECANCELED, @done says how
 * far the command came. The ring must belong to the
 * mirrored process: EPERM.
 */
struct hmmt_uring {
	__u64 arg;		/* in: the struct of the command */
	__u64 reserved;
};

#endif /* _TEST_HMM_UAPI_H */
