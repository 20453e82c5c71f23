// SPDX-License-Identifier: GPL-2.0
/* What migrate_vma_setup() collects, and what is put into holes */
#include <linux/userfaultfd.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <signal.h>
#include <sys/wait.h>

#include "validate.h"

static bool thp(unsigned long unused)
{
	struct hmmt_migrate m;

	TRY(system_thps(2));
	TRY(move(0, 2 * PAGES, 0, &m));
	WANT(m.thp == 2 && m.collected == 2 * PAGES && m.migrated == 2 * PAGES,
	     "thp %llu collected %llu migrated %llu", m.thp, m.collected, m.migrated);
	TRY(placed(0, 2 * PAGES, DEVICE, 9));
	return intact(0, 2 * PAGES);
}

static bool device_thp(unsigned long unused)
{
	struct hmmt_migrate m;

	TRY(device_thps(1));
	TRY(move(0, PAGES, HMMT_MIGRATE_TO_SYS, &m));
	WANT(m.thp == 1 && m.migrated == PAGES, "thp %llu migrated %llu", m.thp, m.migrated);
	TRY(placed(0, PAGES, SYSTEM, 9));
	return verify(0, PAGES);
}

static bool empty(void)
{
	TRY(fill(1, true));
	WANT(!madvise(area, HMMT_PMD_SIZE, MADV_DONTNEED), "%s", strerror(errno));
	return placed(0, PAGES, NOWHERE, -1);
}

/* All of the first PMD reads as zeros, by the device and by the CPU */
static bool zeros(void)
{
	unsigned long i;
	uint64_t v;
	int ret;

	for (i = 0; i < PAGES; i += 37) {
		v = 1;
		ret = hmmt_access(&dev0, (unsigned long)word(i), &v, 8, 0, NULL);
		WANT(!ret && !v, "page %lu: device reads %#llx, %d", i, (unsigned long long)v, ret);
	}
	for (i = 0; i < PAGES; i++)
		WANT(!*word(i), "page %lu: CPU reads %#llx", i, (unsigned long long)*word(i));
	return true;
}

static bool hole(unsigned long flags)
{
	struct hmmt_migrate m;

	TRY(empty());
	TRY(move(0, PAGES, flags, &m));
	WANT(m.migrated == PAGES && m.thp == !flags, "thp %llu migrated %llu", m.thp,
	     m.migrated);
	TRY(placed(0, PAGES, DEVICE, flags ? 0 : 9));
	return zeros();
}

static bool huge_zero(unsigned long flags)
{
	struct hmmt_migrate m;
	volatile char c;

	TRY(empty());
	c = *(volatile char *)area;
	(void)c;
	TRY(placed(0, PAGES, SYSTEM, 9));
	TRY(move(0, PAGES, flags, &m));
	WANT(m.migrated == PAGES && m.thp == !flags, "thp %llu migrated %llu", m.thp,
	     m.migrated);
	TRY(placed(0, PAGES, DEVICE, flags ? 0 : 9));
	*word(3) = 3;
	WANT(!munmap(ptr(0), HMMT_PAGE_SIZE), "%s", strerror(errno));
	WANT(*word(3) == 3 && !*word(4), "%llu %llu", (unsigned long long)*word(3),
	     (unsigned long long)*word(4));
	return true;
}

/* The driver looks at each source: a head must have zeros behind it */
static bool head_and_zeros(unsigned long unused)
{
	TRY(device_thps(1));
	WANT(COUNTED(source_checked) == 1, "%llu sources for one THP", COUNTED(source_checked));
	TRY(move(0, PAGES, HMMT_MIGRATE_TO_SYS, NULL));
	WANT(COUNTED(source_checked) == 2, "%llu sources for a THP there and back",
	     COUNTED(source_checked));
	TRY(empty());
	TRY(move(0, PAGES, 0, NULL));
	WANT(COUNTED(source_checked) == 3, "%llu sources with one for a hole",
	     COUNTED(source_checked));
	WANT(!COUNTED(source_wrong), "%llu wrong sources", COUNTED(source_wrong));
	return zeros();
}

static bool without_compound(unsigned long unused)
{
	struct hmmt_migrate m;

	TRY(system_thps(1));
	TRY(move(0, PAGES, HMMT_MIGRATE_BASE, &m));
	WANT(!m.thp && m.migrated == PAGES, "thp %llu migrated %llu", m.thp, m.migrated);
	TRY(placed(0, PAGES, DEVICE, 0));
	return intact(0, PAGES);
}

static bool without_compound_back(unsigned long unused)
{
	struct hmmt_migrate m;

	TRY(device_thps(1));
	TRY(move(0, PAGES, HMMT_MIGRATE_TO_SYS | HMMT_MIGRATE_BASE, &m));
	WANT(!m.thp && m.migrated == PAGES, "thp %llu migrated %llu", m.thp, m.migrated);
	TRY(placed(0, PAGES, SYSTEM, 0));
	return verify(0, PAGES);
}

/* Ranges that begin and end inside of THPs */
static bool partly(unsigned long unused)
{
	struct hmmt_migrate m;

	TRY(system_thps(3));
	TRY(move(100, 2 * PAGES, 0, &m));
	WANT(m.migrated == 2 * PAGES && m.thp == 1, "thp %llu migrated %llu", m.thp,
	     m.migrated);
	TRY(placed(0, 100, SYSTEM, -1));
	TRY(placed(100, PAGES - 100, DEVICE, 0));
	TRY(placed(PAGES, PAGES, DEVICE, 9));
	TRY(placed(2 * PAGES + 100, PAGES - 100, SYSTEM, -1));
	return intact(0, 3 * PAGES);
}

static bool partly_back(unsigned long unused)
{
	struct hmmt_migrate m;

	TRY(device_thps(2));
	TRY(move(200, 500, HMMT_MIGRATE_TO_SYS, &m));
	WANT(m.migrated == 500 && !m.thp, "thp %llu migrated %llu", m.thp, m.migrated);
	TRY(placed(0, 200, DEVICE, 0));
	TRY(placed(200, 500, SYSTEM, 0));
	TRY(placed(700, 2 * PAGES - 700, DEVICE, 0));
	return intact(0, 2 * PAGES);
}

/* The PMD is split, the folio is not; the mapping is one again after that */
static bool pte_map(unsigned long page)
{
	TRY(set_prot(page, 1, PROT_READ));
	TRY(set_prot(page, 1, PROT_READ | PROT_WRITE));
	return true;
}

static bool pte_mapped(unsigned long unused)
{
	struct hmmt_migrate m;

	TRY(system_thps(1));
	TRY(pte_map(77));
	TRY(move(0, PAGES, 0, &m));
	WANT(m.migrated == PAGES, "thp %llu migrated %llu of a PTE-mapped THP", m.thp,
	     m.migrated);
	TRY(placed(0, PAGES, DEVICE, 0));
	return intact(0, PAGES);
}

static bool pte_mapped_back(unsigned long unused)
{
	struct hmmt_migrate m;

	TRY(device_thps(1));
	TRY(pte_map(77));
	TRY(placed(0, PAGES, DEVICE, 0));
	TRY(move(0, PAGES, HMMT_MIGRATE_TO_SYS, &m));
	WANT(m.migrated == PAGES, "thp %llu migrated %llu of a PTE-mapped device THP", m.thp,
	     m.migrated);
	WANT(COUNTED(split_folio) == 1, "%llu device folios split", COUNTED(split_folio));
	TRY(placed(0, PAGES, SYSTEM, 0));
	return verify(0, PAGES);
}

/* Small pages, then a part of a PTE-mapped large folio, all in one PMD */
static bool mixed(unsigned long back)
{
	struct hmmt_migrate m;
	char *to = ptr(2 * PAGES + 100);

	if (back)
		TRY(device_thps(1));
	else
		TRY(system_thps(1));
	WANT(mmap(ptr(2 * PAGES), HMMT_PMD_SIZE, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == ptr(2 * PAGES),
	     "%s", strerror(errno));
	madvise(ptr(2 * PAGES), HMMT_PMD_SIZE, MADV_NOHUGEPAGE);
	memset(ptr(2 * PAGES), 7, HMMT_PMD_SIZE);
	if (back)
		TRY(migrate(&dev0, 2 * PAGES, PAGES, 0, NULL));
	WANT(mremap(ptr(300), 200 * HMMT_PAGE_SIZE, 200 * HMMT_PAGE_SIZE,
		    MREMAP_MAYMOVE | MREMAP_FIXED, to) == to, "%s", strerror(errno));
	TRY(move(2 * PAGES, PAGES, back ? HMMT_MIGRATE_TO_SYS : 0, &m));
	WANT(m.migrated == PAGES && m.done == HMMT_PMD_SIZE, "migrated %llu of 512", m.migrated);
	TRY(placed(2 * PAGES, PAGES, back ? SYSTEM : DEVICE, 0));
	TRY(intact_at(to, 300, 200));
	WANT(ptr(2 * PAGES)[5] == 7 && ptr(3 * PAGES)[-5] == 7, "neighbours");
	return intact_at(area, 0, 300);
}

/* Base pages before what is left of a THP, of which a page is pinned */
static bool behind_pinned(unsigned long unused)
{
	struct hmmt_migrate m;
	unsigned long i;
	int ret;

	TRY(system_thps(1));
	WANT(!madvise(area, HMMT_PMD_SIZE, MADV_NOHUGEPAGE) &&
	     !madvise(area, 100 * HMMT_PAGE_SIZE, MADV_DONTNEED), "%s", strerror(errno));
	for (i = 0; i < 100; i++)
		*word(i) = value(i);
	ret = hmmt_pin(&dev0, at(300), HMMT_PAGE_SIZE, HMMT_PIN_WRITE, NULL);
	WANT(!ret, "pin: %s", strerror(-ret));
	TRY(move(0, PAGES, 0, &m));
	WANT(m.migrated == 100, "migrated %llu of the 100 before it", m.migrated);
	TRY(placed(0, 100, DEVICE, 0));
	TRY(placed(100, PAGES - 100, SYSTEM, 0));
	TRY(verify(100, PAGES));
	hmmt_pin(&dev0, 0, 0, HMMT_PIN_RELEASE, NULL);
	TRY(move(100, PAGES - 100, 0, &m));
	WANT(m.migrated == PAGES - 100, "migrated %llu of 412 afterwards", m.migrated);
	return intact(0, PAGES);
}

/*
 * Pages that swap has a copy of, which a child still needs: they stay. When nobody needs
 * it any more they go.
 */
static bool swap_cache(unsigned long unused)
{
	struct hmmt_migrate m;
	pid_t pid;
	int ret;

	hmmt_swap_on(32);
	if (access(HMMT_SWAP_FILE, F_OK))
		SKIP("no swap");
	TRY(fill(1, false));
	ret = hmmt_swap_out(area, 8 * HMMT_PAGE_SIZE);
	WANT(!ret, "swap: %s", strerror(-ret));
	pid = fork();
	while (!pid)
		pause();
	WANT(pid > 0, "fork: %s", strerror(errno));
	TRY(verify(0, 8));
	TRY(move(0, 8, 0, &m));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	WANT(!m.migrated, "migrated %llu pages that swap has as well", m.migrated);
	TRY(verify(0, 8));
	TRY(move(0, 8, 0, &m));
	WANT(m.migrated == 8, "migrated %llu of 8 that swap had", m.migrated);
	TRY(intact(0, PAGES));
	munmap(area, HMMT_PMD_SIZE);
	hmmt_swap_off();
	return true;
}

/* There is nothing to bring back in a page of zeros, which is no device's */
static bool zero_back(unsigned long unused)
{
	struct hmmt_migrate m;
	unsigned long i;

	TRY(fill(1, false));
	WANT(!madvise(area, HMMT_PMD_SIZE, MADV_DONTNEED), "%s", strerror(errno));
	for (i = 0; i < PAGES; i++)
		WANT(!*(volatile uint64_t *)word(i), "page %lu", i);
	TRY(move(0, PAGES, HMMT_MIGRATE_TO_SYS, &m));
	WANT(!m.migrated && !m.collected, "collected %llu migrated %llu", m.collected, m.migrated);
	return placed(0, PAGES, SYSTEM, 0);
}

static bool shmem(unsigned long flags)
{
	struct hmmt_migrate m;
	unsigned long i;

	if (hmmt_write_file("/sys/kernel/mm/transparent_hugepage/shmem_enabled", "advise") ||
	    mmap(area, HMMT_PMD_SIZE, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != area)
		SKIP("no shmem THPs here");
	madvise(area, HMMT_PMD_SIZE, MADV_HUGEPAGE);
	for (i = 0; i < PAGES; i++)
		*word(i) = value(i);
	if (!placed(0, PAGES, SYSTEM, 9))
		SKIP("shmem gives no THP");
	TRY(migrate(&dev0, 0, PAGES, flags, &m));
	WANT(!m.migrated, "migrated %llu pages of shared memory", m.migrated);
	TRY(placed(0, PAGES, SYSTEM, -1));
	return intact(0, PAGES);
}

static bool drop(unsigned long back)
{
	struct hmmt_migrate m;

	if (back)
		TRY(device_thps(1));
	else
		TRY(system_thps(1));
	TRY(move(0, PAGES, HMMT_MIGRATE_DROP | (back ? HMMT_MIGRATE_TO_SYS : 0), &m));
	WANT(m.collected == PAGES && !m.migrated, "collected %llu migrated %llu", m.collected,
	     m.migrated);
	TRY(placed(0, PAGES, back ? DEVICE : SYSTEM, 9));
	return intact(0, PAGES);
}

static bool read_only(unsigned long unused)
{
	struct hmmt_migrate m;

	TRY(system_thps(1));
	TRY(set_prot(0, PAGES, PROT_READ));
	TRY(migrate(&dev0, 0, PAGES, 0, &m));
	WANT(m.thp == 1, "thp %llu migrated %llu", m.thp, m.migrated);
	TRY(intact(0, PAGES));
	return placed(0, PAGES, SYSTEM, 9);
}

/* Device 0 leaves alone what is another's, and what is in system memory */
static bool not_mine(unsigned long thp)
{
	struct hmmt_migrate m;
	struct hmmt_stats st;

	TRY(fill(1, thp));
	TRY(migrate(&dev0, 0, PAGES, HMMT_MIGRATE_TO_SYS, &m));
	WANT(!m.collected, "collected %llu pages of system memory", m.collected);
	TRY(placed(0, PAGES, SYSTEM, thp ? 9 : 0));
	TRY(migrate(&dev1, 0, PAGES, 0, NULL));
	TRY(migrate(&dev0, 0, PAGES, 0, &m));
	WANT(!m.collected, "collected %llu pages of another device as system memory",
	     m.collected);
	TRY(migrate(&dev0, 0, PAGES, HMMT_MIGRATE_TO_SYS, &m));
	WANT(!m.collected, "collected %llu pages of another device", m.collected);
	WANT(!hmmt_stats(&dev1, &st) && st.pages_used == PAGES, "device 1 has %llu pages",
	     st.pages_used);
	return verify(0, PAGES);
}

static bool hole_counted(unsigned long unused)
{
	uint64_t folios, rss, tables, now;

	TRY(empty());
	hmmt_mthp_stat(2048, "nr_anon", &folios);
	hmmt_file_field("/proc/self/status", "RssAnon", &rss);
	hmmt_file_field("/proc/self/status", "VmPTE", &tables);
	TRY(move(0, PAGES, 0, NULL));
	TRY(placed(0, PAGES, DEVICE, 9));
	WANT(!hmmt_mthp_stat(2048, "nr_anon", &now) && now == folios + 1,
	     "nr_anon %llu, then %llu", (unsigned long long)folios, (unsigned long long)now);
	WANT(!hmmt_file_field("/proc/self/status", "RssAnon", &now) && now >= rss + 2048 &&
	     now < rss + 2048 + 64,
	     "RssAnon %llu kB, then %llu", (unsigned long long)rss, (unsigned long long)now);
	WANT(!munmap(area, HMMT_PMD_SIZE), "%s", strerror(errno));
	WANT(!hmmt_mthp_stat(2048, "nr_anon", &now) && now == folios,
	     "nr_anon %llu, after unmapping %llu", (unsigned long long)folios,
	     (unsigned long long)now);
	WANT(!hmmt_file_field("/proc/self/status", "RssAnon", &now) && now < rss + 64,
	     "RssAnon %llu kB, after unmapping %llu", (unsigned long long)rss,
	     (unsigned long long)now);
	WANT(!hmmt_file_field("/proc/self/status", "VmPTE", &now) && now <= tables,
	     "VmPTE %llu kB, after unmapping %llu", (unsigned long long)tables,
	     (unsigned long long)now);
	return true;
}

static bool uffd_missing(unsigned long thp)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct hmmt_migrate m;
	int fd;

	fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	WANT(fd >= 0 && !ioctl(fd, UFFDIO_API, &api), "userfaultfd: %s", strerror(errno));
	TRY(empty());
	reg.range.start = at(0);
	reg.range.len = HMMT_PMD_SIZE;
	WANT(!ioctl(fd, UFFDIO_REGISTER, &reg), "%s", strerror(errno));
	TRY(migrate(&dev0, 0, PAGES, thp ? 0 : HMMT_MIGRATE_BASE, &m));
	WANT(!m.migrated, "%llu pages put behind userfaultfd's back", m.migrated);
	return placed(0, PAGES, NOWHERE, -1);
}

static bool hole_read_only(unsigned long unused)
{
	struct hmmt_migrate m;
	uint64_t v = 5;
	int ret;

	TRY(empty());
	TRY(set_prot(0, PAGES, PROT_READ));
	TRY(migrate(&dev0, 0, PAGES, 0, &m));
	WANT(m.thp == 1, "thp %llu migrated %llu", m.thp, m.migrated);
	WANT(!(HMMT_SNAP_PROT(snap(3)) & HMM_DMIRROR_PROT_WRITE), "snapshot %#x", snap(3));
	ret = hmmt_access(&dev0, at(3), &v, 8, HMMT_ACCESS_WRITE, NULL);
	WANT(ret == -EPERM || ret == -EFAULT, "device write to read-only memory: %d", ret);
	return zeros();
}

const struct row collect_rows[] = {
	{ "collect.thp", "present THPs are collected and migrated whole", SERIES, thp, 0, 0 },
	{ "collect.device_thp", "a device THP is collected and comes back whole", SERIES,
	  device_thp, 0, 0 },
	{ "collect.hole", "a PMD hole is one compound source and becomes a device THP of zeros",
	  "migrate_vma_collect_hole(); " SERIES, hole, 0, 0 },
	{ "collect.huge_zero", "the huge zero page is collected as a hole",
	  "migrate_vma_collect_huge_pmd()", huge_zero, 0, 0 },
	{ "collect.head_and_zeros", "one head in the source array, zeros behind it", SERIES,
	  head_and_zeros, 0, 0 },
	{ "collect.without_compound", "a driver that does not ask for THPs gets base pages",
	  "MIGRATE_VMA_SELECT_COMPOUND; " SERIES, without_compound, 0, 0 },
	{ "collect.without_compound_back", "also of a device THP",
	  "MIGRATE_VMA_SELECT_COMPOUND; " SERIES, without_compound_back, 0, 0 },
	{ "collect.partly", "what of a THP is in the range goes, the rest stays",
	  "migrate_vma_collect_huge_pmd(), fallback; " SERIES, partly, 0, 0 },
	{ "collect.partly_back", "what of a device THP is in the range comes back, the rest stays",
	  "migrate_vma_collect_huge_pmd(), fallback; " SERIES, partly_back, 0, 0 },
	{ "collect.pte_mapped", "a PTE-mapped THP is split and migrated", THREAD,
	  pte_mapped, 0, 0 },
	{ "collect.pte_mapped_back", "a PTE-mapped device THP is split at collection and comes back",
	  THREAD, pte_mapped_back, 0, 0 },
	{ "collect.mixed", "a PTE-mapped THP behind base pages in the same PMD, all go",
	  THREAD, mixed, 0, 0 },
	{ "collect.mixed_back", "the same, of device memory", THREAD, mixed, 1, 0 },
	{ "collect.behind_pinned", "base pages before what is left of a pinned THP go, it stays",
	  SETUP, behind_pinned, 0, 0 },
	{ "collect.swap_cache", "a page in the swap cache goes when swap is not needed any more",
	  "__migrate_device_pages(): folio_free_swap()", swap_cache, 0, 0 },
	{ "collect.zero_back", "the zero page is no device memory", SETUP, zero_back, 0, 0 },
	{ "collect.shmem", "a THP of shared memory is refused and stays as it is",
	  "__migrate_device_pages(): only anonymous memory", shmem, 0, 0 },
	{ "collect.shmem_split", "also where the driver has base pages only",
	  "__migrate_device_pages(): only anonymous memory", shmem, HMMT_MIGRATE_SPLIT, 0 },
	{ "collect.drop", "a THP without a destination is restored whole", SETUP, drop, 0, 0 },
	{ "collect.drop_back", "a device THP without a destination is restored whole", SETUP,
	  drop, 1, 0 },
	{ "collect.read_only", "a THP of a read-only mapping goes and comes back", SERIES,
	  read_only, 0, 0 },
	{ "collect.not_mine", "a THP of another device is left alone, a present one too",
	  "migrate_vma.pgmap_owner, .flags: include/linux/migrate.h", not_mine, 1, 0 },
	{ "collect.not_mine_base", "the same of base pages",
	  "migrate_vma.pgmap_owner, .flags: include/linux/migrate.h", not_mine, 0, 0 },
	{ "insert.counted", "a device THP in a hole is in RSS and nr_anon, and leaves both",
	  "migrate_vma_insert_huge_pmd_page()", hole_counted, 0, 0 },
	{ "insert.uffd_missing", "nothing is inserted where userfaultfd waits for missing pages",
	  "migrate_vma_insert_huge_pmd_page(): comment", uffd_missing, 1, 0 },
	{ "insert.uffd_missing_base", "the same for base pages",
	  "migrate_vma_insert_page(): comment", uffd_missing, 0, 0 },
	{ "insert.read_only", "a device THP in a hole of a read-only mapping cannot be written",
	  "migrate_vma_insert_huge_pmd_page()", hole_read_only, 0, 0 },
	{ "insert.base", "a PMD hole takes base pages as well", SETUP, hole,
	  HMMT_MIGRATE_SPLIT, 0 },
	{ "insert.huge_zero_base", "so does the huge zero page", SETUP, huge_zero,
	  HMMT_MIGRATE_SPLIT, 0 },
	{}
};
