// SPDX-License-Identifier: GPL-2.0
/*
 * What befalls a machine: a cgroup that is full, whose process is killed while
 * its pages are in a device, memory that fails, CPUs that go away.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ops.h"

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif

static int oom_child(struct worker *w, void *arg)
{
	const char *group = arg;
	char path[128];
	unsigned int i;
	void *p;

	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	if (hmmt_write_file(path, "0"))
		return CHILD_NOTHING;
	hmmt_write_file("/proc/self/oom_score_adj", "1000");
	/* twice what it may have, and the copies that it takes of the arena */
	p = lane_map(w, 0, LANE_PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (!p)
		return 0;
	madvise(p, LANE_PAGES * HMMT_PAGE_SIZE, MADV_HUGEPAGE);
	for (i = 0; i < LANE_PAGES; i++) {
		access_store((unsigned long)p + i * HMMT_PAGE_SIZE, i);
		if (i % 64 == 63)
			ops_warm(w, (unsigned long)p, LANE_PAGES * HMMT_PAGE_SIZE);
	}
	for (i = 0; i < w->m->nr_pages; i += 16)
		access_store(page_addr(i) + slot_offset(SLOT_PROBE), i);
	return 0;
}

/* Killed or not, it leaves nothing behind: that is for conservation to see. */
static int oom(struct worker *w)
{
	char group[96], path[128];
	int status, ret = 0;

	snprintf(group, sizeof(group), GUEST_CGROUP ".oom%u", w->idx);
	if (mkdir(group, 0755) && errno != EEXIST)
		return -EAGAIN;
	snprintf(path, sizeof(path), "%s/memory.max", group);
	if (hmmt_write_file(path, "4M"))
		return -EAGAIN;
	snprintf(path, sizeof(path), "%s/memory.swap.max", group);
	hmmt_write_file(path, hmmt_rng_chance(&w->rng, 1, 2) ? "0" : "1M");
	status = child_run(w, oom_child, group);
	rmdir(group);
	if (status < 0)
		return status;
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_NOTHING)
		return -EAGAIN;
	atomic_fetch_add_explicit(&w->sh->checked[ORACLE_FORK], 1, memory_order_relaxed);
	if (bust_answer(w, "died"))
		status = SIGBUS;
	if (status && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) {
		fail_add(w->sh, ORACLE_FORK, "fork: child died", "in a full cgroup: status %#x",
			 status);
		ret = -EUCLEAN;
	}
	return ret;
}

struct poison {
	bool soft;
	uint64_t key;
};

/* Give the page back: a guest that lives for hours has no memory to lose. */
static void unpoison(unsigned long pfn)
{
	char text[32];

	snprintf(text, sizeof(text), "%#lx", pfn);
	hmmt_write_file("/sys/kernel/debug/hwpoison/unpoison-pfn", text);
}

/*
 * One page of a THP that was in the device fails. Offlined softly it is replaced,
 * and nothing shows; else it is gone, and only it.
 */
static int poison_child(struct worker *w, void *arg)
{
	const struct poison *a = arg;
	char *p = lane_map(w, 0, HMMT_PMD_PAGES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1);
	unsigned int bad = hmmt_rng_below(&w->rng, HMMT_PMD_PAGES);
	char *page = p + bad * HMMT_PAGE_SIZE;
	uint64_t entry = 0, val;
	int ret;

	if (!p)
		return 0;
	madvise(p, HMMT_PMD_SIZE, MADV_HUGEPAGE);
	if (lane_fill(w, p, HMMT_PMD_PAGES, a->key))
		return 0;
	ops_warm(w, (unsigned long)p, HMMT_PMD_SIZE);
	/* it has to be in memory to have a page frame to give back */
	if (access_load((unsigned long)page, &val) ||
	    hmmt_pagemap_read(getpid(), (unsigned long)page, 1, &entry))
		return 0;
	ret = madvise(page, HMMT_PAGE_SIZE, a->soft ? MADV_SOFT_OFFLINE : MADV_HWPOISON) ?
		-errno : 0;
	ops_warm(w, (unsigned long)p, HMMT_PMD_SIZE);
	lane_check(w, p, 0, bad, a->key, VIA_CPU, "before a failed page");
	lane_check(w, page + HMMT_PAGE_SIZE, bad + 1, HMMT_PMD_PAGES - bad - 1, a->key, VIA_CPU,
		   "behind a failed page");
	if (!ret && a->soft) {
		lane_check(w, page, bad, 1, a->key, VIA_CPU, "page taken offline");
	} else if (!ret) {
		atomic_fetch_add(&w->sh->checked[ORACLE_NEGATIVE], 1);
		/* By the kernel, which has an error for it; a CPU's ends on the console. */
		if (do_load(w, (unsigned long)page, VIA_FILE, &val) != -EFAULT ||
		    bust_answer(w, "read"))
			fail_add(w->sh, ORACLE_NEGATIVE, "negative: poisoned page read",
				 "page %u", bad);
	}
	munmap(p, HMMT_PMD_SIZE);
	if (!ret && hmmt_pagemap_decode(entry).pfn)
		unpoison(hmmt_pagemap_decode(entry).pfn);
	return 0;
}

static int poison(struct worker *w)
{
	struct poison a = { .soft = hmmt_rng_chance(&w->rng, 1, 2), .key = lane_key(w) };

	op_arg(w, 0);
	op_arg(w, 0);
	op_arg(w, a.soft);
	return child_result(w, child_run(w, poison_child, &a), "with a failed page");
}

static int cpu_off(struct worker *w)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	int ret;

	if (pthread_mutex_trylock(&one))
		return -EAGAIN;
	step_begin(w, STEP_SYSTEM, 0);
	ret = hmmt_write_file("/sys/devices/system/cpu/cpu1/online", "0");
	step_end(w);
	if (!ret)
		nap_ms(hmmt_rng_between(&w->rng, 1, 30));
	step_begin(w, STEP_SYSTEM, 0);
	hmmt_write_file("/sys/devices/system/cpu/cpu1/online", "1");
	step_end(w);
	pthread_mutex_unlock(&one);
	return ret ? -EBUSY : 0;
}

const struct op ops_accident[] = {
	{ "oom", "a child is killed in a full cgroup", NEED_GUEST | NEED_CGROUP, OP_PROCESS, 0,
	  oom },
	{ "poison", "a page of a child's THP fails", NEED_GUEST | NEED_POISON, OP_PROCESS, 0,
	  poison },
	{ "cpu_off", "a CPU goes and comes", NEED_GUEST | NEED_CPUS, OP_PLACE, 0, cpu_off },
	OP_TABLE_END
};
