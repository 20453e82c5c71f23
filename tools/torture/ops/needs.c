// SPDX-License-Identifier: GPL-2.0
/* What ops may need of the machine, looked for once. */
#include <linux/userfaultfd.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ops.h"

#define THP	"/sys/kernel/mm/transparent_hugepage/"

static bool have_dev(const struct config *cfg)
{
	return cfg->nr_devs > 0;
}

static bool have_dev2(const struct config *cfg)
{
	return cfg->nr_devs > 1;
}

static bool have_guest(const struct config *cfg)
{
	return cfg->guest;
}

static bool have_thp(const struct config *cfg)
{
	(void)cfg;
	return hmmt_mthp_usable(HMMT_PMD_SIZE / 1024);
}

static bool have_mthp(const struct config *cfg)
{
	unsigned int kb;

	(void)cfg;
	for (kb = 16; kb < HMMT_PMD_SIZE / 1024; kb *= 2)
		if (hmmt_mthp_usable(kb))
			return true;
	return false;
}

static bool file_has(const char *path, const char *word)
{
	char buf[8192];

	return hmmt_read_file(path, buf, sizeof(buf)) > 0 && strstr(buf, word);
}

static bool have_wordcopy(const struct config *cfg)
{
	(void)cfg;
	/* such kernels copy with one rep movsb, which may stop anywhere */
	return !file_has("/proc/cpuinfo", " fsrm");
}

static bool have_uring(const struct config *cfg)
{
	int fd;

	(void)cfg;
	fd = syscall(SYS_io_uring_setup, 0, NULL);
	if (fd >= 0)
		close(fd);
	/* it looked at the arguments */
	return fd >= 0 || errno == EFAULT || errno == EINVAL;
}

static bool have_swap(const struct config *cfg)
{
	(void)cfg;
	return file_has("/proc/swaps", "\n/");
}

static bool have_nodes(const struct config *cfg)
{
	(void)cfg;
	return !access("/sys/devices/system/node/node1", F_OK);
}

static bool have_ksm(const struct config *cfg)
{
	(void)cfg;
	return !access("/sys/kernel/mm/ksm/run", W_OK);
}

static bool have_hugetlb(const struct config *cfg)
{
	uint64_t n = 0;

	(void)cfg;
	return !hmmt_file_field("/proc/meminfo", "HugePages_Total", &n) && n;
}

static bool have_uffd(const struct config *cfg)
{
	int fd;

	(void)cfg;
	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool have_cgroup(const struct config *cfg)
{
	(void)cfg;
	return file_has("/sys/fs/cgroup/cgroup.controllers", "memory");
}

static bool have_poison(const struct config *cfg)
{
	(void)cfg;
	return !access("/sys/kernel/debug/hwpoison/unpoison-pfn", W_OK);
}

static bool have_cpus(const struct config *cfg)
{
	(void)cfg;
	return !access("/sys/devices/system/cpu/cpu1/online", W_OK);
}

static bool have_shmem_thp(const struct config *cfg)
{
	(void)cfg;
	return file_has(THP "shmem_enabled", "[advise]") ||
	       file_has(THP "shmem_enabled", "[always]");
}

static bool have_damon(const struct config *cfg)
{
	(void)cfg;
	return !access("/sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds", W_OK);
}

static bool have_balance(const struct config *cfg)
{
	(void)cfg;
	return !access(NUMA_BALANCING, W_OK);
}

static bool have_module(const struct config *cfg)
{
	(void)cfg;
	return !access("/lib/modules/test_hmm.ko", R_OK);
}

static bool have_softdirty(const struct config *cfg)
{
	uint64_t entry = 0, page = 1;

	(void)cfg;
	/* a page of our own that was written to just now */
	hmmt_pagemap_read(getpid(), (unsigned long)&page & ~(HMMT_PAGE_SIZE - 1), 1, &entry);
	return hmmt_pagemap_decode(entry).soft_dirty;
}

static bool have_guard(const struct config *cfg)
{
	void *p = mmap(NULL, HMMT_PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool have;

	(void)cfg;
	if (p == MAP_FAILED)
		return false;
	have = !madvise(p, HMMT_PAGE_SIZE, MADV_GUARD_INSTALL);
	munmap(p, HMMT_PAGE_SIZE);
	return have;
}

static bool have_split(const struct config *cfg)
{
	(void)cfg;
	return !access(HMMT_SPLIT_FOLIOS, W_OK);
}

static bool have_core(const struct config *cfg)
{
	(void)cfg;
	return file_has("/proc/sys/kernel/core_pattern", "/tmp/core");
}

static const struct {
	unsigned int need;
	bool (*have)(const struct config *cfg);
	const char *missing;
} needs[] = {
	{ NEED_DEV, have_dev, "no /dev/hmm_dmirror0" },
	{ NEED_DEV2, have_dev2, "no /dev/hmm_dmirror1" },
	{ NEED_THP, have_thp, "THP is not enabled for madvise" },
	{ NEED_MTHP, have_mthp, "no size below the PMD is enabled for madvise" },
	{ NEED_WORDCOPY, have_wordcopy, "the kernel copies by bytes (fsrm)" },
	{ NEED_URING, have_uring, "no io_uring" },
	{ NEED_GUEST, have_guest, "changes the machine, which is no guest of ours" },
	{ NEED_SWAP, have_swap, "no swap" },
	{ NEED_NODES, have_nodes, "one memory node only (numa=fake=2)" },
	{ NEED_KSM, have_ksm, "no KSM" },
	{ NEED_HUGETLB, have_hugetlb, "no hugetlb pages" },
	{ NEED_UFFD, have_uffd, "no userfaultfd" },
	{ NEED_CGROUP, have_cgroup, "no memory cgroups" },
	{ NEED_POISON, have_poison, "no memory failure handling, or no unpoisoning" },
	{ NEED_CPUS, have_cpus, "no CPU that can go offline" },
	{ NEED_SHMEM_THP, have_shmem_thp, "no huge pages for shmem" },
	{ NEED_DAMON, have_damon, "no DAMON" },
	{ NEED_BALANCE, have_balance, "no NUMA balancing" },
	{ NEED_MODULE, have_module, "no module file of the driver" },
	{ NEED_SOFTDIRTY, have_softdirty, "no soft-dirty bits in this kernel" },
	{ NEED_CORE, have_core, "no core dumps" },
	{ NEED_GUARD, have_guard, "no guard pages" },
	{ NEED_SPLIT, have_split, "no debugfs, or none that splits folios" },
};

const char *needs_missing(unsigned int want, const struct config *cfg)
{
	static char known[ARRAY_SIZE(needs)];	/* y, n or not looked for yet */
	unsigned int i;

	if ((want & (NEED_DEV | NEED_DEV2)) && cfg->no_device)
		return "--no-device";
	for (i = 0; i < ARRAY_SIZE(needs); i++) {
		if (!(want & needs[i].need))
			continue;
		if (!known[i])
			known[i] = needs[i].have(cfg) ? 'y' : 'n';
		if (known[i] == 'n')
			return needs[i].missing;
	}
	return NULL;
}
