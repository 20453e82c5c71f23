// SPDX-License-Identifier: GPL-2.0
/* Loads and stores that survive SIGSEGV and SIGBUS, watched step by step. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "torture.h"

/*
 * Where a fault goes back to. A fault outside of an access is a mistake of
 * this program: the signal's default action ends the process.
 */
static __thread sigjmp_buf fault_env;
static __thread volatile sig_atomic_t fault_armed;

static void on_fault(int sig, siginfo_t *si, void *ctx)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	(void)si;
	(void)ctx;
	if (fault_armed) {
		fault_armed = 0;
		siglongjmp(fault_env, sig);
	}
	sigaction(sig, &dfl, NULL);
}

int access_init(void)
{
	/*
	 * SA_NODEFER and no saved mask: the jump out of the handler leaves
	 * the signal unblocked without a system call for each access.
	 */
	struct sigaction sa = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};

	if (sigaction(SIGSEGV, &sa, NULL) || sigaction(SIGBUS, &sa, NULL))
		return -errno;
	return 0;
}

static int load(unsigned long addr, uint64_t *val)
{
	int sig = sigsetjmp(fault_env, 0);

	if (sig)
		return sig == SIGSEGV ? -EFAULT : -EIO;
	fault_armed = 1;
	*val = *(volatile uint64_t *)addr;
	fault_armed = 0;
	return 0;
}

static int store(unsigned long addr, uint64_t val)
{
	int sig = sigsetjmp(fault_env, 0);

	if (sig)
		return sig == SIGSEGV ? -EFAULT : -EIO;
	fault_armed = 1;
	*(volatile uint64_t *)addr = val;
	fault_armed = 0;
	return 0;
}

int access_stare(unsigned long addr, const _Atomic uint64_t *word, unsigned int times)
{
	uint64_t was = atomic_load(word), val;
	int ret = 0;

	while (times-- && !ret && atomic_load_explicit(word, memory_order_relaxed) == was)
		ret = load(addr, &val);
	return ret;
}

int access_load(unsigned long addr, uint64_t *val)
{
	uint64_t idx = trace_begin(HMMT_TRACE_LOAD, addr, 0);
	int ret = load(addr, val);

	trace_value(idx, *val);
	trace_end(idx, ret);
	return ret;
}

int access_store(unsigned long addr, uint64_t val)
{
	uint64_t idx = trace_begin(HMMT_TRACE_STORE, addr, val);
	int ret = store(addr, val);

	trace_end(idx, ret);
	return ret;
}

void step_begin(struct worker *w, enum step step, unsigned long addr)
{
	struct progress *pg = w->pg;

	atomic_store_explicit(&pg->addr, addr, memory_order_relaxed);
	atomic_store_explicit(&pg->step, step, memory_order_relaxed);
	atomic_store_explicit(&pg->op, w->op, memory_order_relaxed);
	/* nobody else writes it: no need for a locked instruction */
	atomic_store_explicit(&pg->seq, pg->seq + 1, memory_order_release);
}

void step_end(struct worker *w)
{
	atomic_store_explicit(&w->pg->seq, w->pg->seq + 1, memory_order_release);
}

static int dev_word(struct worker *w, unsigned long addr, enum via via,
		    uint64_t *val, bool write)
{
	struct hmmt_access res;
	unsigned int tries;
	int ret;

	/*
	 * The driver gives up after ten seconds of faults. Others may have
	 * moved the page away each time: let them have their end first.
	 */
	for (tries = 0; tries < 2; tries++) {
		step_begin(w, write ? STEP_DEV_STORE : STEP_DEV_LOAD, addr);
		ret = hmmt_access(&w->r->dev[via - VIA_DEV0], addr, val, sizeof(*val),
				  write ? HMMT_ACCESS_WRITE : 0, &res);
		step_end(w);
		if (bust_answer(w, "livelock"))
			ret = -EBUSY;
		if (ret != -EBUSY)
			break;
		tally(w->sh, TALLY_STARVED);
		atomic_store(&w->sh->dev_hold, 1);
	}
	if (tries)
		atomic_store(&w->sh->dev_hold, 0);
	if (ret == -EBUSY)
		fail_add(w->sh, ORACLE_PROGRESS, "livelock in device access",
			 "%s of %#lx by device %u: given up twice, %llu calls of hmm_range_fault() the second time, with nobody else at work",
			 step_names[write ? STEP_DEV_STORE : STEP_DEV_LOAD], addr,
			 via - VIA_DEV0, (unsigned long long)res.faults);
	/* EPERM is what a device gets for a write to a read-only mapping. */
	return ret == -EBADF ? -ENODEV : ret == -EPERM ? -EFAULT : ret;
}

int do_load(struct worker *w, unsigned long addr, enum via via, uint64_t *val)
{
	int ret;

	perturb(w);
	if (via >= VIA_KERNEL)
		return via_load(w, addr, via, val);
	if (via != VIA_CPU)
		return dev_word(w, addr, via, val, false);
	step_begin(w, STEP_LOAD, addr);
	ret = access_load(addr, val);
	step_end(w);
	return ret;
}

int do_store(struct worker *w, unsigned long addr, enum via via, uint64_t val)
{
	int ret;

	perturb(w);
	if (via >= VIA_KERNEL)
		return via_store(w, addr, via, val);
	if (via != VIA_CPU)
		return dev_word(w, addr, via, &val, true);
	step_begin(w, STEP_STORE, addr);
	ret = access_store(addr, val);
	step_end(w);
	return ret;
}

bool err_transient(int err)
{
	return err == -ENOMEM || err == -EBUSY || err == -EAGAIN || err == -EINTR ||
	       err == -ENODEV;
}
