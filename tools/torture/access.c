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

int access_load(unsigned long addr, uint64_t *val)
{
	int sig = sigsetjmp(fault_env, 0);

	if (sig)
		return sig == SIGSEGV ? -EFAULT : -EIO;
	fault_armed = 1;
	*val = *(volatile uint64_t *)addr;
	fault_armed = 0;
	return 0;
}

int access_store(unsigned long addr, uint64_t val)
{
	int sig = sigsetjmp(fault_env, 0);

	if (sig)
		return sig == SIGSEGV ? -EFAULT : -EIO;
	fault_armed = 1;
	*(volatile uint64_t *)addr = val;
	fault_armed = 0;
	return 0;
}

void step_begin(struct worker *w, enum step step, unsigned long addr)
{
	struct progress *pg = w->pg;

	atomic_store_explicit(&pg->addr, addr, memory_order_relaxed);
	atomic_store_explicit(&pg->step, step, memory_order_relaxed);
	atomic_store_explicit(&pg->op, w->op, memory_order_relaxed);
	atomic_fetch_add_explicit(&pg->seq, 1, memory_order_release);
}

void step_end(struct worker *w)
{
	atomic_fetch_add_explicit(&w->pg->seq, 1, memory_order_release);
	atomic_fetch_add_explicit(&w->sh->checked[ORACLE_PROGRESS], 1,
				  memory_order_relaxed);
}

static int dev_word(struct worker *w, unsigned long addr, enum via via,
		    uint64_t *val, bool write)
{
	int ret;

	step_begin(w, write ? STEP_DEV_STORE : STEP_DEV_LOAD, addr);
	ret = hmmt_access(&w->r->dev[via - VIA_DEV0], addr, val, sizeof(*val),
			  write ? HMMT_ACCESS_WRITE : 0, NULL);
	step_end(w);
	return ret == -EBADF ? -ENODEV : ret;
}

int do_load(struct worker *w, unsigned long addr, enum via via, uint64_t *val)
{
	int ret;

	perturb(w);
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
