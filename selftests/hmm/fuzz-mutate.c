// SPDX-License-Identifier: GPL-2.0
/* Commands: how they are broken, and what must not be asked for. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "fuzz.h"

#define ANY		(~0UL)
#define KERNEL_ADDR	0xffff888000000000UL

unsigned long fuzz_bad_address(struct thread *t)
{
	switch (below(t, 8)) {
	case 0:
		return 0;
	case 1:
		return 16;
	case 2:
		return KERNEL_ADDR + (below(t, 1 << 20) << HMMT_PAGE_SHIFT);
	case 3:
		return 1UL << 63;		/* not canonical */
	case 4:
		return ANY & ~(HMMT_PAGE_SIZE - 1);
	case 5:
		return (uintptr_t)t->buf + FUZZ_BUF_SIZE;	/* not mapped */
	case 6:
		return (uintptr_t)t->arg + HMMT_PAGE_SIZE;	/* read-only */
	default:
		return 0x300000000000UL;	/* not mapped */
	}
}

/* A number that programs get wrong */
static uint64_t odd_number(struct thread *t)
{
	static const uint64_t odd[] = {
		0, 1, 7, 8, 0xfff, 0x1000, 0x1001, 0x1fffff, 0x200000, 0x7fffffff,
		0x80000000, 0xffffffff, 1ULL << 46, 1ULL << 47, (1ULL << 47) - 0x1000,
		1ULL << 52, 1ULL << 63, ANY - 0xfff, ANY,
	};

	if (chance(t, 1, 3))
		return fuzz_bad_address(t);
	return odd[below(t, sizeof(odd) / sizeof(odd[0]))];
}

static void mutate_number(struct thread *t, struct request *r)
{
	static const char types[] = { 'G', 'I', 'h', 'H' };
	unsigned int dir = _IOC_DIR(r->cmd), nr = _IOC_NR(r->cmd), size = _IOC_SIZE(r->cmd);
	unsigned int type = 'H';

	switch (below(t, 4)) {
	case 0:
		size = chance(t, 1, 2) ? size + 8 * (below(t, 5) - 2) : below(t, FUZZ_ARG_MAX);
		size &= _IOC_SIZEMASK;
		break;
	case 1:
		nr = below(t, 256);
		break;
	case 2:
		dir = below(t, 4);
		break;
	case 3:
		type = types[below(t, 4)];
		break;
	}
	r->cmd = _IOC(dir, type, nr, size);
}

static void mutate_pointer(struct thread *t, struct request *r)
{
	const struct area *base = &t->proc->area[AREA_BASE];

	r->own = false;
	switch (below(t, 4)) {
	case 0:
		/* into memory that migrates, a page for each thread */
		r->ptr = base->addr + (base->pages - 1 - t->nr) * HMMT_PAGE_SIZE;
		break;
	case 1:
		/* its end cannot be written */
		r->ptr = (uintptr_t)t->arg + HMMT_PAGE_SIZE - 8 * (1 + below(t, 4));
		break;
	default:
		r->ptr = fuzz_bad_address(t);
	}
}

void fuzz_mutate(struct thread *t, struct request *r)
{
	size_t size = _IOC_SIZE(r->cmd), off;

	switch (below(t, 8)) {
	case 0:
		mutate_number(t, r);
		break;
	case 1:
		mutate_pointer(t, r);
		break;
	case 2:
		r->fd = chance(t, 1, 2) ? -1 : (int)below(t, 40);
		break;
	case 3:
		/* a larger struct, with something behind the end or nothing */
		r->arg.bytes[size + below(t, 64)] = chance(t, 1, 2);
		r->cmd = _IOC(_IOC_DIR(r->cmd), 'H', _IOC_NR(r->cmd), size + 64);
		break;
	case 4:
		off = below(t, size);
		r->arg.bytes[off] ^= 1 << below(t, 8);
		break;
	default:
		off = below(t, size / 4) * 4;
		if (chance(t, 1, 3)) {
			uint32_t v = odd_number(t);

			memcpy(r->arg.bytes + off, &v, sizeof(v));
		} else {
			uint64_t v = odd_number(t);

			memcpy(r->arg.bytes + (off & ~7UL), &v, sizeof(v));
		}
	}
}

/* Where a device write to it, or data of a read, would break this program */
static bool is_ours(struct thread *t, uint64_t addr)
{
	const struct area *calm = &t->proc->area[AREA_CALM];

	return (addr >= HMMT_PAGE_SIZE && addr < 0x200000000000UL) ||
	       addr - calm->addr + HMMT_PMD_SIZE <
	       (calm->pages + HMMT_PMD_PAGES) * HMMT_PAGE_SIZE;
}

static void keep_off(struct thread *t, __u64 *addr)
{
	if (is_ours(t, *addr))
		*addr = 16;
}

static bool in_thp(struct thread *t, uint64_t addr, uint64_t len)
{
	const struct area *thp = &t->proc->area[AREA_THP], *calm = &t->proc->area[AREA_CALM];

	return (addr < thp->addr + thp->pages * HMMT_PAGE_SIZE && addr + len > thp->addr) ||
	       (addr < calm->addr + HMMT_PMD_SIZE && addr + len > calm->addr);
}

/*
 * To migrate a part of a THP, or to give it base pages, is to split it; where
 * that fails it stays mapped by PTEs. So all of it, on some kernels.
 */
static void keep_whole(struct thread *t, __u64 *addr, __u64 *len, __u32 *flags)
{
	if (!(fuzz.avoid & AVOID_PTE_THP) || (*addr | *len) & (HMMT_PAGE_SIZE - 1) ||
	    !in_thp(t, *addr, *len))
		return;
	*len += *addr & (HMMT_PMD_SIZE - 1);
	*addr &= ~(HMMT_PMD_SIZE - 1);
	*len = (*len + HMMT_PMD_SIZE - 1) & ~(HMMT_PMD_SIZE - 1);
	*flags &= ~(HMMT_MIGRATE_BASE | HMMT_MIGRATE_SPLIT);
}

/* What must not be asked for, however it came about */
static void sanitize_ours(struct thread *t, unsigned int cmd, union arg *arg)
{
	switch (_IOC_NR(cmd)) {
	case _IOC_NR(HMMT_MIGRATE):
		if (fuzz.avoid & AVOID_JOIN)
			arg->migrate.flags &= ~HMMT_MIGRATE_JOIN;
		if (fuzz.avoid & AVOID_PARTIAL_HOLE)
			arg->migrate.flags &= ~HMMT_MIGRATE_PARTIAL_HOLE;
		keep_whole(t, &arg->migrate.addr, &arg->migrate.len, &arg->migrate.flags);
		break;
	case _IOC_NR(HMMT_EVICT):
		if (fuzz.avoid & AVOID_EVICT_UNUSED)
			arg->evict.flags &= ~HMMT_EVICT_UNUSED;
		break;
	case _IOC_NR(HMMT_ACCESS):
		if (arg->access.flags & HMMT_ACCESS_WRITE)
			keep_off(t, &arg->access.addr);
		else
			keep_off(t, &arg->access.ptr);
		break;
	case _IOC_NR(HMMT_SNAPSHOT):
		keep_off(t, &arg->snapshot.ptr);
		break;
	case _IOC_NR(HMMT_CHECKSUM):
		keep_off(t, &arg->checksum.ptr);
		break;
	case _IOC_NR(HMMT_TUNE):
		if (fuzz.avoid & AVOID_FAULT_PART && arg->tune.cpu_window != HMMT_PMD_SIZE &&
		    (arg->tune.cpu_window == 4096 || arg->tune.cpu_window == 65536))
			arg->tune.cpu_window = 0;
		if (fuzz.avoid & AVOID_FAULT_STALE && arg->tune.cpu_window == HMMT_PMD_SIZE)
			arg->tune.cpu_window = 0;
		/* what is held holds up others: not for long */
		if (arg->tune.hold_ms > 20 && arg->tune.hold_ms <= 10000)
			arg->tune.hold_ms = 20;
		break;
	case _IOC_NR(HMMT_INJECT):
		/* a CPU fault that can never succeed is taken again for ever */
		if (!arg->inject.times || arg->inject.times > 64)
			arg->inject.times = 4;
		/* a THP that gets base pages is split, or stays mapped by PTEs */
		if (fuzz.avoid & AVOID_PTE_THP && !fuzz.sh->no_thp)
			arg->inject.sites &= ~(HMMT_SITE_DEV_THP | HMMT_SITE_SYS_THP);
		break;
	case _IOC_NR(HMMT_PERTURB):
		if (arg->perturb.max > 1000 && arg->perturb.max <= 1000000)
			arg->perturb.max = 1000;
		break;
	case _IOC_NR(HMMT_CALLS):
		if (arg->calls.pauses > 1000 && arg->calls.pauses <= 1000000)
			arg->calls.pauses = 1000;
		break;
	case _IOC_NR(HMMT_UNPLUG):
		/* others wait for it */
		if (arg->unplug.timeout_ms > 20 && arg->unplug.timeout_ms <= 10000)
			arg->unplug.timeout_ms = 20;
		break;
	}
}

void fuzz_sanitize(struct thread *t, struct request *r)
{
	union arg *arg = &r->arg;
	struct hmm_dmirror_cmd *stock = &arg->cmd;
	__u64 len = stock->npages * HMMT_PAGE_SIZE;
	__u32 flags = 0;

	switch (_IOC_NR(r->cmd)) {
	case _IOC_NR(HMM_DMIRROR_RELEASE):
	case _IOC_NR(HMMT_EVICT):
	case _IOC_NR(HMMT_UNPLUG):
		if (fuzz.sh->no_evict)
			r->fd = -1;
		sanitize_ours(t, r->cmd, arg);
		break;
	case _IOC_NR(HMM_DMIRROR_FLAGS):
		if (fuzz.avoid & AVOID_PTE_THP && !fuzz.sh->no_thp)
			stock->npages &= ~HMM_DMIRROR_FLAG_FAIL_ALLOC;
		break;
	case _IOC_NR(HMM_DMIRROR_WRITE):
		keep_off(t, &stock->addr);
		break;
	case _IOC_NR(HMM_DMIRROR_EXCLUSIVE):
		keep_off(t, &stock->addr);
		keep_off(t, &stock->ptr);
		if (fuzz.avoid & AVOID_PTE_THP && in_thp(t, stock->addr, len))
			stock->addr = 16;
		break;
	case _IOC_NR(HMM_DMIRROR_MIGRATE_TO_SYS):
		keep_whole(t, &stock->addr, &len, &flags);
		if (len != stock->npages * HMMT_PAGE_SIZE)
			stock->npages = len / HMMT_PAGE_SIZE;
		break;
	case _IOC_NR(HMM_DMIRROR_MIGRATE_TO_DEV):
		keep_whole(t, &stock->addr, &len, &flags);
		if (len != stock->npages * HMMT_PAGE_SIZE)
			stock->npages = len / HMMT_PAGE_SIZE;
		keep_off(t, &stock->ptr);
		break;
	case _IOC_NR(HMM_DMIRROR_READ):
	case _IOC_NR(HMM_DMIRROR_READ_UNLOCKED):
	case _IOC_NR(HMM_DMIRROR_SNAPSHOT):
		keep_off(t, &stock->ptr);
		break;
	default:
		sanitize_ours(t, r->cmd, arg);
	}
}
