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

#include "hmmt.h"

static struct hmmt_dev dev0, dev1;
static char *area;		/* PMD aligned, 4 PMDs, unmapped between tests */
static char why[256];

#define AREA_PMDS	4
#define AREA_SIZE	(AREA_PMDS * HMMT_PMD_SIZE)

/* Leaves the test with what was seen */
#define WANT(cond, ...)							\
	do {								\
		if (!(cond)) {						\
			explain(#cond, __VA_ARGS__);			\
			return false;					\
		}							\
	} while (0)

__attribute__((format(printf, 2, 3)))
static void explain(const char *cond, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = snprintf(why, sizeof(why), "%s: ", cond);
	vsnprintf(why + n, sizeof(why) - n, fmt, ap);
	va_end(ap);
}

static uint64_t *word(unsigned long page)
{
	return (uint64_t *)(area + page * HMMT_PAGE_SIZE + 64);
}

static uint64_t value(unsigned long page)
{
	return hmmt_mix64(page + 1);
}

/* @pmds PMDs of anonymous memory, as THPs or not, each page with its value */
static bool fill(unsigned int pmds, bool thp)
{
	size_t size = pmds * HMMT_PMD_SIZE;
	unsigned long i;
	char *p;

	p = mmap(area, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	WANT(p == area, "mmap: %s", strerror(errno));
	WANT(!madvise(area, size, thp ? MADV_HUGEPAGE : MADV_NOHUGEPAGE),
	     "madvise: %s", strerror(errno));
	for (i = 0; i < size / HMMT_PAGE_SIZE; i++)
		*word(i) = value(i);
	return true;
}

static bool verify(unsigned long first, unsigned long last)
{
	unsigned long i;

	for (i = first; i < last; i++)
		WANT(*word(i) == value(i), "page %lu holds %#llx", i,
		     (unsigned long long)*word(i));
	return true;
}

/* The device reads one word of each page */
static bool verify_device(struct hmmt_dev *dev, unsigned long first,
			  unsigned long last)
{
	unsigned long i;
	uint64_t v;
	int ret;

	for (i = first; i < last; i++) {
		ret = hmmt_access(dev, (unsigned long)word(i), &v, sizeof(v), 0, NULL);
		WANT(!ret, "page %lu: %s", i, strerror(-ret));
		WANT(v == value(i), "device reads %#llx from page %lu",
		     (unsigned long long)v, i);
	}
	return true;
}

static bool migrate(struct hmmt_dev *dev, unsigned long page, unsigned long nr,
		    unsigned int flags, struct hmmt_migrate *res)
{
	int ret = hmmt_migrate(dev, (unsigned long)area + page * HMMT_PAGE_SIZE,
			       nr * HMMT_PAGE_SIZE, flags, res);

	WANT(!ret, "migrate: %s", strerror(-ret));
	return true;
}

static uint16_t snap(unsigned long page)
{
	uint16_t s = 0xffff;
	int ret = hmmt_snapshot(&dev0, (unsigned long)area + page * HMMT_PAGE_SIZE,
				HMMT_PAGE_SIZE, &s);

	return ret ? 0xffff : s;
}

static bool in_device(unsigned long page)
{
	return (HMMT_SNAP_PROT(snap(page)) & 0x70) ==
	       HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL;
}

#define TRY(x)	do { if (!(x)) return false; } while (0)

static bool thp_to_dev(void)
{
	struct hmmt_migrate m;

	TRY(fill(1, true));
	TRY(migrate(&dev0, 0, HMMT_PMD_PAGES, 0, &m));
	WANT(m.thp == 1 && m.migrated == HMMT_PMD_PAGES, "thp %llu migrated %llu",
	     m.thp, m.migrated);
	WANT(in_device(0) && in_device(511), "snapshot %#x %#x", snap(0), snap(511));
	WANT(HMMT_SNAP_ORDER(snap(7)) == 9, "order %u", HMMT_SNAP_ORDER(snap(7)));
	return verify_device(&dev0, 0, HMMT_PMD_PAGES);
}

static bool thp_round_trip(void)
{
	struct hmmt_migrate m;

	TRY(thp_to_dev());
	TRY(migrate(&dev0, 0, HMMT_PMD_PAGES, HMMT_MIGRATE_TO_SYS, &m));
	WANT(m.thp == 1, "thp %llu migrated %llu", m.thp, m.migrated);
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
	WANT(b.fault_thp == a.fault_thp + 1, "fault_thp %llu, then %llu",
	     a.fault_thp, b.fault_thp);
	WANT(!in_device(0) && !in_device(511), "snapshot %#x", snap(0));
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
	WANT(m.split == 1 && m.migrated == HMMT_PMD_PAGES, "split %llu migrated %llu",
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
	WANT(m.thp == 1, "thp %llu migrated %llu", m.thp, m.migrated);
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
	waitpid(pid, &status, 0);
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
			HMM_DMIRROR_PROT_PMD), "snapshot %#x", buf[5]);
	WANT(!ioctl(dev0.fd, HMM_DMIRROR_MIGRATE_TO_SYS, &cmd), "%s", strerror(errno));
	return verify(0, HMMT_PMD_PAGES);
}

static bool exclusive(void)
{
	static char buf[16 * HMMT_PAGE_SIZE];
	struct hmm_dmirror_cmd cmd = {
		.addr = (unsigned long)area, .ptr = (unsigned long)buf, .npages = 16,
	};

	TRY(fill(1, true));
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

static const struct {
	const char *name;
	bool (*run)(void);
} tests[] = {
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

/* Nothing may be left in device memory, and the driver must be in order */
static bool clean(struct hmmt_dev *dev)
{
	struct hmmt_stats stats;
	struct hmmt_check check;

	WANT(!hmmt_stats(dev, &stats), "stats");
	WANT(!stats.pages_used, "%llu device pages left", stats.pages_used);
	WANT(!hmmt_check(dev, 0, &check), "check");
	WANT(!check.check, "%s: pfn %#llx expected %llu found %llu",
	     hmmt_check_name(check.check), check.pfn, check.expected, check.found);
	return true;
}

int main(void)
{
	unsigned int i, failed = 0, nr = sizeof(tests) / sizeof(tests[0]);

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%u\n", nr);
	if (hmmt_open(&dev0, 0) || hmmt_open(&dev1, 1)) {
		printf("Bail out! cannot open the devices: %s\n", strerror(errno));
		return 1;
	}
	area = mmap((void *)0x200000000000UL, AREA_SIZE + HMMT_PMD_SIZE, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (area == MAP_FAILED) {
		printf("Bail out! mmap: %s\n", strerror(errno));
		return 1;
	}

	for (i = 0; i < nr; i++) {
		bool ok = tests[i].run();

		munmap(area, AREA_SIZE + HMMT_PMD_SIZE);
		ok = ok && clean(&dev0) && clean(&dev1);
		failed += !ok;
		if (!ok)
			printf("# %s: %s\n", tests[i].name, why);
		printf("%sok %u hmm.%s\n", ok ? "" : "not ", i + 1, tests[i].name);
	}
	printf("{\"hmmtorture\":1,\"program\":\"hmm-driver\",\"pass\":%u,\"fail\":%u,\"skip\":0}\n",
	       nr - failed, failed);
	return !!failed;
}
