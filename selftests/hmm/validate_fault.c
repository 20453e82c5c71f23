// SPDX-License-Identifier: GPL-2.0
/* CPU faults on device memory: heads, tails, by whom, with what at hand */
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "validate.h"

/* The one byte, then everything; the fault must have brought the THP whole */
static bool touch(unsigned long offset, bool write)
{
	volatile unsigned char *p = (unsigned char *)area + offset;
	unsigned char seen;

	TRY(device_thps(1));
	seen = *p;
	WANT(COUNTED(cpu_faults) >= 1, "no CPU fault was taken");
	TRY(move(0, PAGES, 0, NULL));
	if (write) {
		*p = seen;
		WANT(COUNTED(cpu_faults) >= 2, "no CPU fault was taken");
	} else {
		WANT(*p == seen, "another value the second time");
	}
	WANT(COUNTED(fault_thp) == 2, "%llu THPs and %llu base pages came by fault",
	     COUNTED(fault_thp), COUNTED(fault_base));
	WANT(!COUNTED(cpu_faults_failed), "%llu faults without progress",
	     COUNTED(cpu_faults_failed));
	TRY(placed(0, PAGES, SYSTEM, 9));
	return verify(0, PAGES);
}

static bool read_at(unsigned long offset)
{
	return touch(offset, false);
}

static bool write_at(unsigned long offset)
{
	return touch(offset, true);
}

/* A device folio mapped by PTEs: page @hole is unmapped, @page touched first */
static bool pte_mapped(unsigned long hole, unsigned long page)
{
	TRY(device_thps(1));
	WANT(!munmap(ptr(hole), HMMT_PAGE_SIZE), "%s", strerror(errno));
	TRY(verify(page, page + 1));
	WANT(!in_device(page), "page %lu is still in the device", page);
	TRY(hole ? verify(0, hole) : true);
	return verify(hole + 1, PAGES);
}

static bool pte_head(unsigned long hole)
{
	return pte_mapped(hole, 0);
}

static bool pte_first_tail(unsigned long hole)
{
	return pte_mapped(hole, 1);
}

static bool pte_last_tail(unsigned long hole)
{
	return pte_mapped(hole, PAGES - 1);
}

/* Moved to where it is not aligned, then touched at @page */
static bool moved(unsigned long page)
{
	char *to = ptr(2 * PAGES + 5);

	TRY(device_thps(1));
	TRY(move_block(area, to));
	TRY(intact_at(to + page * HMMT_PAGE_SIZE, page, 1));
	return intact_at(to, 0, PAGES);
}

static bool window(unsigned long bytes)
{
	int ret = hmmt_tune(&dev0, bytes, 0);

	WANT(!ret, "%s", strerror(-ret));
	TRY(device_thps(1));
	TRY(verify(300, 301));
	WANT(!in_device(300), "page 300 is still in the device");
	WANT(!COUNTED(cpu_faults_failed), "%llu of %llu faults without progress",
	     COUNTED(cpu_faults_failed), COUNTED(cpu_faults));
	TRY(placed(0, 256, DEVICE, 0));
	return verify(0, PAGES);
}

/* Base pages in the device, faulted 16 at a time */
static bool window_base(unsigned long unused)
{
	int ret = hmmt_tune(&dev0, 65536, 0);

	WANT(!ret, "%s", strerror(-ret));
	TRY(fill(1, false));
	TRY(move(0, PAGES, 0, NULL));
	TRY(verify(300, 301));
	TRY(placed(288, 16, SYSTEM, 0));
	TRY(placed(0, 288, DEVICE, 0));
	return verify(0, PAGES);
}

static bool window_pte(unsigned long unused)
{
	int ret = hmmt_tune(&dev0, 65536, 0);

	WANT(!ret, "%s", strerror(-ret));
	TRY(device_thps(1));
	WANT(!munmap(ptr(10), HMMT_PAGE_SIZE), "%s", strerror(errno));
	TRY(verify(300, 301));
	TRY(placed(288, 16, SYSTEM, 0));
	TRY(verify(0, 10));
	return verify(11, PAGES);
}

/* The driver finds no THP in system memory and gives base pages */
static bool no_thp(unsigned long unused)
{
	TRY(device_thps(1));
	TRY(inject(HMMT_SITE_SYS_THP, 1, 1));
	TRY(verify(300, 301));
	WANT(!in_device(300), "page 300 is still in the device");
	WANT(COUNTED(fault_base) >= 1 && !COUNTED(fault_thp), "%llu base pages, %llu THPs came",
	     COUNTED(fault_base), COUNTED(fault_thp));
	return verify(0, PAGES);
}

/* ... and one fault is enough: the kernel splits, since it was given base pages */
static bool no_thp_at_once(unsigned long unused)
{
	TRY(device_thps(1));
	TRY(inject(HMMT_SITE_SYS_THP, 1, 1));
	TRY(verify(300, 301));
	WANT(COUNTED(cpu_faults) == 1 && !COUNTED(cpu_faults_failed),
	     "%llu faults, of which %llu brought nothing back", COUNTED(cpu_faults),
	     COUNTED(cpu_faults_failed));
	WANT(COUNTED(fault_base) == PAGES, "%llu base pages came", COUNTED(fault_base));
	TRY(placed(0, PAGES, SYSTEM, 0));
	return verify(0, PAGES);
}

/* The destination fails once; the fault is retaken and comes through */
static bool no_memory_once(unsigned long unused)
{
	struct hmmt_inject once = {
		.sites = HMMT_SITE_SYS_THP | HMMT_SITE_SYS_BASE, .nth = 1, .interval = 1,
		.times = 2,
	};

	TRY(device_thps(1));
	WANT(!hmmt_inject(&dev0, &once), "inject");
	TRY(verify(300, 301));
	return verify(0, PAGES);
}

static bool by_gup(unsigned long page)
{
	uint64_t v = 0;
	struct iovec to = { &v, sizeof(v) }, from = { word(page), sizeof(v) };

	TRY(device_thps(1));
	WANT(process_vm_readv(getpid(), &to, 1, &from, 1, 0) == sizeof(v), "%s",
	     strerror(errno));
	WANT(v == value(page), "GUP reads %#llx", (unsigned long long)v);
	return verify(0, PAGES);
}

static bool by_write(unsigned long page)
{
	int fds[2];

	TRY(device_thps(1));
	WANT(!pipe(fds), "%s", strerror(errno));
	WANT(write(fds[1], word(page), 8) == 8, "write(2) from device memory: %s",
	     strerror(errno));
	*word(page) = 0;
	TRY(move(0, PAGES, 0, NULL));
	WANT(read(fds[0], word(page), 8) == 8, "read(2) into device memory: %s",
	     strerror(errno));
	return verify(0, PAGES);
}

static bool by_mem(unsigned long page)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	uint64_t v = 0;

	WANT(fd >= 0, "%s", strerror(errno));
	TRY(device_thps(1));
	WANT(pread(fd, &v, 8, (unsigned long)word(page)) == 8 && v == value(page),
	     "/proc/self/mem reads %#llx: %s", (unsigned long long)v, strerror(errno));
	return verify(0, PAGES);
}

static bool by_futex(unsigned long page)
{
	uint32_t *f = (uint32_t *)word(page);
	struct timespec soon = { .tv_nsec = 1000 };
	int ret;

	TRY(device_thps(1));
	/* FUTEX_WAIT, not private: needs the page */
	ret = syscall(SYS_futex, f, 0, *f, &soon, NULL, 0);
	WANT(ret && errno == ETIMEDOUT, "futex: %s", strerror(errno));
	TRY(move(0, PAGES, 0, NULL));
	ret = syscall(SYS_futex, f, 1, 1, NULL, NULL, 0);
	WANT(!ret, "futex: %s", strerror(errno));
	return verify(0, PAGES);
}

static bool populate(unsigned long advice)
{
	TRY(device_thps(1));
	WANT(!madvise(area, HMMT_PMD_SIZE, advice), "%s", strerror(errno));
	TRY(placed(0, PAGES, SYSTEM, 9));
	return verify(0, PAGES);
}

static bool no_access(unsigned long unused)
{
	uint64_t v = 0;
	int ret, status;
	pid_t pid;

	TRY(device_thps(1));
	TRY(set_prot(0, PAGES, PROT_NONE));
	pid = fork();
	if (!pid)
		_exit(*(volatile char *)ptr(7) ? 1 : 0);
	TRY(reaped(pid, &status));
	WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "status %#x", status);
	ret = hmmt_access(&dev0, (unsigned long)word(7), &v, 8, 0, NULL);
	WANT(ret == -EPERM || ret == -EFAULT, "device read: %d", ret);
	TRY(set_prot(0, PAGES, PROT_READ | PROT_WRITE));
	return intact(0, PAGES);
}

#define AT(page)	((page) * HMMT_PAGE_SIZE)
#define FAULT(name, offset, what)						\
	{ "fault.read_" name, "a load from " what " brings the THP back whole",	\
	  "do_huge_pmd_device_private()", read_at, offset, 0 },			\
	{ "fault.write_" name, "a store to " what " brings the THP back whole",	\
	  "do_huge_pmd_device_private()", write_at, offset, 0 }

const struct row fault_rows[] = {
	FAULT("head", AT(0), "the head"),
	FAULT("first_tail", AT(1), "the first tail"),
	FAULT("middle_low", AT(255), "the tail below the middle"),
	FAULT("middle", AT(256), "the tail in the middle"),
	FAULT("last", AT(511), "the last tail"),
	FAULT("odd", AT(77) + 1234 + 1, "an odd byte of a tail"),
	FAULT("last_byte", HMMT_PMD_SIZE - 1, "the last byte"),
	{ "fault.pte_head", "a PTE-mapped device THP faulted at its head does not spin", THREAD,
	  pte_head, 10, 0 },
	{ "fault.pte_first_tail", "... at its first tail, the head unmapped", THREAD,
	  pte_first_tail, 0, 0 },
	{ "fault.pte_last_tail", "... at its last tail", THREAD, pte_last_tail, 10, 0 },
	{ "fault.moved_head", "... at its head, moved to where it is not aligned", THREAD,
	  moved, 0, 0 },
	{ "fault.moved_tail", "... at a tail, moved to where it is not aligned", THREAD,
	  moved, 300, 0 },
	{ "fault.window_page", "a handler that wants a page of a device THP gets it",
	  "migrate_vma_collect_huge_pmd(), fallback", window, 4096, 0 },
	{ "fault.window_16", "a handler that wants 16 pages of a device THP gets them",
	  "migrate_vma_collect_huge_pmd(), fallback", window, 65536, 0 },
	{ "fault.window_base", "a handler may bring 16 base pages for one", SETUP, window_base,
	  0, 0 },
	{ "fault.window_pte", "or 16 pages of a PTE-mapped device THP",
	  "migrate_vma_split_folio(); " THREAD, window_pte, 0, 0 },
	{ "fault.no_thp", "a handler without a THP may give base pages",
	  "folio_split_unmapped(): comment; " SERIES, no_thp, 0, 0 },
	{ "fault.no_thp_at_once", "all of them, in one fault",
	  "folio_split_unmapped(): comment; " SERIES, no_thp_at_once, 0, 0 },
	{ "fault.no_memory_once", "a handler that found no memory once is called again",
	  "vm_fault_t migrate_to_ram(): include/linux/memremap.h", no_memory_once, 0, 0 },
	{ "fault.by_gup", "GUP of a tail brings the THP back", "do_huge_pmd_device_private()",
	  by_gup, 300, 0 },
	{ "fault.by_write", "read(2) and write(2) of a tail bring the THP back",
	  "do_huge_pmd_device_private()", by_write, 511, 0 },
	{ "fault.by_mem", "so does /proc/PID/mem", "do_huge_pmd_device_private()", by_mem, 1, 0 },
	{ "fault.by_futex", "so does a shared futex", "do_huge_pmd_device_private()", by_futex,
	  256, 0 },
	{ "fault.populate_read", "so does MADV_POPULATE_READ", "madvise(2)", populate,
	  MADV_POPULATE_READ, 0 },
	{ "fault.populate_write", "so does MADV_POPULATE_WRITE", "madvise(2)", populate,
	  MADV_POPULATE_WRITE, 0 },
	{ "fault.no_access", "PROT_NONE keeps CPU and device out of a device THP, and its data",
	  "mprotect(2)", no_access, 0, 0 },
	{}
};
