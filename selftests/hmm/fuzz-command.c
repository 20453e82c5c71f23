// SPDX-License-Identifier: GPL-2.0
/* Commands: what is asked for, and which answers are right. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "fuzz.h"

static uint64_t buffer(struct thread *t)
{
	return (uintptr_t)t->buf;
}

static void gen_stock(struct thread *t, union arg *arg, bool writes, bool whole)
{
	unsigned long len;

	arg->cmd.addr = fuzz_range(t, writes, whole, &len);
	/* the data has to fit */
	if (!whole && len > FUZZ_IO_SIZE)
		len = FUZZ_IO_SIZE;
	arg->cmd.npages = len / HMMT_PAGE_SIZE;
	arg->cmd.ptr = buffer(t);
}

static void gen_read(struct thread *t, union arg *arg)
{
	gen_stock(t, arg, false, false);
}

static void gen_write(struct thread *t, union arg *arg)
{
	gen_stock(t, arg, true, false);
}

static void gen_to_sys(struct thread *t, union arg *arg)
{
	gen_stock(t, arg, false, true);
}

/* Maps pages of a THP one by one: only where that may be done */
static void gen_exclusive(struct thread *t, union arg *arg)
{
	const struct area *thp = &t->proc->area[AREA_THP];

	do {
		gen_stock(t, arg, true, false);
	} while (fuzz.avoid & AVOID_PTE_THP &&
		 arg->cmd.addr - thp->addr < thp->pages * HMMT_PAGE_SIZE);
	arg->cmd.npages = 1 + below(t, 16);
}

static void gen_flags(struct thread *t, union arg *arg)
{
	arg->cmd.npages = below(t, 2);
}

static void gen_none(struct thread *t, union arg *arg)
{
	(void)t;
	(void)arg;
}

static void gen_migrate(struct thread *t, union arg *arg)
{
	struct hmmt_migrate *m = &arg->migrate;
	unsigned long len;

	m->addr = fuzz_range(t, false, true, &len);
	m->len = len;
	m->flags = chance(t, 1, 3) ? HMMT_MIGRATE_TO_SYS : 0;
	if (chance(t, 1, 3))
		m->flags |= 1U << below(t, 7);
	if (m->flags & HMMT_MIGRATE_PEER)
		m->peer = below(t, 2);
}

static void gen_access(struct thread *t, union arg *arg)
{
	struct hmmt_access *a = &arg->access;
	unsigned long len;

	a->flags = chance(t, 1, 2) ? HMMT_ACCESS_WRITE : 0;
	a->flags |= chance(t, 1, 4) ? HMMT_ACCESS_DMA : 0;
	a->addr = fuzz_range(t, a->flags & HMMT_ACCESS_WRITE, false, &len) + 8 * below(t, 512);
	a->len = 8 * (1 + below(t, chance(t, 1, 4) ? FUZZ_IO_SIZE / 8 : 64));
	a->ptr = buffer(t);
}

static void gen_snapshot(struct thread *t, union arg *arg)
{
	unsigned long len;

	arg->snapshot.addr = fuzz_range(t, false, false, &len);
	arg->snapshot.len = len;
	arg->snapshot.ptr = buffer(t);
}

static void gen_check(struct thread *t, union arg *arg)
{
	arg->check.flags = chance(t, 1, 8) ? HMMT_CHECK_QUIET : 0;
}

/* A page number of a device, as the page table tells it, or another one */
static uint64_t some_pfn(struct thread *t)
{
	unsigned long len, addr;
	uint64_t entry = 0;
	unsigned int i;

	if (chance(t, 1, 4))
		return below(t, 1UL << 40);
	/* the first one that is not present; bit 62: swapped out, by its kind of entry */
	for (i = 0; i < 8 && !(entry & 1ULL << 62); i++) {
		addr = fuzz_range(t, false, false, &len);
		if (pread(t->proc->pagemap, &entry, sizeof(entry),
			  (addr >> HMMT_PAGE_SHIFT) * sizeof(entry)) != sizeof(entry))
			entry = 0;
	}
	/* swap entries have a type in the five bits below */
	return entry >> 63 ? entry & ((1ULL << 55) - 1) : entry >> 5 & ((1ULL << 50) - 1);
}

static void gen_evict(struct thread *t, union arg *arg)
{
	struct hmmt_evict *e = &arg->evict;
	uint64_t *pfns = (uint64_t *)(t->buf + FUZZ_BUF_SIZE / 2);
	unsigned int i;

	e->mode = chance(t, 1, 4) ? HMMT_EVICT_ALL : 1 + below(t, 3);
	e->flags = chance(t, 1, 4) ? HMMT_EVICT_UNUSED : 0;
	if (e->mode == HMMT_EVICT_CHUNK || e->mode == HMMT_EVICT_RANGE)
		e->pfn = some_pfn(t);
	if (e->mode == HMMT_EVICT_RANGE)
		e->nr = 1 + below(t, chance(t, 1, 2) ? 4 : 512);
	if (e->mode != HMMT_EVICT_PFNS)
		return;
	e->nr = 1 + below(t, 4);
	e->ptr = (uintptr_t)pfns;
	for (i = 0; i < e->nr; i++)
		pfns[i] = some_pfn(t);
}

static void gen_tune(struct thread *t, union arg *arg)
{
	static const uint64_t windows[] = { 0, HMMT_PMD_SIZE, 65536, 4096 };

	arg->tune.cpu_window = windows[below(t, 4)];
	arg->tune.dev_window = windows[below(t, 4)];
	if (chance(t, 1, 4)) {
		arg->tune.hold = 1 + below(t, 3);
		arg->tune.hold_ms = 1 + below(t, 20);
		arg->tune.event = chance(t, 1, 2) ? 0 : fuzz_event;
	}
}

static void gen_inject(struct thread *t, union arg *arg)
{
	struct hmmt_inject *in = &arg->inject;

	in->sites = below(t, HMMT_SITE_ALL + 1);
	in->nth = below(t, 16);
	in->interval = below(t, 4);
	in->probability = chance(t, 1, 2) ? 0 : below(t, 65537);
	in->times = 1 + below(t, 8);
	in->seed = hmmt_rng_u64(&t->rng);
}

static void gen_checksum(struct thread *t, union arg *arg)
{
	unsigned long len;

	arg->checksum.addr = fuzz_range(t, false, false, &len);
	arg->checksum.len = len;
	arg->checksum.ptr = chance(t, 1, 2) ? buffer(t) : 0;
}

static void gen_pin(struct thread *t, union arg *arg)
{
	unsigned long len;

	if (chance(t, 1, 3)) {
		arg->pin.flags = HMMT_PIN_RELEASE;
		return;
	}
	arg->pin.addr = fuzz_range(t, true, false, &len);
	arg->pin.len = len > 16 * HMMT_PAGE_SIZE ? 16 * HMMT_PAGE_SIZE : len;
	arg->pin.flags = below(t, 4) | (chance(t, 1, 3) ? HMMT_PIN_RELEASE : 0);
	if (arg->pin.flags & HMMT_PIN_RELEASE)
		arg->pin.flags = HMMT_PIN_RELEASE;
}

static void gen_perturb(struct thread *t, union arg *arg)
{
	arg->perturb.max = below(t, 200);
	arg->perturb.seed = hmmt_rng_u64(&t->rng);
}

static void gen_catch(struct thread *t, union arg *arg)
{
	arg->catch.nth = below(t, 20);
	arg->catch.us = arg->catch.nth ? 1 + below(t, 2000) : 0;
}

/* What is in the buffer is hardly ever where a function starts. */
static void gen_calls(struct thread *t, union arg *arg)
{
	arg->calls.ptr = buffer(t);
	arg->calls.nr = below(t, 4);
	arg->calls.flags = chance(t, 1, 2) ? HMMT_CALLS_SET : 0;
	arg->calls.pauses = arg->calls.nr && arg->calls.flags ? 1 + below(t, 200) : 0;
	arg->calls.seed = hmmt_rng_u64(&t->rng);
}

static void gen_unplug(struct thread *t, union arg *arg)
{
	/* that there are, as a rule */
	arg->unplug.chunk = below(t, chance(t, 7, 8) ? 2 : 33);
	if (chance(t, 1, 2))
		arg->unplug.flags = HMMT_UNPLUG_PLUG;
	else
		arg->unplug.timeout_ms = below(t, 20);
}

/* It does nothing without a parameter that is not set: see hmm-api */
static void gen_api(struct thread *t, union arg *arg)
{
	arg->api.which = below(t, 64);
	arg->api.flags = below(t, 2);
	arg->api.addr = buffer(t);
}

/*
 * @errs is what docs/errors.md says of the command; E2BIG, EFAULT and EINVAL
 * any struct can give. What a file that is none of ours says is beside it.
 */
struct kind {
	const char	*name;
	unsigned int	cmd;		/* 0: no ioctl */
	void		(*gen)(struct thread *t, union arg *arg);
	unsigned int	weight;
	bool		uring;
	int		errs[10];
};

#define IO_ERRS		ESRCH, ENOMEM, EBUSY, EINTR, EPERM
#define MIGRATE_ERRS	ESRCH, ENOMEM, EINTR

static const struct kind kinds[FUZZ_KINDS] = {
	{ "read", HMM_DMIRROR_READ, gen_read, 3, false, { IO_ERRS } },
	{ "write", HMM_DMIRROR_WRITE, gen_write, 3, false, { IO_ERRS } },
	{ "to_dev", HMM_DMIRROR_MIGRATE_TO_DEV, gen_to_sys, 3, false, { IO_ERRS, ENOENT } },
	{ "to_sys", HMM_DMIRROR_MIGRATE_TO_SYS, gen_to_sys, 3, false, { MIGRATE_ERRS } },
	{ "snapshot_stock", HMM_DMIRROR_SNAPSHOT, gen_read, 2, false,
	  { ESRCH, ENOMEM, EBUSY, EINTR } },
	{ "exclusive", HMM_DMIRROR_EXCLUSIVE, gen_exclusive, 3, false,
	  { IO_ERRS, EOPNOTSUPP, EEXIST } },
	{ "check_exclusive", HMM_DMIRROR_CHECK_EXCLUSIVE, gen_read, 1, false, { EPERM } },
	{ "release", HMM_DMIRROR_RELEASE, gen_none, 1, false, { ENOMEM, EINTR } },
	{ "flags", HMM_DMIRROR_FLAGS, gen_flags, 1, false, { } },
	{ "read_unlocked", HMM_DMIRROR_READ_UNLOCKED, gen_read, 1, false, { IO_ERRS, ENOTTY } },
	{ "migrate", HMMT_MIGRATE, gen_migrate, 12, true, { MIGRATE_ERRS, ENODEV } },
	{ "access", HMMT_ACCESS, gen_access, 8, true, { IO_ERRS, EOPNOTSUPP } },
	{ "snapshot", HMMT_SNAPSHOT, gen_snapshot, 3, false, { ESRCH, ENOMEM, EBUSY, EINTR } },
	{ "stats", HMMT_STATS, gen_none, 1, false, { } },
	{ "check", HMMT_CHECK, gen_check, 2, false, { EPERM } },
	{ "evict", HMMT_EVICT, gen_evict, 3, false, { ENOMEM, EINTR, EOPNOTSUPP } },
	{ "tune", HMMT_TUNE, gen_tune, 1, false, { EBADF } },
	{ "inject", HMMT_INJECT, gen_inject, 2, false, { } },
	{ "checksum", HMMT_CHECKSUM, gen_checksum, 3, true, { IO_ERRS } },
	{ "pin", HMMT_PIN, gen_pin, 3, false,
	  { ESRCH, ENOMEM, EINTR, ENOENT, EOPNOTSUPP, EAGAIN, EEXIST } },
	{ "perturb", HMMT_PERTURB, gen_perturb, 1, false, { } },
	{ "calls", HMMT_CALLS, gen_calls, 1, false, { EOPNOTSUPP, ENOMEM } },
	{ "unplug", HMMT_UNPLUG, gen_unplug, 4, false, { ENXIO, EALREADY, EBUSY, ENOMEM, EINTR } },
	{ "api", HMMT_API, gen_api, 1, false, { EPERM, ENODATA, EOPNOTSUPP } },
	{ "catch", HMMT_CATCH, gen_catch, 1, false, { EOPNOTSUPP } },
	{ "uring", 0, NULL, 0, false,
	  { IO_ERRS, ENODEV, ECANCELED, EOPNOTSUPP, ENOTTY } },
	{ "open", 0, NULL, 0, false, { ENOMEM, EINTR, EMFILE } },
	{ "mmap", 0, NULL, 0, false,
	  { ENOMEM, EBADF, EACCES, EINTR, ENODEV, EPERM, EOVERFLOW } },
};

unsigned int fuzz_nr_kinds(void)
{
	return FUZZ_KINDS;
}

const char *fuzz_kind_name(unsigned int kind)
{
	return kinds[kind].name;
}

const char *fuzz_errno_name(int err)
{
	const char *name = err ? strerrorname_np(err) : "ok";

	return name ?: "unknown errno";
}

/* What may go wrong with a command that is right, as it stands in docs/errors.md */
void fuzz_list(void)
{
	unsigned int i, j;

	printf("\n## The wrong moment\n\n| command | answers |\n|---|---|\n");
	for (i = 0; i < FUZZ_KINDS; i++) {
		printf("| %s |", kinds[i].name);
		for (j = 0; j < 10 && kinds[i].errs[j]; j++)
			printf(" %s", strerrorname_np(kinds[i].errs[j]));
		printf(j ? " |\n" : " none |\n");
	}
}

bool fuzz_in_eviction(unsigned int in)
{
	unsigned int cmd = in && in <= FUZZ_KINDS ? kinds[in - 1].cmd : 0;

	return cmd == HMMT_EVICT || cmd == HMMT_UNPLUG || cmd == HMM_DMIRROR_RELEASE;
}

/* Opening needs nothing that could be wrong */
bool fuzz_kind_must_fail(unsigned int kind)
{
	return strcmp(kinds[kind].name, "open");
}

static bool err_listed(const struct kind *k, int err)
{
	unsigned int i;

	for (i = 0; i < 10 && k->errs[i]; i++)
		if (k->errs[i] == err)
			return true;
	return false;
}

/* The row of an ioctl number, NULL: there is no such command */
static const struct kind *kind_of(unsigned int cmd)
{
	unsigned int i;

	for (i = 0; i < FUZZ_KINDS; i++)
		if (kinds[i].cmd && _IOC_NR(kinds[i].cmd) == _IOC_NR(cmd) &&
		    _IOC_TYPE(kinds[i].cmd) == _IOC_TYPE(cmd) &&
		    _IOC_DIR(kinds[i].cmd) == _IOC_DIR(cmd))
			return &kinds[i];
	return NULL;
}

static void tally(const struct kind *k, int err)
{
	fuzz.sh->count[k - kinds][err < FUZZ_ERRNOS ? err : FUZZ_ERRNOS - 1]++;
}

/* @fd is any file by the time that the call gets there: others close and open */
static void judge_result(const struct kind *k, int err, const char *how)
{
	bool ok = !err || err == EFAULT || err == EINVAL || err == E2BIG || err == EBADF ||
		  err == ENOTTY || err_listed(k, err);

	tally(k, err);
	if (!ok)
		violation("%s%s: %s is none of its errors", k->name, how, fuzz_errno_name(err));
}

void fuzz_call_result(struct thread *t, const char *name, int err)
{
	unsigned int i;

	(void)t;
	for (i = 0; i < FUZZ_KINDS; i++)
		if (!strcmp(kinds[i].name, name))
			judge_result(&kinds[i], err, "");
}

/* Success means that the out fields say so */
static void judge_success(const struct kind *k, const union arg *arg)
{
	const struct hmmt_check *c = &arg->check;
	const struct hmmt_migrate *m = &arg->migrate;

	if (k->cmd == HMMT_CHECK && !(c->flags & HMMT_CHECK_QUIET) && c->check)
		violation("check: %s: pfn %#llx expected %#llx found %#llx",
			  hmmt_check_name(c->check), c->pfn, c->expected, c->found);
	if (k->cmd == HMMT_MIGRATE && (m->done != m->len || m->migrated * HMMT_PAGE_SIZE > m->len))
		violation("migrate: done %#llx migrated %llu of %#llx", m->done, m->migrated,
			  m->len);
	if (k->cmd == HMMT_ACCESS && arg->access.done != arg->access.len)
		violation("access: done %#llx of %#llx", arg->access.done, arg->access.len);
	if (k->cmd == HMMT_UNPLUG && arg->unplug.left)
		violation("unplug: %llu pages left", arg->unplug.left);
}

static const struct kind *pick_kind(struct thread *t, bool uring)
{
	unsigned int i, sum = 0, n;

	for (i = 0; i < FUZZ_KINDS; i++)
		sum += !uring || kinds[i].uring ? kinds[i].weight : 0;
	n = below(t, sum);
	for (i = 0;; i++) {
		unsigned int w = !uring || kinds[i].uring ? kinds[i].weight : 0;

		if (n < w)
			return &kinds[i];
		n -= w;
	}
}

static void make_request(struct thread *t, struct request *r, const struct kind *k)
{
	memset(r, 0, sizeof(*r));
	r->cmd = k->cmd;
	r->fd = fuzz_fd(t);
	r->ptr = (uintptr_t)t->arg;
	r->own = true;
	k->gen(t, &r->arg);
	if (chance(t, 1, 3))
		fuzz_mutate(t, r);
	fuzz_sanitize(t, r);
}

void fuzz_command(struct thread *t)
{
	const struct area *base = &t->proc->area[AREA_BASE];
	unsigned int w = t->proc->slot;
	const struct kind *k;
	struct request r;
	int err;

	make_request(t, &r, pick_kind(t, false));
	if (r.own)
		memcpy(t->arg, &r.arg, sizeof(r.arg));
	else if (r.ptr - base->addr < base->pages * HMMT_PAGE_SIZE)
		fuzz_poke(r.ptr, &r.arg, sizeof(r.arg));
	k = kind_of(r.cmd);
	if (!t->child) {
		fuzz.sh->in[w][t->nr] = k ? k - kinds + 1 : FUZZ_KINDS + 1;
		fuzz.sh->since[w][t->nr]++;
		/* who waits for evictions to end sees this one now, or it is none */
		if (fuzz.sh->no_evict && fuzz_in_eviction(fuzz.sh->in[w][t->nr]))
			r.fd = -1;
	}
	err = ioctl(r.fd, r.cmd, r.ptr) ? errno : 0;
	if (!t->child)
		fuzz.sh->in[w][t->nr] = 0;
	fuzz.sh->beats[w]++;
	if (!k) {
		if (err != ENOTTY && err != EBADF)
			violation("ioctl %#x: %s, not ENOTTY", r.cmd, fuzz_errno_name(err));
		return;
	}
	/* with our number and a struct that is sound, ENOTTY is the kernel's want */
	if (err == ENOTTY && r.cmd == HMM_DMIRROR_READ_UNLOCKED)
		fuzz.sh->absent |= 1U << (k - kinds);
	judge_result(k, err, "");
	if (!err && r.own) {
		memcpy(&r.arg, t->arg, sizeof(r.arg));
		judge_success(k, &r.arg);
	}
}

static const struct kind *uring_kind(void)
{
	unsigned int i;

	for (i = 0; strcmp(kinds[i].name, "uring"); i++)
		;
	return &kinds[i];
}

static void uring_reap(struct thread *t)
{
	struct io_uring_cqe *cqe;

	while (t->in_flight && !io_uring_peek_cqe(&t->ring, &cqe)) {
		judge_result(uring_kind(), cqe->res < 0 ? -cqe->res : 0, "");
		io_uring_cqe_seen(&t->ring, cqe);
		t->in_flight--;
	}
}

/* One more command in flight, or what has ended, or the end of the ring */
void fuzz_uring(struct thread *t)
{
	struct io_uring_sqe *sqe;
	struct hmmt_uring u = { 0 };
	struct request r;
	char *slot;

	if (!t->ring_ok) {
		t->ring_ok = !io_uring_queue_init(8, &t->ring, 0);
		t->in_flight = 0;
		if (!t->ring_ok)
			return;
	}
	uring_reap(t);
	if (chance(t, 1, 16)) {
		/* with whatever is in flight */
		io_uring_queue_exit(&t->ring);
		t->ring_ok = false;
		return;
	}
	sqe = t->in_flight < 7 ? io_uring_get_sqe(&t->ring) : NULL;
	if (!sqe)
		return;
	make_request(t, &r, pick_kind(t, true));
	/* out fields come at any time: a place that nothing else uses */
	slot = t->arg + FUZZ_ARG_MAX * (1 + below(t, 7));
	if (r.own) {
		memcpy(slot, &r.arg, sizeof(r.arg));
		r.ptr = (uintptr_t)slot;
	}
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, r.fd, NULL, 0, 0);
	sqe->cmd_op = r.cmd;
	u.arg = r.ptr;
	u.reserved = chance(t, 1, 32);
	memcpy(sqe->cmd, &u, sizeof(u));
	if (io_uring_submit(&t->ring) == 1)
		t->in_flight++;
	fuzz.sh->beats[t->proc->slot]++;
}
