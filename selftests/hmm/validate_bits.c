// SPDX-License-Identifier: GPL-2.0
/* Bits of page table entries that a migration, or a device entry, must carry */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "validate.h"

#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED	(1 << 13)
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC		(1 << 15)
#endif

static uint64_t page_faults(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return ru.ru_minflt + ru.ru_majflt;
}

/* There and back by ioctl; stores must not fault afterwards */
static bool write_bit(unsigned long thp)
{
	uint64_t faults;
	unsigned int i;

	TRY(fill(1, thp));
	TRY(move(0, PAGES, 0, NULL));
	TRY(move(0, PAGES, HMMT_MIGRATE_TO_SYS, NULL));
	faults = page_faults();
	for (i = 0; i < PAGES; i++)
		*word(i) = value(i);
	faults = page_faults() - faults;
	WANT(!faults, "%llu faults for stores to memory that was writable",
	     (unsigned long long)faults);
	return verify(0, PAGES);
}

static bool stays_read_only(unsigned long thp)
{
	int status;
	pid_t pid;

	TRY(fill(1, thp));
	TRY(set_prot(0, PAGES, PROT_READ));
	TRY(migrate(&dev0, 0, PAGES, 0, NULL));
	TRY(migrate(&dev0, 0, PAGES, HMMT_MIGRATE_TO_SYS, NULL));
	WANT(!(snap(5) & HMM_DMIRROR_PROT_WRITE), "snapshot %#x", snap(5));
	pid = fork();
	if (!pid) {
		*word(5) = 1;
		_exit(0);
	}
	TRY(reaped(pid, &status));
	WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "status %#x", status);
	return verify(0, PAGES);
}

/* kB of a line of the mapping of the area in smaps */
static long smaps(const char *key)
{
	static char text[1 << 17];
	char start[32], *at;
	uint64_t kb;

	if (hmmt_read_file("/proc/self/smaps", text, sizeof(text)) <= 0)
		return -1;
	snprintf(start, sizeof(start), "\n%lx-", (unsigned long)area);
	at = strstr(text, start);
	return at && !hmmt_parse_field(at + 1, key, &kb) ? (long)kb : -1;
}

static bool dirty(unsigned long thp)
{
	long kb;

	TRY(fill(1, thp));
	TRY(move(0, PAGES, 0, NULL));
	TRY(move(0, PAGES, HMMT_MIGRATE_TO_SYS, NULL));
	kb = smaps("Private_Dirty");
	WANT(kb == 2048, "Private_Dirty is %ld kB after the way there and back", kb);
	return verify(0, PAGES);
}

/* A migration that comes to nothing does not make memory look used */
static bool young(unsigned long unused)
{
	long kb;

	TRY(system_thps(1));
	TRY(move(0, PAGES, HMMT_MIGRATE_DROP, NULL));
	kb = smaps("Referenced");
	WANT(kb == 2048, "Referenced %ld kB, 2048 were used", kb);
	WANT(!hmmt_write_file("/proc/self/clear_refs", "1"), "clear_refs");
	TRY(move(0, PAGES, HMMT_MIGRATE_DROP, NULL));
	kb = smaps("Referenced");
	WANT(!kb, "Referenced %ld kB, nothing was used", kb);
	return verify(0, PAGES);
}

/* --- soft-dirty ---------------------------------------------------------- */

/* Pages of the PMD at @p that pagemap calls soft-dirty, -1: error */
static int soft_dirty(const char *p)
{
	uint64_t map[PAGES];
	unsigned int i;
	int n = 0;

	if (hmmt_pagemap_read(getpid(), (unsigned long)p, PAGES, map))
		return -1;
	for (i = 0; i < PAGES; i++)
		n += hmmt_pagemap_decode(map[i]).soft_dirty;
	return n;
}

static bool have_soft_dirty(void)
{
	TRY(fill(1, true));
	if (soft_dirty(area) != PAGES)
		SKIP("no CONFIG_MEM_SOFT_DIRTY in this kernel (--flavour SOFTDIRTY)");
	return true;
}

static bool clear_soft_dirty(void)
{
	WANT(!hmmt_write_file("/proc/self/clear_refs", "4"), "clear_refs");
	return true;
}

static bool sd_carried(unsigned long thp)
{
	TRY(have_soft_dirty());
	TRY(fill(1, thp));
	TRY(clear_soft_dirty());
	WANT(!soft_dirty(area), "%d pages not cleared", soft_dirty(area));
	TRY(migrate(&dev0, 0, PAGES, 0, NULL));
	WANT(!soft_dirty(area), "%d clean pages are soft-dirty in the device", soft_dirty(area));
	TRY(migrate(&dev0, 0, PAGES, HMMT_MIGRATE_TO_SYS, NULL));
	WANT(!soft_dirty(area), "%d clean pages are soft-dirty behind it", soft_dirty(area));
	TRY(fill(1, thp));
	TRY(clear_soft_dirty());
	memset(area, 1, HMMT_PMD_SIZE);
	TRY(migrate(&dev0, 0, PAGES, 0, NULL));
	WANT(soft_dirty(area) == PAGES, "%d of 512 soft-dirty pages are in the device",
	     soft_dirty(area));
	TRY(migrate(&dev0, 0, PAGES, HMMT_MIGRATE_TO_SYS, NULL));
	WANT(soft_dirty(area) == PAGES, "%d of 512 soft-dirty pages are behind it",
	     soft_dirty(area));
	return true;
}

static bool sd_cleared(unsigned long thp)
{
	TRY(have_soft_dirty());
	TRY(fill(1, thp));
	TRY(move(0, PAGES, 0, NULL));
	TRY(clear_soft_dirty());
	WANT(!soft_dirty(area), "%d of 512 pages in the device are soft-dirty after clear_refs",
	     soft_dirty(area));
	return verify(0, PAGES);
}

#define SD_THP		(1 << 0)
#define SD_DEVICE	(1 << 1)
#define SD_UNALIGNED	(1 << 2)	/* each entry is moved by itself */

static bool sd_moved(unsigned long how)
{
	char *to = ptr(2 * PAGES + (how & SD_UNALIGNED ? 5 : 0));

	TRY(have_soft_dirty());
	TRY(fill(1, how & SD_THP));
	TRY(clear_soft_dirty());
	if (how & SD_DEVICE)
		TRY(move(0, PAGES, 0, NULL));
	TRY(move_block(area, to));
	WANT(soft_dirty(to) == PAGES, "%d of 512 pages are soft-dirty after mremap",
	     soft_dirty(to));
	return intact_at(to, 0, PAGES);
}

/* A page less than before; what is discarded is split where it is */
static bool sd_split(unsigned long dirty)
{
	int want = dirty ? PAGES - 1 : 0;

	TRY(have_soft_dirty());
	TRY(clear_soft_dirty());
	if (dirty)
		memset(area, 1, HMMT_PMD_SIZE);
	TRY(move(0, PAGES, 0, NULL));
	WANT(!madvise(ptr(100), HMMT_PAGE_SIZE, MADV_DONTNEED), "%s", strerror(errno));
	WANT(soft_dirty(area) == want, "%d pages of a THP that was split are soft-dirty, not %d",
	     soft_dirty(area), want);
	return true;
}

/* --- userfaultfd write protection ---------------------------------------- */

static int uffd = -1;

static bool uffd_open(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		SKIP("no userfaultfd with what is needed");
	return true;
}

static bool uffd_register(void)
{
	struct uffdio_register reg = {
		.range = { at(0), HMMT_PMD_SIZE }, .mode = UFFDIO_REGISTER_MODE_WP,
	};

	WANT(!ioctl(uffd, UFFDIO_REGISTER, &reg), "register: %s", strerror(errno));
	return true;
}

static bool protect(unsigned long page, unsigned long nr, bool on)
{
	struct uffdio_writeprotect wp = {
		.range = { at(page), nr * HMMT_PAGE_SIZE },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	WANT(!ioctl(uffd, UFFDIO_WRITEPROTECT, &wp), "write-protect: %s", strerror(errno));
	return true;
}

/* Exactly [page, page + nr) of the PMD at @p are write-protected */
static bool protected_at(const char *p, unsigned long page, unsigned long nr,
			 const char *when)
{
	unsigned int i, n = 0, wrong = 0;
	uint64_t map[PAGES];
	bool wp;

	WANT(!hmmt_pagemap_read(getpid(), (unsigned long)p, PAGES, map), "pagemap");
	for (i = 0; i < PAGES; i++) {
		wp = hmmt_pagemap_decode(map[i]).uffd_wp;
		n += wp;
		wrong += wp != (i >= page && i < page + nr);
	}
	WANT(!wrong, "%u of %lu pages are write-protected %s", n, nr, when);
	return true;
}

static bool wp_area(bool thp)
{
	TRY(uffd_open(UFFD_FEATURE_PAGEFAULT_FLAG_WP));
	TRY(fill(1, thp));
	return uffd_register();
}

static bool wp_carried(unsigned long thp)
{
	TRY(wp_area(thp));
	TRY(protect(0, PAGES, true));
	TRY(protected_at(area, 0, PAGES, "before"));
	TRY(migrate(&dev0, 0, PAGES, 0, NULL));
	TRY(protected_at(area, 0, PAGES, "in the device"));
	TRY(migrate(&dev0, 0, PAGES, HMMT_MIGRATE_TO_SYS, NULL));
	TRY(protected_at(area, 0, PAGES, "back in system memory"));
	TRY(migrate(&dev0, 0, PAGES, HMMT_MIGRATE_SPLIT, NULL));
	TRY(protected_at(area, 0, PAGES, "in the device, split"));
	TRY(verify(0, PAGES));
	return protected_at(area, 0, PAGES, "after CPU faults");
}

/* Whether a migration gives zero pages that are protected a page each or leaves them alone */
static bool wp_zero(unsigned long thp)
{
	static const unsigned int flags[] = { 0, HMMT_MIGRATE_SPLIT, HMMT_MIGRATE_BASE };
	unsigned long i, page;

	TRY(wp_area(thp));
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		WANT(!madvise(area, HMMT_PMD_SIZE, MADV_DONTNEED), "%s", strerror(errno));
		for (page = 0; page < PAGES; page++)
			WANT(!*(volatile uint64_t *)word(page), "page %lu", page);
		TRY(protect(0, PAGES, true));
		TRY(protected_at(area, 0, PAGES, "before"));
		TRY(migrate(&dev0, 0, PAGES, flags[i], NULL));
		TRY(protected_at(area, 0, PAGES, "after migration"));
	}
	return true;
}

static bool wp_in_device(unsigned long thp)
{
	TRY(wp_area(thp));
	TRY(move(0, PAGES, 0, NULL));
	TRY(protect(0, PAGES, true));
	TRY(protected_at(area, 0, PAGES, "in the device"));
	TRY(verify(0, PAGES));
	TRY(protected_at(area, 0, PAGES, "after CPU faults"));
	TRY(move(0, PAGES, 0, NULL));
	TRY(protect(0, PAGES, false));
	TRY(protected_at(area, 0, 0, "resolved"));
	return verify(0, PAGES);
}

static bool wp_part(unsigned long unused)
{
	TRY(wp_area(true));
	TRY(move(0, PAGES, 0, NULL));
	TRY(protect(100, 50, true));
	TRY(protected_at(area, 100, 50, "in the device"));
	TRY(placed(0, PAGES, DEVICE, 0));
	TRY(verify(0, PAGES));
	return protected_at(area, 100, 50, "after CPU faults");
}

static bool wp_mprotect(unsigned long thp)
{
	TRY(wp_area(thp));
	TRY(move(0, PAGES, 0, NULL));
	TRY(protect(0, PAGES, true));
	TRY(set_prot(0, PAGES, PROT_READ));
	TRY(protected_at(area, 0, PAGES, "after mprotect"));
	TRY(set_prot(0, PAGES, PROT_READ | PROT_WRITE));
	TRY(protected_at(area, 0, PAGES, "after the second mprotect"));
	return verify(0, PAGES);
}

/* What is mapped falls apart in the device, the folio stays whole. */
static bool wp_split(unsigned long unused)
{
	TRY(wp_area(true));
	TRY(move(0, PAGES, 0, NULL));
	TRY(protect(0, PAGES, true));
	TRY(set_prot(7, 1, PROT_READ));
	TRY(protected_at(area, 0, PAGES, "after the PMD was split"));
	TRY(set_prot(0, PAGES, PROT_READ | PROT_WRITE));
	return verify(0, PAGES);
}

#define WP_THP		(1 << 0)
#define WP_DEVICE	(1 << 1)

static volatile bool stored;

static void *store(void *unused)
{
	*(volatile uint64_t *)word(300) = 9;
	stored = true;
	return NULL;
}

/* A store to protected device memory is told, and waits until it is allowed */
static bool wp_event(unsigned long how)
{
	struct uffd_msg msg = {};
	pthread_t thread;
	int i;

	TRY(wp_area(how & WP_THP));
	if (how & WP_DEVICE)
		TRY(move(0, PAGES, 0, NULL));
	TRY(protect(0, PAGES, true));
	WANT(!pthread_create(&thread, NULL, store, NULL), "no thread");
	for (i = 0; i < 300 && read(uffd, &msg, sizeof(msg)) != sizeof(msg); i++)
		usleep(10000);
	WANT(msg.event == UFFD_EVENT_PAGEFAULT &&
	     msg.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP, "event %#x flags %#llx",
	     msg.event, (unsigned long long)msg.arg.pagefault.flags);
	WANT(!stored, "the store did not wait");
	TRY(verify(0, PAGES));
	TRY(protect(0, PAGES, false));
	pthread_join(thread, NULL);
	WANT(*word(300) == 9, "CPU reads %#llx", (unsigned long long)*word(300));
	return true;
}

/* mremap without UFFD_FEATURE_EVENT_REMAP leaves the protection behind */
static bool wp_mremap(unsigned long thp)
{
	char *to = ptr(2 * PAGES);

	TRY(wp_area(thp));
	TRY(move(0, PAGES, 0, NULL));
	TRY(protect(0, PAGES, true));
	TRY(move_block(area, to));
	TRY(protected_at(to, 0, 0, "after mremap"));
	return intact_at(to, 0, PAGES);
}

/* What a fork's child sees of it: no protection that nobody would resolve */
static bool wp_fork(unsigned long thp)
{
	int status;
	pid_t pid;

	TRY(wp_area(thp));
	TRY(move(0, PAGES, 0, NULL));
	TRY(protect(0, PAGES, true));
	pid = fork();
	if (!pid)
		_exit(!protected_at(area, 0, 0, "in the child") || !verify(0, PAGES));
	TRY(reaped(pid, &status));
	WANT(!status, "child: protected, or content lost: %#x", status);
	TRY(protected_at(area, 0, PAGES, "in the parent"));
	return verify(0, PAGES);
}

static long scan(void)
{
	return hmmt_pagemap_scan(at(0), PAGES);
}

static bool scanned(unsigned long thp)
{
	uint64_t v = value(5);
	int ret;
	long n;

	TRY(uffd_open(UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED));
	TRY(fill(1, thp));
	TRY(uffd_register());
	TRY(move(0, PAGES, 0, NULL));
	n = scan();
	if (n == -ENOTTY)
		SKIP("this kernel has no PAGEMAP_SCAN");
	WANT(n == PAGES, "first scan: %ld of 512 pages written", n);
	TRY(placed(0, PAGES, DEVICE, thp ? 9 : 0));
	n = scan();
	WANT(!n, "second scan: %ld pages written that nobody wrote to", n);
	ret = hmmt_access(&dev0, (unsigned long)word(5), &v, sizeof(v), HMMT_ACCESS_WRITE, NULL);
	WANT(!ret, "device write: %s", strerror(-ret));
	n = scan();
	WANT(n >= 1, "third scan: %ld pages, the device wrote to one", n);
	*word(7) = value(7);
	n = scan();
	WANT(n >= 1, "fourth scan: %ld pages, the CPU wrote to one", n);
	return verify(0, PAGES);
}

#define SD	"Documentation/admin-guide/mm/soft-dirty.rst"
#define SCAN_RST "Documentation/admin-guide/mm/pagemap.rst: PM_SCAN_WP_MATCHING"

const struct row bits_rows[] = {
	{ "bits.write", "a writable THP is writable after the way there and back",
	  "MIGRATE_PFN_WRITE: include/linux/migrate.h", write_bit, 1, 0 },
	{ "bits.write_base", "the same of base pages", "MIGRATE_PFN_WRITE: include/linux/migrate.h",
	  write_bit, 0, 0 },
	{ "bits.read_only", "a read-only THP is read-only there and behind",
	  "set_pmd_migration_entry()", stays_read_only, 1, 0 },
	{ "bits.read_only_base", "the same of base pages", "migrate_vma_collect_pmd()",
	  stays_read_only, 0, 0 },
	{ "bits.dirty", "a dirty THP is dirty when it is back",
	  "set_pmd_migration_entry(): A/D bits", dirty, 1, 0 },
	{ "bits.dirty_base", "the same of base pages", "migrate_vma_collect_pmd(): dirty flag",
	  dirty, 0, 0 },
	{ "bits.young", "a THP that stays is as young or old as it was",
	  "remove_migration_pmd()", young, 0, 0 },
	{ "bits.soft_dirty", "soft-dirty is carried both ways, and so is clean",
	  "set_pmd_migration_entry(), remove_migration_pmd()", sd_carried, 1, 0 },
	{ "bits.soft_dirty_base", "the same of base pages", "migrate_vma_collect_pmd()",
	  sd_carried, 0, 0 },
	{ "bits.soft_dirty_clear", "clear_refs clears soft-dirty of a device THP", SD,
	  sd_cleared, 1, 0 },
	{ "bits.soft_dirty_clear_base", "the same of base pages", SD, sd_cleared, 0, 0 },
	{ "bits.soft_dirty_split", "the pages of a device THP that is split stay soft-dirty",
	  "__split_huge_pmd_locked()", sd_split, 1, 0 },
	{ "bits.soft_clean_split", "... or clean", "__split_huge_pmd_locked()", sd_split, 0, 0 },
	{ "bits.soft_dirty_mremap", "a device THP that is moved is soft-dirty",
	  "move_soft_dirty_pmd()", sd_moved, SD_THP | SD_DEVICE, 0 },
	{ "bits.soft_dirty_mremap_base", "the same of base pages, one by one",
	  "move_soft_dirty_pte()", sd_moved, SD_DEVICE | SD_UNALIGNED, 0 },
	{ "bits.soft_dirty_mremap_table", "the same of base pages, with their page table",
	  SD ": new regions", sd_moved, SD_DEVICE, 0 },
	{ "bits.soft_dirty_mremap_system", "the same of system memory, for comparison",
	  SD ": new regions", sd_moved, 0, 0 },
	{ "bits.uffd_wp", "uffd-wp is carried both ways, also when the THP is split", UFFD,
	  wp_carried, 1, 0 },
	{ "bits.uffd_wp_base", "the same of base pages", UFFD, wp_carried, 0, 0 },
	{ "bits.uffd_wp_zero", "a migration that fills the huge zero page keeps uffd-wp", UFFD,
	  wp_zero, 1, 0 },
	{ "bits.uffd_wp_zero_base", "the same of zero pages", UFFD, wp_zero, 0, 0 },
	{ "bits.uffd_wp_device", "uffd-wp of a device THP can be set and resolved", UFFD,
	  wp_in_device, 1, 0 },
	{ "bits.uffd_wp_device_base", "the same of base pages", UFFD, wp_in_device, 0, 0 },
	{ "bits.uffd_wp_partly", "uffd-wp of a part of a device THP is that of the part", UFFD,
	  wp_part, 0, 0 },
	{ "bits.uffd_wp_mprotect", "mprotect keeps uffd-wp of a device THP",
	  "change_non_present_huge_pmd()", wp_mprotect, 1, 0 },
	{ "bits.uffd_wp_mprotect_base", "the same of base pages", "change_pte_range()",
	  wp_mprotect, 0, 0 },
	{ "bits.uffd_wp_split", "a device PMD that is split keeps uffd-wp",
	  "__split_huge_pmd_locked()", wp_split, 0, 0 },
	{ "bits.uffd_wp_event", "a store to a protected device THP is told and waits", UFFD,
	  wp_event, WP_THP | WP_DEVICE, 0 },
	{ "bits.uffd_wp_event_base", "the same of base pages", UFFD, wp_event, WP_DEVICE, 0 },
	{ "bits.uffd_wp_event_system", "the same of system memory, for comparison", UFFD,
	  wp_event, WP_THP, 0 },
	{ "bits.uffd_wp_mremap", "mremap leaves uffd-wp of a device THP behind",
	  "move_huge_pmd(): vma_has_uffd_without_event_remap()", wp_mremap, 1, 0 },
	{ "bits.uffd_wp_mremap_base", "the same of base pages",
	  "move_ptes(): vma_has_uffd_without_event_remap()", wp_mremap, 0, 0 },
	{ "bits.uffd_wp_fork", "a child has no uffd-wp of its own, the parent keeps it",
	  "copy_huge_non_present_pmd()", wp_fork, 1, 0 },
	{ "bits.uffd_wp_fork_base", "the same of base pages", "copy_nonpresent_pte()", wp_fork,
	  0, 0 },
	{ "bits.scan", "PAGEMAP_SCAN write-protects a device THP that it reports", SCAN_RST,
	  scanned, 1, 0 },
	{ "bits.scan_base", "the same of base pages", SCAN_RST, scanned, 0, ROW_DEADLY },
	{}
};
