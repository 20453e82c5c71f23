// SPDX-License-Identifier: GPL-2.0
/*
 * Functional tests of the driver and of the plain paths of THP migration.
 * They state what must happen; each says what it saw where it did not.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"
#include "hmmt.h"

static bool thp_to_dev(void)
{
	struct hmmt_migrate m;

	TRY(fill(1, true));
	TRY(migrate(&dev0, 0, HMMT_PMD_PAGES, 0, &m));
	WANT(m.thp == whole_thps && m.migrated == HMMT_PMD_PAGES, "thp %llu migrated %llu",
	     m.thp, m.migrated);
	WANT(in_device(0) && in_device(511), "snapshot %#x %#x", snap(0), snap(511));
	WANT(HMMT_SNAP_ORDER(snap(7)) == (whole_thps ? 9 : 0), "order %u",
	     HMMT_SNAP_ORDER(snap(7)));
	return verify_device(&dev0, 0, HMMT_PMD_PAGES);
}

static bool thp_round_trip(void)
{
	struct hmmt_migrate m;

	TRY(thp_to_dev());
	TRY(migrate(&dev0, 0, HMMT_PMD_PAGES, HMMT_MIGRATE_TO_SYS, &m));
	WANT(m.thp == whole_thps, "thp %llu migrated %llu", m.thp, m.migrated);
	WANT(!in_device(0), "snapshot %#x", snap(0));
	return verify(0, HMMT_PMD_PAGES);
}

static bool thp_cpu_fault(void)
{
	struct hmmt_stats a, b;

	TRY(thp_to_dev());
	hmmt_stats(&dev0, &a);
	TRY(verify(300, 301));
	hmmt_stats(&dev0, &b);
	WANT(b.fault_thp == a.fault_thp + whole_thps, "fault_thp %llu, then %llu",
	     a.fault_thp, b.fault_thp);
	WANT(in_device(0) == !whole_thps && in_device(511) == !whole_thps, "snapshot %#x", snap(0));
	return verify(0, HMMT_PMD_PAGES);
}

static bool base_round_trip(void)
{
	struct hmmt_migrate m;

	TRY(fill(1, false));
	TRY(migrate(&dev0, 0, HMMT_PMD_PAGES, 0, &m));
	WANT(!m.thp && m.migrated == HMMT_PMD_PAGES, "thp %llu migrated %llu",
	     m.thp, m.migrated);
	TRY(verify_device(&dev0, 0, HMMT_PMD_PAGES));
	TRY(migrate(&dev0, 0, 256, HMMT_MIGRATE_TO_SYS, &m));
	WANT(m.migrated == 256, "migrated %llu", m.migrated);
	return verify(0, HMMT_PMD_PAGES);
}

static bool split_on_request(void)
{
	struct hmmt_migrate m;

	TRY(fill(1, true));
	TRY(migrate(&dev0, 0, HMMT_PMD_PAGES, HMMT_MIGRATE_SPLIT, &m));
	WANT(m.split == whole_thps && m.migrated == HMMT_PMD_PAGES, "split %llu migrated %llu",
	     m.split, m.migrated);
	TRY(verify_device(&dev0, 0, HMMT_PMD_PAGES));
	return verify(0, HMMT_PMD_PAGES);
}

static bool drop_restores(void)
{
	struct hmmt_migrate m;

	TRY(fill(1, true));
	TRY(migrate(&dev0, 0, HMMT_PMD_PAGES, HMMT_MIGRATE_DROP, &m));
	WANT(m.collected == HMMT_PMD_PAGES && !m.migrated, "collected %llu migrated %llu",
	     m.collected, m.migrated);
	return verify(0, HMMT_PMD_PAGES);
}

static bool hole_becomes_thp(void)
{
	struct hmmt_migrate m;
	uint64_t v = 1;

	TRY(fill(1, true));
	WANT(!madvise(area, HMMT_PMD_SIZE, MADV_DONTNEED), "%s", strerror(errno));
	TRY(migrate(&dev0, 0, HMMT_PMD_PAGES, 0, &m));
	WANT(m.thp == whole_thps, "thp %llu migrated %llu", m.thp, m.migrated);
	hmmt_access(&dev0, (unsigned long)word(9), &v, sizeof(v), 0, NULL);
	WANT(!v, "hole reads %#llx", (unsigned long long)v);
	WANT(!*word(100), "hole reads %#llx", (unsigned long long)*word(100));
	return true;
}

static bool device_write(void)
{
	uint64_t v = 0x1234;
	int ret;

	TRY(thp_to_dev());
	ret = hmmt_access(&dev0, (unsigned long)word(77), &v, sizeof(v),
			  HMMT_ACCESS_WRITE, NULL);
	WANT(!ret, "%s", strerror(-ret));
	WANT(in_device(77), "snapshot %#x", snap(77));
	WANT(*word(77) == 0x1234, "CPU reads %#llx", (unsigned long long)*word(77));
	*word(77) = value(77);
	return verify(0, HMMT_PMD_PAGES);
}

/* What makes the stock driver oops: device pages found by a device fault */
static bool device_read_after_mprotect(void)
{
	TRY(thp_to_dev());
	WANT(!mprotect(area, HMMT_PMD_SIZE, PROT_READ), "%s", strerror(errno));
	TRY(verify_device(&dev0, 200, 210));
	WANT(in_device(200), "snapshot %#x", snap(200));
	WANT(!mprotect(area + HMMT_PMD_SIZE / 2, HMMT_PAGE_SIZE, PROT_READ | PROT_WRITE),
	     "%s", strerror(errno));
	TRY(verify_device(&dev0, 0, HMMT_PMD_PAGES));
	return verify(0, HMMT_PMD_PAGES);
}

static bool write_to_read_only(void)
{
	uint64_t v = 1;
	int ret;

	TRY(thp_to_dev());
	WANT(!mprotect(area, HMMT_PMD_SIZE, PROT_READ), "%s", strerror(errno));
	ret = hmmt_access(&dev0, (unsigned long)word(3), &v, sizeof(v),
			  HMMT_ACCESS_WRITE, NULL);
	WANT(ret == -EFAULT || ret == -EPERM, "ret %d", ret);
	return verify(0, HMMT_PMD_PAGES);
}

static bool device_read_after_fork(void)
{
	int status = 0;
	pid_t pid;

	TRY(thp_to_dev());
	pid = fork();
	if (!pid) {
		struct hmmt_dev child;
		bool ok = !hmmt_open(&child, 0) &&
			  verify_device(&child, 100, 200) &&
			  verify(0, HMMT_PMD_PAGES);

		*word(5) = 5;
		_exit(!(ok && *word(5) == 5));
	}
	TRY(verify_device(&dev0, 0, HMMT_PMD_PAGES));
	TRY(reaped(pid, &status));
	WANT(!status, "child: status %#x", status);
	return verify(0, HMMT_PMD_PAGES);
}

/* The fault of the seed thread: a large folio that is mapped by PTEs */
static bool pte_mapped_cpu_fault(void)
{
	TRY(thp_to_dev());
	WANT(!munmap(area + 10 * HMMT_PAGE_SIZE, HMMT_PAGE_SIZE), "%s", strerror(errno));
	alarm(20);
	TRY(verify(11, HMMT_PMD_PAGES));
	TRY(verify(0, 10));
	alarm(0);
	return true;
}

static bool moved_and_part_migrated(void)
{
	struct hmmt_migrate m;
	char *to = area + 2 * HMMT_PMD_SIZE + 5 * HMMT_PAGE_SIZE;
	unsigned long i;

	TRY(thp_to_dev());
	WANT(mremap(area, HMMT_PMD_SIZE, HMMT_PMD_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
		    to) == to, "%s", strerror(errno));
	WANT(!hmmt_migrate(&dev0, (unsigned long)to + 7 * HMMT_PAGE_SIZE,
			   100 * HMMT_PAGE_SIZE, HMMT_MIGRATE_TO_SYS, &m),
	     "migrate to system");
	for (i = 0; i < HMMT_PMD_PAGES; i++) {
		uint64_t v = *(uint64_t *)(to + i * HMMT_PAGE_SIZE + 64);

		WANT(v == value(i), "page %lu holds %#llx", i, (unsigned long long)v);
	}
	return true;
}

static bool unaligned_part(void)
{
	struct hmmt_migrate m;

	TRY(fill(2, true));
	TRY(migrate(&dev0, 100, 600, 0, &m));
	WANT(m.migrated == 600, "migrated %llu", m.migrated);
	TRY(verify_device(&dev0, 0, 2 * HMMT_PMD_PAGES));
	return verify(0, 2 * HMMT_PMD_PAGES);
}

static bool device_to_device(void)
{
	TRY(thp_to_dev());
	/* the other device may not see it: it comes back first */
	TRY(verify_device(&dev1, 0, 5));
	WANT(!in_device(0), "snapshot %#x", snap(0));
	return verify(0, HMMT_PMD_PAGES);
}

static bool evict_all(void)
{
	struct hmmt_evict e;
	int ret;

	TRY(thp_to_dev());
	ret = hmmt_evict(&dev0, &e);
	WANT(!ret && e.migrated >= HMMT_PMD_PAGES && !e.left, "ret %d migrated %llu left %llu",
	     ret, e.migrated, e.left);
	return verify(0, HMMT_PMD_PAGES);
}

static bool stock_commands(void)
{
	static char buf[HMMT_PMD_SIZE];
	struct hmm_dmirror_cmd cmd = {
		.addr = (unsigned long)area, .ptr = (unsigned long)buf,
		.npages = HMMT_PMD_PAGES,
	};

	TRY(fill(1, true));
	WANT(!ioctl(dev0.fd, HMM_DMIRROR_MIGRATE_TO_DEV, &cmd), "%s", strerror(errno));
	WANT(cmd.cpages == HMMT_PMD_PAGES, "cpages %llu", cmd.cpages);
	WANT(*(uint64_t *)(buf + 3 * HMMT_PAGE_SIZE + 64) == value(3), "copy back");
	WANT(!ioctl(dev0.fd, HMM_DMIRROR_SNAPSHOT, &cmd), "%s", strerror(errno));
	WANT(buf[5] == (HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL | HMM_DMIRROR_PROT_WRITE |
			(whole_thps ? HMM_DMIRROR_PROT_PMD : 0)), "snapshot %#x", buf[5]);
	WANT(!ioctl(dev0.fd, HMM_DMIRROR_MIGRATE_TO_SYS, &cmd), "%s", strerror(errno));
	return verify(0, HMMT_PMD_PAGES);
}

static bool exclusive(void)
{
	static char buf[16 * HMMT_PAGE_SIZE];
	struct hmm_dmirror_cmd cmd = {
		.addr = (unsigned long)area, .ptr = (unsigned long)buf, .npages = 16,
	};

	/* old kernels refuse the tail pages of a THP */
	TRY(fill(1, whole_thps));
	WANT(!ioctl(dev0.fd, HMM_DMIRROR_EXCLUSIVE, &cmd), "%s", strerror(errno));
	WANT(ioctl(dev0.fd, HMM_DMIRROR_CHECK_EXCLUSIVE, &cmd) && errno == EPERM,
	     "not exclusive: %s", strerror(errno));
	TRY(verify(0, HMMT_PMD_PAGES));
	WANT(!ioctl(dev0.fd, HMM_DMIRROR_CHECK_EXCLUSIVE, &cmd), "still exclusive");
	return true;
}

static bool bad_arguments(void)
{
	unsigned long a = (unsigned long)area;
	struct hmmt_migrate m = { .addr = a, .len = HMMT_PAGE_SIZE, .peer = 1 };
	uint64_t v;

	TRY(fill(1, true));
#define ERR(call, err) do {						\
		int r = (call);						\
		WANT(r == -(err), #call " gives %d, not %d", r, -(err));	\
	} while (0)
	ERR(hmmt_migrate(&dev0, a + 1, HMMT_PAGE_SIZE, 0, NULL), EINVAL);
	ERR(hmmt_migrate(&dev0, a, 0, 0, NULL), EINVAL);
	ERR(hmmt_migrate(&dev0, a, 100, 0, NULL), EINVAL);
	ERR(hmmt_migrate(&dev0, a, -HMMT_PAGE_SIZE, 0, NULL), EINVAL);
	ERR(hmmt_migrate(&dev0, a, HMMT_PAGE_SIZE, 1U << 30, NULL), EINVAL);
	ERR(hmmt_migrate(&dev0, a + AREA_SIZE, HMMT_PAGE_SIZE, 0, NULL), EFAULT);
	ERR(hmmt_access(&dev0, a + 4, &v, 8, 0, NULL), EINVAL);
	ERR(hmmt_access(&dev0, a, (void *)16, 8, 0, NULL), EFAULT);
	ERR(hmmt_access(&dev0, a + AREA_SIZE, &v, 8, 0, NULL), EFAULT);
#undef ERR
	WANT(ioctl(dev0.fd, HMMT_MIGRATE, &m) && errno == EINVAL, "reserved != 0");
	WANT(ioctl(dev0.fd, _IOWR('H', 0x7f, m), &m) && errno == ENOTTY, "no command");
	WANT(ioctl(dev0.fd, HMMT_MIGRATE, NULL) && errno == EFAULT, "no struct");
	return true;
}

static const struct test tests[] = {
	{ "thp_to_dev", thp_to_dev },
	{ "thp_round_trip", thp_round_trip },
	{ "thp_cpu_fault", thp_cpu_fault },
	{ "base_round_trip", base_round_trip },
	{ "split_on_request", split_on_request },
	{ "drop_restores", drop_restores },
	{ "hole_becomes_thp", hole_becomes_thp },
	{ "device_write", device_write },
	{ "device_read_after_mprotect", device_read_after_mprotect },
	{ "write_to_read_only", write_to_read_only },
	{ "device_read_after_fork", device_read_after_fork },
	{ "pte_mapped_cpu_fault", pte_mapped_cpu_fault },
	{ "moved_and_part_migrated", moved_and_part_migrated },
	{ "unaligned_part", unaligned_part },
	{ "device_to_device", device_to_device },
	{ "evict_all", evict_all },
	{ "stock_commands", stock_commands },
	{ "exclusive", exclusive },
	{ "bad_arguments", bad_arguments },
};

int main(void)
{
	return run_tests("hmm-driver", tests, sizeof(tests) / sizeof(tests[0]));
}
