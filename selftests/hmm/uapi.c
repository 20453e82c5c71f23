// SPDX-License-Identifier: GPL-2.0
/*
 * What the commands beyond migrate, access and snapshot promise. Those on
 * memory that the CPU can map (device-coherent) run where the guest has some.
 */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "uapi.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

/* One THP, in device memory whole */
bool thp_in_device(void)
{
	struct hmmt_migrate m;

	TRY(fill(1, true));
	TRY(migrate(&dev0, 0, PAGES, 0, &m));
	WANT(m.thp == whole_thps, "thp %llu migrated %llu", m.thp, m.migrated);
	return true;
}

/* The same number of base pages */
bool base_in_device(void)
{
	struct hmmt_migrate m;

	TRY(fill(1, false));
	TRY(migrate(&dev0, 0, PAGES, 0, &m));
	WANT(!m.thp && m.migrated == PAGES, "thp %llu migrated %llu", m.thp, m.migrated);
	return true;
}

static unsigned int count_in_device(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < PAGES; i++)
		n += in_device(i);
	return n;
}

static bool peer(bool thp)
{
	struct hmmt_stats before, after, st0;
	struct hmmt_migrate m;
	int ret;

	TRY(thp ? thp_in_device() : base_in_device());
	TRY(stats_of(&dev1, &before));
	ret = hmmt_migrate_peer(&dev1, at(0), HMMT_PMD_SIZE, 0, 0, &m);
	WANT(!ret && m.migrated == PAGES && m.thp == (thp && whole_thps), "ret %d migrated %llu thp %llu",
	     ret, m.migrated, m.thp);
	TRY(stats_of(&dev1, &after));
	TRY(stats_of(&dev0, &st0));
	WANT(after.to_peer_thp - before.to_peer_thp == (thp && whole_thps), "counter %llu",
	     after.to_peer_thp - before.to_peer_thp);
	WANT(!st0.pages_used && after.pages_used == PAGES, "used %llu and %llu",
	     st0.pages_used, after.pages_used);
	TRY(verify_device(&dev1, 0, PAGES));
	return verify(0, PAGES);
}

static bool peer_thp(void)
{
	return peer(true);
}

static bool peer_base(void)
{
	return peer(false);
}

static bool peer_errors(void)
{
	struct hmmt_migrate m = { .addr = at(0), .len = HMMT_PAGE_SIZE, .peer = 1 };
	int ret;

	TRY(fill(1, true));
	ret = hmmt_migrate_peer(&dev0, at(0), HMMT_PMD_SIZE, 0, 99, NULL);
	WANT(ret == -ENODEV, "no such device: %d", ret);
	ret = hmmt_migrate_peer(&dev0, at(0), HMMT_PMD_SIZE, HMMT_MIGRATE_TO_SYS, 1, NULL);
	WANT(ret == -EINVAL, "to system: %d", ret);
	WANT(ioctl(dev0.fd, HMMT_MIGRATE, &m) && errno == EINVAL, "peer without flag");
	return true;
}

/*
 * @touch: page whose fault brings back @want pages. Less than a device THP is
 * the subject of docs/findings/fault-part.md.
 */
static bool window(size_t bytes, unsigned long touch, unsigned int want)
{
	unsigned int n;
	int ret;

	TRY(base_in_device());
	ret = hmmt_tune(&dev0, bytes, 0);
	WANT(!ret, "tune: %d", ret);
	ret = verify(touch, touch + 1);
	n = PAGES - count_in_device();
	hmmt_tune(&dev0, 0, 0);
	TRY(ret);
	WANT(n == want, "%u pages came back", n);
	return verify(0, PAGES);
}

static bool window_base_64k(void)
{
	return window(65536, 37, 16);
}

static bool window_base_2m(void)
{
	return window(HMMT_PMD_SIZE, 37, PAGES);
}

static bool window_device(void)
{
	static char buf[HMMT_PMD_SIZE];
	struct hmmt_access acc;
	int ret;

	TRY(fill(1, true));
	WANT(!hmmt_tune(&dev0, 0, 65536), "tune");
	ret = hmmt_access(&dev0, at(0), buf, HMMT_PMD_SIZE, 0, &acc);
	hmmt_tune(&dev0, 0, 0);
	WANT(!ret && acc.faults == 32, "ret %d faults %llu", ret, acc.faults);
	WANT(hmmt_tune(&dev0, 8192, 0) == -EINVAL, "8192");
	WANT(hmmt_tune(&dev0, 0, 1) == -EINVAL, "1");
	return true;
}

/* Told once, by the one that is held, when it is: not by others, nor by the next one */
static bool hold_tells(void)
{
	static struct hmmt_dev other = HMMT_DEV_CLOSED;
	struct hmmt_stats before, after;
	eventfd_t times = 0;
	int fd, ret, none;

	TRY(fill(1, false));
	fd = eventfd(0, EFD_NONBLOCK);
	WANT(fd > 0, "eventfd: %s", strerror(errno));
	WANT(hmmt_hold_tell(&dev0, HMMT_HOLD_COPIED, 1, dev0.fd) == -EINVAL, "no eventfd");
	WANT(hmmt_hold_tell(&dev0, HMMT_HOLD_COPIED, 1, 1 << 20) == -EBADF, "not open");
	TRY(stats_of(&dev0, &before));
	ret = hmmt_open(&other, 0) ?: hmmt_hold(&other, HMMT_HOLD_COPIED, 1) ?:
	      hmmt_hold_tell(&dev0, HMMT_HOLD_COPIED, 1, fd) ?:
	      hmmt_migrate(&other, at(0), HMMT_PAGE_SIZE, 0, NULL);
	none = eventfd_read(fd, &times);
	ret = ret ?: hmmt_migrate(&dev0, at(1), HMMT_PAGE_SIZE, 0, NULL) ?:
	      hmmt_migrate(&dev0, at(2), HMMT_PAGE_SIZE, 0, NULL);
	if (eventfd_read(fd, &times))
		times = 0;
	hmmt_close(&other);
	TRY(stats_of(&dev0, &after));
	WANT(!ret, "ret %d", ret);
	WANT(after.held == before.held + 2, "held %llu times", after.held - before.held);
	WANT(none && times == 1, "told %llu times, others %d", (unsigned long long)times, !none);
	/* nor when it was set to something else meanwhile */
	ret = hmmt_hold_tell(&dev0, HMMT_HOLD_COPIED, 1, fd) ?:
	      hmmt_hold(&dev0, HMMT_HOLD_COPIED, 1) ?:
	      hmmt_migrate(&dev0, at(3), HMMT_PAGE_SIZE, 0, NULL);
	none = eventfd_read(fd, &times);
	close(fd);
	WANT(!ret && none, "ret %d, told %d", ret, !none);
	return verify(0, PAGES);
}

static bool inject(uint32_t sites, uint64_t nth, uint64_t interval, uint32_t probability,
		   struct hmmt_inject *out)
{
	struct hmmt_inject in = {
		.sites = sites, .nth = nth, .interval = interval,
		.probability = probability, .seed = 7,
	};
	int ret = hmmt_inject(&dev0, &in);

	WANT(!ret, "inject: %s", strerror(-ret));
	if (out)
		*out = in;
	return true;
}

static bool inject_end(struct hmmt_inject *out)
{
	return inject(0, 0, 0, 0, out);
}

static bool inject_thp(void)
{
	struct hmmt_inject in;
	struct hmmt_migrate m;

	if (!whole_thps) {
		skip = "this kernel migrates base pages only";
		return false;
	}
	TRY(fill(2, true));
	TRY(inject(HMMT_SITE_DEV_THP, 1, 0, 0, NULL));
	TRY(migrate(&dev0, 0, 2 * PAGES, 0, &m));
	TRY(inject_end(&in));
	WANT(in.seen == 2 && in.failed == 1, "seen %llu failed %llu", in.seen, in.failed);
	WANT(m.thp == 1 && m.split == 1 && m.migrated == 2 * PAGES,
	     "thp %llu split %llu migrated %llu", m.thp, m.split, m.migrated);
	return verify(0, 2 * PAGES);
}

/* Some of a PMD's base pages only */
static bool inject_partial(void)
{
	struct hmmt_inject in;
	struct hmmt_migrate m;

	TRY(fill(1, false));
	TRY(inject(HMMT_SITE_DEV_BASE, 2, 2, 0, NULL));
	TRY(migrate(&dev0, 0, PAGES, 0, &m));
	TRY(inject_end(&in));
	WANT(m.migrated == PAGES / 2 && m.nomem == PAGES / 2, "migrated %llu nomem %llu",
	     m.migrated, m.nomem);
	WANT(in_device(0) && !in_device(1) && in_device(510) && !in_device(511),
	     "snapshot %#x %#x", snap(0), snap(1));
	return verify(0, PAGES);
}

static bool inject_probability(void)
{
	struct hmmt_inject in, again;
	struct hmmt_migrate m;

	TRY(fill(1, false));
	TRY(inject(HMMT_SITE_DEV_BASE, 0, 0, 16384, NULL));
	TRY(migrate(&dev0, 0, PAGES, 0, &m));
	TRY(inject_end(&in));
	WANT(in.failed > PAGES / 8 && in.failed < PAGES / 2, "failed %llu", in.failed);
	TRY(verify(0, PAGES));
	TRY(fill(1, false));
	TRY(inject(HMMT_SITE_DEV_BASE, 0, 0, 16384, NULL));
	TRY(migrate(&dev0, 0, PAGES, 0, &m));
	TRY(inject_end(&again));
	WANT(again.failed == in.failed, "same seed: %llu and %llu", in.failed, again.failed);
	return verify(0, PAGES);
}

/* A CPU fault that finds no THP is served by base pages */
static bool inject_fault(void)
{
	struct hmmt_inject in;

	if (!whole_thps) {
		skip = "this kernel migrates base pages only";
		return false;
	}
	TRY(thp_in_device());
	TRY(inject(HMMT_SITE_SYS_THP, 1, 1, 0, NULL));
	TRY(verify(0, PAGES));
	TRY(inject_end(&in));
	WANT(in.failed >= 1, "failed %llu", in.failed);
	return true;
}

static bool inject_arrays(void)
{
	struct hmmt_checksum sum;
	struct hmmt_inject in;
	uint16_t out;
	uint64_t v;
	int ret;

	TRY(fill(1, true));
	TRY(inject(HMMT_SITE_ARRAY, 1, 1, 0, NULL));
	ret = hmmt_migrate(&dev0, at(0), HMMT_PMD_SIZE, 0, NULL);
	WANT(ret == -ENOMEM, "migrate: %d", ret);
	ret = hmmt_access(&dev0, at(0), &v, 8, 0, NULL);
	WANT(ret == -ENOMEM, "access: %d", ret);
	ret = hmmt_snapshot(&dev0, at(0), HMMT_PAGE_SIZE, &out);
	WANT(ret == -ENOMEM, "snapshot: %d", ret);
	ret = hmmt_checksum(&dev0, at(0), HMMT_PAGE_SIZE, NULL, &sum);
	WANT(ret == -ENOMEM, "checksum: %d", ret);
	ret = hmmt_pin(&dev0, at(0), HMMT_PAGE_SIZE, 0, NULL);
	WANT(ret == -ENOMEM, "pin: %d", ret);
	TRY(inject_end(&in));
	WANT(in.failed >= 5, "failed %llu", in.failed);
	TRY(inject(HMMT_SITE_PT, 1, 1, 0, NULL));
	ret = hmmt_access(&dev0, at(0), &v, 8, 0, NULL);
	TRY(inject_end(NULL));
	WANT(ret == -ENOMEM, "page table: %d", ret);
	return verify(0, PAGES);
}

static bool checksum(void)
{
	static uint64_t sums[2 * PAGES];
	struct hmmt_checksum sum;
	struct hmmt_migrate m;
	unsigned int i;
	uint64_t want;
	int ret;

	TRY(fill(2, true));
	want = hmmt_checksum_of(area, 2 * HMMT_PMD_SIZE);
	/* one PMD there, one here; half of the second PMD elsewhere */
	TRY(migrate(&dev0, 0, PAGES, 0, &m));
	ret = hmmt_checksum(&dev0, at(0), 2 * HMMT_PMD_SIZE, sums, &sum);
	WANT(!ret && sum.done == 2 * HMMT_PMD_SIZE, "ret %d done %llu", ret, sum.done);
	WANT(sum.sum == want, "sum %#llx, not %#llx", sum.sum, (unsigned long long)want);
	WANT(in_device(0), "snapshot %#x", snap(0));
	for (i = 0; i < 2 * PAGES; i++)
		WANT(sums[i] == hmmt_checksum_of((void *)at(i), HMMT_PAGE_SIZE), "page %u", i);
	*word(9) ^= 1;
	hmmt_checksum(&dev0, at(0), 2 * HMMT_PMD_SIZE, NULL, &sum);
	*word(9) ^= 1;
	WANT(sum.sum != want, "a changed bit is not seen");
	ret = hmmt_checksum(&dev0, at(0) + 8, HMMT_PAGE_SIZE, NULL, NULL);
	WANT(ret == -EINVAL, "misaligned: %d", ret);
	ret = hmmt_checksum(&dev0, at(2 * PAGES) - HMMT_PAGE_SIZE, 2 * HMMT_PAGE_SIZE, NULL, &sum);
	WANT(ret == -EFAULT && sum.done <= HMMT_PAGE_SIZE, "end of mapping: %d, %llu", ret,
	     sum.done);
	return true;
}

static bool pin(void)
{
	struct hmmt_migrate m;
	struct hmmt_pin p;
	int ret;

	TRY(thp_in_device());
	/* comes back to be pinned, and stays */
	ret = hmmt_pin(&dev0, at(5), 2 * HMMT_PAGE_SIZE, HMMT_PIN_WRITE, &p);
	WANT(!ret && p.held == 2 && p.done == 2 * HMMT_PAGE_SIZE, "ret %d held %llu", ret, p.held);
	WANT(!in_device(5), "snapshot %#x", snap(5));
	TRY(migrate(&dev0, 0, PAGES, 0, &m));
	WANT(!in_device(5) && !in_device(6) && !m.thp, "pinned and migrated: %#x", snap(5));
	TRY(verify(0, PAGES));
	ret = hmmt_pin(&dev0, at(5), HMMT_PAGE_SIZE, HMMT_PIN_RELEASE, NULL);
	WANT(ret == -ENOENT, "another range: %d", ret);
	ret = hmmt_pin(&dev0, at(5), 2 * HMMT_PAGE_SIZE, HMMT_PIN_RELEASE, &p);
	WANT(!ret && !p.held, "ret %d held %llu", ret, p.held);
	TRY(migrate(&dev0, 0, PAGES, 0, &m));
	WANT(in_device(5), "released, and not migrated: %#x", snap(5));
	return verify(0, PAGES);
}

static bool pin_errors(void)
{
	struct hmmt_pin p;
	int ret;

	TRY(fill(1, true));
	ret = hmmt_pin(&dev0, at(PAGES) - HMMT_PAGE_SIZE, 2 * HMMT_PAGE_SIZE, 0, &p);
	WANT(ret == -EFAULT && !p.held && !p.done, "end of mapping: %d held %llu", ret, p.held);
	ret = hmmt_pin(&dev0, at(0), 2UL << 30, 0, NULL);
	WANT(ret == -E2BIG, "too much: %d", ret);
	ret = hmmt_pin(&dev0, at(0), 0, 0, NULL);
	WANT(ret == -EINVAL, "empty: %d", ret);
	ret = hmmt_pin(&dev0, at(0), HMMT_PAGE_SIZE, HMMT_PIN_RELEASE | HMMT_PIN_WRITE, NULL);
	WANT(ret == -EINVAL, "flags: %d", ret);
	/* several, and all released at once */
	WANT(!hmmt_pin(&dev0, at(0), HMMT_PAGE_SIZE, 0, NULL), "pin");
	WANT(!hmmt_pin(&dev0, at(0), 4 * HMMT_PAGE_SIZE, HMMT_PIN_LONGTERM, &p), "pin");
	WANT(p.held == 5, "held %llu", p.held);
	WANT(!hmmt_pin(&dev0, 0, 0, HMMT_PIN_RELEASE, &p) && !p.held, "held %llu", p.held);
	return verify(0, PAGES);
}

static bool perturb(void)
{
	struct hmmt_stats before, after;
	struct hmmt_migrate m;
	unsigned int i;

	TRY(stats_of(&dev0, &before));
	WANT(!hmmt_perturb(&dev0, 50, 3), "perturb");
	for (i = 0; i < 8; i++)
		TRY(thp_in_device());
	WANT(!hmmt_perturb(&dev0, 0, 0), "perturb");
	TRY(stats_of(&dev0, &after));
	WANT(after.perturbed > before.perturbed, "no point waited");
	TRY(migrate(&dev0, 0, PAGES, HMMT_MIGRATE_TO_SYS, &m));
	TRY(stats_of(&dev0, &before));
	WANT(after.perturbed == before.perturbed, "waits although off");
	WANT(hmmt_perturb(&dev0, 1000001, 0) == -EINVAL, "too much");
	return verify(0, PAGES);
}

static bool read_unlocked(void)
{
	static char buf[HMMT_PMD_SIZE];
	struct hmm_dmirror_cmd cmd = {
		.addr = at(0), .ptr = (uintptr_t)buf, .npages = PAGES,
	};

	TRY(fill(1, true));
	if (ioctl(dev0.fd, HMM_DMIRROR_READ_UNLOCKED, &cmd)) {
		WANT(errno == ENOTTY, "%s", strerror(errno));
		skip = "this kernel has no hmm_range_fault_unlocked_timeout()";
		return false;
	}
	WANT(cmd.cpages == PAGES && !memcmp(buf, area, sizeof(buf)), "cpages %llu", cmd.cpages);
	return true;
}

/*
 * What is in the device comes back for DMA, and is read and written there. Where the kernel
 * wants all of it to go through buffers (swiotlb=force) the mapping is refused.
 */
static bool dma(void)
{
	static uint64_t buf[HMMT_PMD_SIZE / sizeof(uint64_t)];
	char cmdline[4096] = "";
	struct hmmt_stats st, before;
	unsigned int i;
	int ret;

	hmmt_read_file("/proc/cmdline", cmdline, sizeof(cmdline));
	TRY(thp_in_device());
	TRY(stats_of(&dev0, &before));
	ret = hmmt_access(&dev0, at(0), buf, sizeof(buf), HMMT_ACCESS_DMA, NULL);
	if (ret == -EOPNOTSUPP) {
		skip = "this kernel has no hmm_dma_map_pfn()";
		return false;
	}
	WANT(ret == (strstr(cmdline, "swiotlb=force") ? -EIO : 0), "read: %s", strerror(-ret));
	WANT(!count_in_device(), "%u pages are left in the device", count_in_device());
	if (ret)
		return verify(0, PAGES);
	WANT(!memcmp(buf, area, sizeof(buf)), "other data");
	for (i = 0; i < PAGES; i++)
		buf[i * HMMT_PAGE_SIZE / 8 + 8] ^= 1;
	ret = hmmt_access(&dev0, at(0), buf, sizeof(buf), HMMT_ACCESS_DMA | HMMT_ACCESS_WRITE,
			  NULL);
	WANT(!ret && !memcmp(buf, area, sizeof(buf)), "write: %s", strerror(-ret));
	TRY(stats_of(&dev0, &st));
	/* once to read, twice to write */
	WANT(st.dma_mapped - before.dma_mapped == 3 * PAGES && st.dma_wrong == before.dma_wrong,
	     "mapped %llu, wrong %llu", st.dma_mapped - before.dma_mapped,
	     st.dma_wrong - before.dma_wrong);
	return true;
}

/* Memory that fails is the device's matter: the kernel says so and leaves it alone */
static bool memory_failure(void)
{
	static const char corrupt[] = "/sys/kernel/debug/hwpoison/corrupt-pfn";
	uint64_t entry;
	char text[32];
	int ret;

	if (access(corrupt, W_OK)) {
		skip = "this kernel has no memory failure handling";
		return false;
	}
	TRY(base_in_device());
	ret = hmmt_pagemap_read(getpid(), at(7), 1, &entry);
	WANT(!ret && hmmt_pagemap_decode(entry).swap, "pagemap: %s", strerror(-ret));
	snprintf(text, sizeof(text), "%llu",
		 (unsigned long long)hmmt_pagemap_decode(entry).swap_pfn);
	ret = hmmt_write_file(corrupt, text);
	/* EBUSY: that of a kernel without DAX, which does not get so far */
	WANT(ret == -ENXIO || ret == -EBUSY, "%s", strerror(-ret));
	WANT(count_in_device() == PAGES, "%u pages are left in the device", count_in_device());
	TRY(verify_device(&dev0, 0, PAGES));
	return verify(0, PAGES);
}

/* Each invariant, broken for one walk, is the one that is reported */
static bool checks_fire(void)
{
	struct hmmt_check check;
	unsigned int i;
	int ret;

	TRY(thp_in_device());
	ret = hmmt_check(&dev0, HMMT_CHECK_BUST(1), &check);
	WANT(ret == -EPERM, "without the parameter: %d", ret);
	ret = hmmt_write_file("/sys/module/test_hmm/parameters/bust", "1");
	WANT(!ret, "parameter bust: %s", strerror(-ret));
	for (i = 1; i < HMMT_NR_CHECKS; i++) {
		/* takes a folio that has an order */
		if (i == HMMT_CHECK_ORDER && !whole_thps)
			continue;
		ret = hmmt_check(&dev0, HMMT_CHECK_QUIET | HMMT_CHECK_BUST(i), &check);
		WANT(!ret, "%s: %s", hmmt_check_name(i), strerror(-ret));
		WANT(check.check == i, "%s: reported is %s", hmmt_check_name(i),
		     hmmt_check_name(check.check));
		WANT(check.expected != check.found, "%s: as expected", hmmt_check_name(i));
		ret = hmmt_check(&dev0, HMMT_CHECK_QUIET, &check);
		WANT(!ret && !check.check, "after %s: %s", hmmt_check_name(i),
		     hmmt_check_name(check.check));
	}
	ret = hmmt_check(&dev0, HMMT_CHECK_BUST(HMMT_NR_CHECKS), &check);
	WANT(ret == -EINVAL, "no such check: %d", ret);
	hmmt_write_file("/sys/module/test_hmm/parameters/bust", "0");
	return verify(0, PAGES);
}

/*
 * What a device writes is dirty: memory that was given up is not any more. The second PMD
 * is not written to; that it goes shows that something was reclaimed.
 */
static bool freed_and_written(void)
{
	unsigned long i, gone = 0;
	uint64_t v;
	int ret;

	TRY(fill(2, whole_thps));
	WANT(!madvise(area, 2 * HMMT_PMD_SIZE, MADV_FREE), "%s", strerror(errno));
	TRY(migrate(&dev0, 0, 2 * PAGES, 0, NULL));
	for (i = 0; i < PAGES && !busted("dirty"); i++) {
		v = value(i);
		ret = hmmt_access(&dev0, (unsigned long)word(i), &v, sizeof(v),
				  HMMT_ACCESS_WRITE, NULL);
		WANT(!ret, "page %lu: %s", i, strerror(-ret));
	}
	WANT(in_device(0), "snapshot %#x", snap(0));
	TRY(migrate(&dev0, 0, 2 * PAGES, HMMT_MIGRATE_TO_SYS, NULL));
	WANT(!in_device(0) && !in_device(PAGES), "still there");
	/* nothing is reclaimed that waits to get on the lists for it */
	hmmt_write_file("/proc/sys/vm/drop_caches", "1");
	WANT(!madvise(area, 2 * HMMT_PMD_SIZE, MADV_PAGEOUT), "%s", strerror(errno));
	for (i = PAGES; i < 2 * PAGES; i++)
		gone += !*word(i);
	TRY(verify(0, PAGES));
	if (!gone && !whole_thps) {
		skip = "this kernel reclaims nothing of it";
		return false;
	}
	WANT(gone, "nothing was reclaimed");
	return true;
}

static const struct test tests[] = {
	{ "peer_thp", peer_thp },
	{ "peer_base", peer_base },
	{ "peer_errors", peer_errors },
	{ "evict_chunk", evict_chunk },
	{ "evict_range", evict_range },
	{ "evict_pfns", evict_pfns },
	{ "evict_thp", evict_thp },
	{ "evict_errors", evict_errors },
	{ "window_base_64k", window_base_64k },
	{ "window_base_2m", window_base_2m },
	{ "window_device", window_device },
	{ "hold_tells", hold_tells },
	{ "inject_thp", inject_thp },
	{ "inject_partial", inject_partial },
	{ "inject_probability", inject_probability },
	{ "inject_fault", inject_fault },
	{ "inject_arrays", inject_arrays },
	{ "checksum", checksum },
	{ "pin", pin },
	{ "pin_errors", pin_errors },
	{ "perturb", perturb },
	{ "read_unlocked", read_unlocked },
	{ "dma", dma },
	{ "memory_failure", memory_failure },
	{ "freed_and_written", freed_and_written },
	{ "checks_fire", checks_fire },
	{ "coherent", coherent },
	{ "coherent_unplug", coherent_unplug },
};

int main(int argc, char **argv)
{
	parse_options(argc, argv);
	return run_tests("hmm-uapi", tests, sizeof(tests) / sizeof(tests[0]));
}
