// SPDX-License-Identifier: GPL-2.0
/*
 * hmm-entries: what hmm_range_fault() makes of whatever a CPU page table may hold.
 * Each row maps one thing and asks for a snapshot, which must say what is there and
 * leave it so, and for a device's read and write, by its own page table and by
 * DMA, which must get at the data or say why not.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "area.h"

/* newer than the headers of some */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#endif
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED	(1 << 13)
#endif

#define NONE	HMM_DMIRROR_PROT_NONE
#define R	HMM_DMIRROR_PROT_READ
#define RW	HMM_DMIRROR_PROT_WRITE
#define PMD	HMM_DMIRROR_PROT_PMD
#define ZERO	HMM_DMIRROR_PROT_ZERO
#define LOCAL	HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL
#define ERROR	HMM_DMIRROR_PROT_ERROR

#define SWAP_MIB	32
#define JOURNAL_SIZE	(16UL << 20)
#define PUD_SIZE	(1UL << 30)
#define UNPOISON	"/sys/kernel/debug/hwpoison/unpoison-pfn"

struct entry {
	const char *name;
	bool (*make)(void);
	unsigned int prot;		/* of the snapshot */
	int read, write;		/* errno, 0: it gets there */
	unsigned int flags;
};

#define FILLED	(1U << 0)	/* holds value(0), else zeros */
#define OPAQUE	(1U << 1)	/* not for the CPU to look at */

static char *place;			/* what is asked about; else the area's begin */
static int uffd = -1;
static uint64_t poisoned;		/* page number to give back */

/* --- what there may be ---------------------------------------------------- */

static bool map(int prot, int flags, int fd)
{
	void *p = mmap(area, HMMT_PMD_SIZE, prot, flags | MAP_FIXED, fd, 0);

	WANT(p == area, "mmap: %s", strerror(errno));
	return true;
}

static bool anon(bool thp)
{
	TRY(map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1));
	WANT(!madvise(area, HMMT_PMD_SIZE, thp ? MADV_HUGEPAGE : MADV_NOHUGEPAGE), "%s",
	     strerror(errno));
	return true;
}

static bool hole(void)
{
	munmap(area, HMMT_PMD_SIZE);
	return true;
}

static bool no_table(void)
{
	return anon(false);
}

static bool no_entry(void)
{
	TRY(anon(false));
	*word(1) = 1;
	return true;
}

static bool zero_page(void)
{
	TRY(anon(false));
	WANT(!*(volatile uint64_t *)word(0), "no zero");
	return true;
}

static bool huge_zero_page(void)
{
	TRY(anon(true));
	WANT(!*(volatile uint64_t *)word(0), "no zero");
	return true;
}

static bool page(void)
{
	return fill(1, false);
}

static bool thp(void)
{
	return fill(1, true);
}

static bool protect(int prot)
{
	WANT(!mprotect(area, HMMT_PMD_SIZE, prot), "mprotect: %s", strerror(errno));
	return true;
}

static bool page_read_only(void)
{
	return page() && protect(PROT_READ);
}

static bool thp_read_only(void)
{
	return thp() && protect(PROT_READ);
}

static bool hole_read_only(void)
{
	return anon(false) && protect(PROT_READ);
}

static bool page_no_access(void)
{
	return page() && protect(PROT_NONE);
}

static bool thp_no_access(void)
{
	return thp() && protect(PROT_NONE);
}

static bool device_page(void)
{
	return page() && migrate(&dev0, 0, 1, 0, NULL);
}

static bool need_thps(void)
{
	if (!whole_thps)
		skip = "this kernel migrates base pages only";
	return whole_thps;
}

static bool device_thp(void)
{
	return need_thps() && thp() && migrate(&dev0, 0, HMMT_PMD_PAGES, 0, NULL);
}

static bool peer_page(void)
{
	return page() && migrate(&dev1, 0, 1, 0, NULL);
}

static bool peer_thp(void)
{
	return need_thps() && thp() && migrate(&dev1, 0, HMMT_PMD_PAGES, 0, NULL);
}

static bool exclusive(void)
{
	static uint64_t buf[HMMT_PAGE_SIZE / sizeof(uint64_t)];
	int ret;

	TRY(page());
	ret = hmmt_exclusive(&dev1, (unsigned long)area, buf, HMMT_PAGE_SIZE);
	WANT(!ret, "exclusive: %s", strerror(-ret));
	return true;
}

static bool swapped_out(void)
{
	int ret;

	if (access(HMMT_SWAP_FILE, F_OK)) {
		skip = "no swap";
		return false;
	}
	TRY(page());
	ret = hmmt_swap_out(area, HMMT_PAGE_SIZE);
	WANT(!ret, "swap: %s", strerror(-ret));
	return true;
}

static bool guard(void)
{
	TRY(page());
	if (madvise(area, HMMT_PAGE_SIZE, MADV_GUARD_INSTALL) && errno == EINVAL) {
		skip = "this kernel has no guard pages";
		return false;
	}
	return true;
}

/* A page that nobody would miss: for another the owner gets a signal */
static bool poison(void)
{
	uint64_t entry;

	if (access(UNPOISON, W_OK)) {
		skip = "no memory failure handling, or no unpoisoning";
		return false;
	}
	TRY(page());
	WANT(!madvise(area, HMMT_PAGE_SIZE, MADV_FREE), "free: %s", strerror(errno));
	WANT(!hmmt_pagemap_read(getpid(), (unsigned long)area, 1, &entry), "pagemap");
	WANT(!madvise(area, HMMT_PAGE_SIZE, MADV_HWPOISON), "hwpoison: %s", strerror(errno));
	poisoned = hmmt_pagemap_decode(entry).pfn;
	return true;
}

static bool watch(uint64_t mode, uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)area, .len = HMMT_PMD_SIZE }, .mode = mode,
	};

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api)) {
		skip = "this kernel has no such userfaultfd";
		return false;
	}
	WANT(!ioctl(uffd, UFFDIO_REGISTER, &reg), "register: %s", strerror(errno));
	return true;
}

static bool uffd_protect(void)
{
	struct uffdio_writeprotect wp = {
		.range = { .start = (uintptr_t)area, .len = HMMT_PMD_SIZE },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	WANT(!ioctl(uffd, UFFDIO_WRITEPROTECT, &wp), "write-protect: %s", strerror(errno));
	return true;
}

static bool uffd_missing(void)
{
	return anon(false) && watch(UFFDIO_REGISTER_MODE_MISSING, 0);
}

static bool uffd_wp_page(void)
{
	return page() && watch(UFFDIO_REGISTER_MODE_WP, UFFD_FEATURE_PAGEFAULT_FLAG_WP) &&
	       uffd_protect();
}

static bool uffd_wp_thp(void)
{
	return thp() && watch(UFFDIO_REGISTER_MODE_WP, UFFD_FEATURE_PAGEFAULT_FLAG_WP) &&
	       uffd_protect();
}

static bool uffd_wp_marker(void)
{
	return anon(false) && watch(UFFDIO_REGISTER_MODE_WP, UFFD_FEATURE_WP_UNPOPULATED) &&
	       uffd_protect();
}

static bool file(int prot, int flags, off_t size)
{
	int fd = memfd_create("entries", MFD_CLOEXEC);
	uint64_t v = value(0);
	bool ok;

	WANT(fd >= 0 && !ftruncate(fd, size), "memfd: %s", strerror(errno));
	WANT(!size || pwrite(fd, &v, sizeof(v), 64) == sizeof(v), "write: %s", strerror(errno));
	ok = map(prot, flags, fd);
	close(fd);
	return ok;
}

static bool file_shared(void)
{
	return file(PROT_READ | PROT_WRITE, MAP_SHARED, HMMT_PMD_SIZE);
}

static bool file_private(void)
{
	return file(PROT_READ | PROT_WRITE, MAP_PRIVATE, HMMT_PMD_SIZE);
}

static bool file_mapped(void)
{
	TRY(file_shared());
	WANT(*(volatile uint64_t *)word(0) == value(0), "wrong data");
	return true;
}

static bool file_private_mapped(void)
{
	TRY(file_private());
	WANT(*(volatile uint64_t *)word(0) == value(0), "wrong data");
	return true;
}

static bool behind_eof(void)
{
	return file(PROT_READ | PROT_WRITE, MAP_SHARED, 0);
}

/*
 * With a page behind it, so that there is a table for it: without one stock kernels are
 * near a deadlock (docs/findings/hugetlb-hole.md).
 */
static bool hugetlb(int prot, bool touch)
{
	uint64_t n = 0;
	void *p;

	hmmt_file_field("/proc/meminfo", "HugePages_Free", &n);
	if (n < 2) {
		skip = "no hugetlb pages";
		return false;
	}
	p = mmap(area, 2 * HMMT_PMD_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_FIXED, -1, 0);
	WANT(p == area, "mmap: %s", strerror(errno));
	*word(HMMT_PMD_PAGES) = 1;
	if (touch)
		*word(0) = value(0);
	return protect(prot);
}

static bool hugetlb_hole(void)
{
	return hugetlb(PROT_READ | PROT_WRITE, false);
}

static bool hugetlb_page(void)
{
	return hugetlb(PROT_READ | PROT_WRITE, true);
}

static bool hugetlb_read_only(void)
{
	return hugetlb(PROT_READ, true);
}

/* Memory of a PCI device, mapped by its numbers only: the journal of ours */
static bool pci_memory(void)
{
	place = hmmt_map_bar(JOURNAL_SIZE);
	if (!place) {
		skip = "no PCI memory";
		return false;
	}
	return true;
}

static bool of_driver(void)
{
	TRY(map(PROT_READ | PROT_WRITE, MAP_SHARED, dev0.fd));
	*word(0) = value(0);
	return true;
}

/* Memory without struct pages, by an entry of that size */
static bool raw(int prot, size_t size)
{
	void *p = mmap(area, size, prot, MAP_SHARED | MAP_FIXED, dev0.fd, HMMT_MMAP_RAW);

	WANT(p == area, "mmap: %s", strerror(errno));
	/* there is nothing behind it */
	(void)*(volatile char *)area;
	return true;
}

static bool raw_page(void)
{
	return raw(PROT_READ | PROT_WRITE, HMMT_PAGE_SIZE);
}

static bool raw_pmd(void)
{
	return raw(PROT_READ | PROT_WRITE, HMMT_PMD_SIZE);
}

/* Kernels from before the series split it, which leaves a hole */
static bool raw_whole_pud(int prot)
{
	if (!whole_thps) {
		skip = "this kernel splits a special PUD";
		return false;
	}
	return raw(prot, PUD_SIZE);
}

static bool raw_pud(void)
{
	return raw_whole_pud(PROT_READ | PROT_WRITE);
}

static bool raw_pmd_read_only(void)
{
	return raw(PROT_READ, HMMT_PMD_SIZE);
}

static bool raw_pud_read_only(void)
{
	return raw_whole_pud(PROT_READ);
}

/* --- the question ----------------------------------------------------------- */

static const struct entry entries[] = {
	{ "hole", hole, ERROR, EFAULT, EFAULT, OPAQUE },
	{ "no_table", no_table, NONE, 0, 0, 0 },
	{ "no_entry", no_entry, NONE, 0, 0, 0 },
	{ "zero_page", zero_page, ZERO | R, 0, 0, 0 },
	{ "huge_zero_page", huge_zero_page, R | PMD, 0, 0, 0 },
	{ "page", page, RW, 0, 0, FILLED },
	{ "thp", thp, RW | PMD, 0, 0, FILLED },
	{ "hole_read_only", hole_read_only, NONE, 0, EPERM, 0 },
	{ "page_read_only", page_read_only, R, 0, EPERM, FILLED },
	{ "thp_read_only", thp_read_only, R | PMD, 0, EPERM, FILLED },
	{ "page_no_access", page_no_access, ERROR, EFAULT, EFAULT, OPAQUE },
	{ "thp_no_access", thp_no_access, ERROR, EFAULT, EFAULT, OPAQUE },
	{ "device_page", device_page, LOCAL | RW, 0, 0, FILLED },
	{ "device_thp", device_thp, LOCAL | RW | PMD, 0, 0, FILLED },
	{ "peer_page", peer_page, NONE, 0, 0, FILLED },
	{ "peer_thp", peer_thp, ERROR, 0, 0, FILLED },
	{ "exclusive", exclusive, NONE, 0, 0, FILLED },
	{ "swapped_out", swapped_out, NONE, 0, 0, FILLED },
	{ "guard", guard, NONE, EFAULT, EFAULT, OPAQUE },
	{ "poison", poison, NONE, EFAULT, EFAULT, OPAQUE },
	{ "uffd_missing", uffd_missing, NONE, EFAULT, EFAULT, OPAQUE },
	{ "uffd_wp_page", uffd_wp_page, R, 0, EFAULT, FILLED },
	{ "uffd_wp_thp", uffd_wp_thp, R | PMD, 0, EFAULT, FILLED },
	{ "uffd_wp_marker", uffd_wp_marker, NONE, 0, EFAULT, 0 },
	{ "file_shared", file_shared, NONE, 0, 0, FILLED },
	{ "file_private", file_private, NONE, 0, 0, FILLED },
	{ "file_mapped", file_mapped, RW, 0, 0, FILLED },
	{ "file_private_mapped", file_private_mapped, R, 0, 0, FILLED },
	{ "behind_eof", behind_eof, NONE, EFAULT, EFAULT, OPAQUE },
	{ "hugetlb_hole", hugetlb_hole, NONE, 0, 0, 0 },
	{ "hugetlb_page", hugetlb_page, RW | PMD, 0, 0, FILLED },
	{ "hugetlb_read_only", hugetlb_read_only, R | PMD, 0, EPERM, FILLED },
	{ "pci_memory", pci_memory, ERROR, EFAULT, EFAULT, OPAQUE },
	{ "of_driver", of_driver, RW, 0, 0, FILLED },
	{ "raw_page", raw_page, ERROR, EFAULT, EFAULT, OPAQUE },
	{ "raw_pmd", raw_pmd, ERROR, EFAULT, EFAULT, OPAQUE },
	{ "raw_pud", raw_pud, ERROR, EFAULT, EFAULT, OPAQUE },
	{ "raw_pmd_read_only", raw_pmd_read_only, ERROR, EFAULT, EPERM, OPAQUE },
	{ "raw_pud_read_only", raw_pud_read_only, ERROR, EFAULT, EPERM, OPAQUE },
};

#define NR_ENTRIES	(sizeof(entries) / sizeof(entries[0]))

/* As new, and again for the next question */
static bool remake(const struct entry *e)
{
	char text[32];

	if (uffd >= 0)
		close(uffd);
	uffd = -1;
	munmap(area, PUD_SIZE);
	if (poisoned) {
		snprintf(text, sizeof(text), "%#llx", (unsigned long long)poisoned);
		hmmt_write_file(UNPOISON, text);
		poisoned = 0;
	}
	place = area;
	return !e || e->make();
}

static bool ask_snapshot(const struct entry *e)
{
	unsigned int prot = busted("snapshot") ? e->prot ^ R : e->prot;
	uint16_t s = 0;
	int ret, i;

	TRY(remake(e));
	/* the second time: the first has changed nothing */
	for (i = 0; i < 2; i++) {
		ret = hmmt_snapshot(&dev0, (unsigned long)place, HMMT_PAGE_SIZE, &s);
		WANT(!ret, "%s", strerror(-ret));
		WANT(HMMT_SNAP_PROT(s) == prot, "snapshot %#x", s);
	}
	return true;
}

static bool ask_access(const struct entry *e, unsigned int flags)
{
	bool write = flags & HMMT_ACCESS_WRITE;
	uint64_t had = e->flags & FILLED ? value(0) : 0, v = write ? ~had : ~0ULL;
	unsigned long addr;
	int ret, err = write ? e->write : e->read;

	/* which reads first */
	if (flags & HMMT_ACCESS_DMA && e->read)
		err = e->read;
	TRY(remake(e));
	addr = (unsigned long)place + 64;
	ret = hmmt_access(&dev0, addr, &v, sizeof(v), flags, NULL);
	WANT(ret == -err, "%s%s: %s", write ? "write" : "read",
	     flags & HMMT_ACCESS_DMA ? " by DMA" : "", strerror(-ret));
	if (busted("data"))
		had++;
	if (!write && !err)
		WANT(v == had, "the device reads %#llx", (unsigned long long)v);
	if (e->flags & OPAQUE)
		return true;
	if (write && !err)
		had = ~had;
	WANT(*(volatile uint64_t *)addr == had, "the CPU reads %#llx",
	     (unsigned long long)*(volatile uint64_t *)addr);
	return true;
}

static bool have_dma(void)
{
	uint64_t v;

	return hmmt_access(&dev0, (unsigned long)&v & ~7UL, &v, sizeof(v), HMMT_ACCESS_DMA,
			   NULL) != -EOPNOTSUPP;
}

static bool run_entry(void)
{
	const struct entry *e = &entries[running_test];
	struct hmmt_stats before, after;
	bool ok;

	WANT(!hmmt_stats(&dev0, &before), "stats");
	ok = ask_snapshot(e) && ask_access(e, 0) && ask_access(e, HMMT_ACCESS_WRITE);
	if (ok && have_dma())
		ok = ask_access(e, HMMT_ACCESS_DMA) &&
		     ask_access(e, HMMT_ACCESS_DMA | HMMT_ACCESS_WRITE);
	remake(NULL);
	WANT(!hmmt_stats(&dev0, &after), "stats");
	if (ok)
		WANT(after.dma_wrong == before.dma_wrong, "%llu of %llu DMA addresses were wrong",
		     after.dma_wrong - before.dma_wrong, after.dma_mapped - before.dma_mapped);
	return ok;
}

/* --- entries that are of a migration under way -------------------------------- */

#define HOLD_MS	300

static void *migrate_held(void *pages)
{
	return (void *)(intptr_t)hmmt_migrate(&dev1, (unsigned long)area,
					      (uintptr_t)pages * HMMT_PAGE_SIZE, 0, NULL);
}

/* A snapshot does not wait for it, an access does, and finds the data */
static bool migrating(bool whole)
{
	uintptr_t pages = whole ? HMMT_PMD_PAGES : 1;
	struct hmmt_stats st, before;
	uint16_t during;
	pthread_t id;
	void *result;
	uint64_t v;
	int ret, tries;

	TRY(fill(1, whole));
	WANT(!hmmt_stats(&dev1, &before), "stats");
	ret = hmmt_hold(&dev1, HMMT_HOLD_COLLECTED, HOLD_MS);
	WANT(!ret, "hold: %s", strerror(-ret));
	WANT(!pthread_create(&id, NULL, migrate_held, (void *)pages), "thread");
	for (tries = 0; tries < 1000; tries++) {
		WANT(!hmmt_stats(&dev1, &st), "stats");
		if (st.held > before.held)
			break;
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	WANT(st.held > before.held, "nothing was held");
	during = snap(0);
	ret = hmmt_access(&dev0, (unsigned long)word(0), &v, sizeof(v), 0, NULL);
	pthread_join(id, &result);
	WANT(!result, "migrate: %s", strerror(-(int)(intptr_t)result));
	WANT(HMMT_SNAP_PROT(during) == NONE, "snapshot %#x", during);
	WANT(!ret && v == value(0), "read: %s, %#llx", strerror(-ret), (unsigned long long)v);
	return verify(0, HMMT_PMD_PAGES);
}

static bool migrating_page(void)
{
	return migrating(false);
}

static bool migrating_thp(void)
{
	return migrating(true);
}

/*
 * Of private pages of a process only, and not of those of hugetlb; kernels from before the
 * series do nothing about those of a file, and the driver says EBUSY
 */
static bool exclusive_refused(void)
{
	bool (*const makes[])(void) = { file_mapped, hugetlb_page };
	static uint64_t buf[HMMT_PAGE_SIZE / sizeof(uint64_t)];
	int errs[] = { whole_thps ? EOPNOTSUPP : EBUSY, EOPNOTSUPP };
	unsigned int i;
	int ret;

	for (i = 0; i < 2; i++) {
		TRY(makes[i]());
		ret = hmmt_exclusive(&dev0, (unsigned long)area, buf, HMMT_PAGE_SIZE);
		WANT(ret == -errs[i], "case %u: %s", i, strerror(-ret));
		WANT(*(volatile uint64_t *)word(0) == value(0), "case %u: wrong data", i);
		munmap(area, 2 * HMMT_PMD_SIZE);
	}
	return true;
}

int main(int argc, char **argv)
{
	struct test tests[NR_ENTRIES + 3];
	unsigned int i;
	int ret;

	parse_options(argc, argv);
	for (i = 0; i < NR_ENTRIES; i++)
		tests[i] = (struct test) { entries[i].name, run_entry };
	tests[i++] = (struct test) { "migrating_page", migrating_page };
	tests[i++] = (struct test) { "migrating_thp", migrating_thp };
	tests[i++] = (struct test) { "exclusive_refused", exclusive_refused };
	hmmt_swap_on(SWAP_MIB);
	hmmt_write_file("/proc/sys/vm/nr_hugepages", "2");
	ret = run_tests("hmm-entries", tests, i);
	/* as it was found, for who comes next */
	hmmt_write_file("/proc/sys/vm/nr_hugepages", "0");
	hmmt_swap_off();
	return ret;
}
