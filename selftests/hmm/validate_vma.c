// SPDX-License-Identifier: GPL-2.0
/* What mappings go through while their memory is in the device */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "validate.h"

static bool forked(unsigned long write)
{
	int status = 0;
	pid_t pid;

	TRY(device_thps(1));
	pid = fork();
	if (!pid) {
		bool ok = verify(0, PAGES);

		if (write)
			memset(area, 0, HMMT_PMD_SIZE);
		_exit(!ok);
	}
	/* both write, each sees its own */
	if (write)
		*word(400) = 4;
	TRY(reaped(pid, &status));
	WANT(!status, "child: status %#x", status);
	if (write) {
		WANT(*word(400) == 4, "page 400 holds %#llx", (unsigned long long)*word(400));
		*word(400) = value(400);
	}
	return intact(0, PAGES);
}

/* The child goes first, or the parent's mapping does */
static bool fork_exit(unsigned long parent_first)
{
	struct hmmt_stats st;

	TRY(device_thps(1));
	TRY(child_begin());
	if (parent_first) {
		WANT(!munmap(area, HMMT_PMD_SIZE), "%s", strerror(errno));
		st = stats_now();
		WANT(st.pages_used == PAGES, "%llu pages used while a child has 512",
		     st.pages_used);
		return child_end();
	}
	TRY(child_end());
	TRY(placed(0, PAGES, SYSTEM, -1));
	return verify(0, PAGES);
}

static bool forked_untouched(unsigned long unused)
{
	int status = 0;
	pid_t pid;

	TRY(device_thps(1));
	pid = fork();
	if (!pid)
		_exit(0);
	TRY(reaped(pid, &status));
	TRY(placed(0, PAGES, DEVICE, 9));
	return intact(0, PAGES);
}

static bool fork_migrated(unsigned long unused)
{
	struct hmmt_migrate m;

	TRY(system_thps(1));
	TRY(child_begin());
	TRY(move(0, PAGES, 0, &m));
	WANT(m.thp == 1, "thp %llu migrated %llu", m.thp, m.migrated);
	TRY(placed(0, PAGES, DEVICE, 9));
	TRY(move(0, PAGES, HMMT_MIGRATE_TO_SYS, &m));
	WANT(m.thp == 1, "thp %llu migrated %llu", m.thp, m.migrated);
	TRY(verify(0, PAGES));
	return child_end();
}

static bool protect_whole(unsigned long unused)
{
	int status;
	pid_t pid;

	TRY(device_thps(1));
	TRY(set_prot(0, PAGES, PROT_READ));
	TRY(placed(0, PAGES, DEVICE, 9));
	WANT(!(snap(8) & HMM_DMIRROR_PROT_WRITE), "snapshot %#x", snap(8));
	TRY(verify_device(&dev0, 200, 210));
	pid = fork();
	if (!pid) {
		*word(8) = 1;
		_exit(0);
	}
	TRY(reaped(pid, &status));
	WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "status %#x", status);
	TRY(set_prot(0, PAGES, PROT_READ | PROT_WRITE));
	*word(8) = value(8);
	return intact(0, PAGES);
}

static bool protect_part(unsigned long unused)
{
	TRY(device_thps(1));
	TRY(set_prot(100, 7, PROT_READ));
	TRY(placed(0, PAGES, DEVICE, 0));
	WANT(snap(99) & HMM_DMIRROR_PROT_WRITE && !(snap(100) & HMM_DMIRROR_PROT_WRITE),
	     "snapshot %#x %#x", snap(99), snap(100));
	return intact(0, PAGES);
}

static bool moved(unsigned long offset)
{
	char *to = ptr(2 * PAGES + offset);

	TRY(device_thps(1));
	TRY(move_block(area, to));
	TRY(placed(2 * PAGES + offset, PAGES, DEVICE, offset ? 0 : 9));
	TRY(intact_at(to, 0, PAGES));
	return true;
}

static bool moved_part(unsigned long unused)
{
	char *to = ptr(2 * PAGES + 256);

	TRY(device_thps(1));
	WANT(mremap(ptr(100), 100 * HMMT_PAGE_SIZE, 100 * HMMT_PAGE_SIZE,
		    MREMAP_MAYMOVE | MREMAP_FIXED, to) == to, "%s", strerror(errno));
	TRY(placed(2 * PAGES + 256, 100, DEVICE, 0));
	TRY(intact_at(to, 100, 100));
	TRY(intact_at(area, 0, 100));
	return intact_at(ptr(200), 200, PAGES - 200);
}

static bool moved_dontunmap(unsigned long unused)
{
	char *to = ptr(2 * PAGES);

	TRY(device_thps(1));
	WANT(mremap(area, HMMT_PMD_SIZE, HMMT_PMD_SIZE,
		    MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to) == to, "%s",
	     strerror(errno));
	TRY(placed(2 * PAGES, PAGES, DEVICE, 9));
	TRY(placed(0, PAGES, NOWHERE, -1));
	WANT(!*word(9), "what was left behind holds %#llx", (unsigned long long)*word(9));
	return intact_at(to, 0, PAGES);
}

static bool shrunk(unsigned long unused)
{
	TRY(device_thps(1));
	WANT(mremap(area, HMMT_PMD_SIZE, HMMT_PMD_SIZE / 2, 0) == area, "%s", strerror(errno));
	TRY(placed(0, PAGES / 2, DEVICE, 0));
	return intact(0, PAGES / 2);
}

static bool discard_whole(unsigned long unused)
{
	struct hmmt_stats st;

	TRY(device_thps(1));
	WANT(!madvise(area, HMMT_PMD_SIZE, MADV_DONTNEED), "%s", strerror(errno));
	st = stats_now();
	WANT(!st.pages_used, "%llu device pages used", st.pages_used);
	WANT(!*word(3), "page 3 holds %#llx", (unsigned long long)*word(3));
	return true;
}

static bool discard_part(unsigned long unused)
{
	unsigned long i;

	TRY(device_thps(1));
	WANT(!madvise(ptr(100), 100 * HMMT_PAGE_SIZE, MADV_DONTNEED), "%s", strerror(errno));
	TRY(placed(100, 100, NOWHERE, -1));
	TRY(intact(0, 100));
	TRY(intact(200, PAGES - 200));
	for (i = 100; i < 200; i++)
		WANT(!*word(i), "page %lu holds %#llx", i, (unsigned long long)*word(i));
	return true;
}

/* Who touches a page from @page on is refused, as if nothing were there */
static bool refused(unsigned long page, unsigned long nr)
{
	struct iovec to = { .iov_len = 8 }, from = { .iov_len = 8 };
	uint64_t val;

	for (; nr; page++, nr--) {
		to.iov_base = &val;
		from.iov_base = ptr(page);
		WANT(process_vm_readv(getpid(), &to, 1, &from, 1, 0) < 0 && errno == EFAULT,
		     "guard page %lu was read", page);
		WANT(hmmt_access(&dev0, at(page), &val, sizeof(val), 0, NULL) == -EFAULT,
		     "guard page %lu was read by a device", page);
	}
	return true;
}

#define GUARD_THP	(1U << 0)
#define GUARD_PART	(1U << 1)

static bool guarded(unsigned long how)
{
	unsigned long page = how & GUARD_PART ? 100 : 0, nr = how & GUARD_PART ? 100 : PAGES, i;
	struct hmmt_migrate m;
	struct hmmt_stats st;

	TRY(how & GUARD_THP ? device_thps(1) : device_pages());
	if (madvise(ptr(page), nr * HMMT_PAGE_SIZE, MADV_GUARD_INSTALL)) {
		WANT(errno == EINVAL, "%s", strerror(errno));
		SKIP("this kernel has no guard pages");
	}
	st = stats_now();
	WANT(how & GUARD_PART || !st.pages_used, "%llu device pages used", st.pages_used);
	TRY(refused(page, nr));
	/* no holes, and nothing to migrate: there and back */
	for (i = 0; i < 2; i++) {
		TRY(move(0, PAGES, HMMT_MIGRATE_TO_SYS, &m));
		WANT(m.migrated == PAGES - nr, "migrated %llu back", m.migrated);
		TRY(move(0, PAGES, 0, &m));
		WANT(m.migrated == PAGES - nr, "migrated %llu", m.migrated);
		TRY(refused(page, nr));
	}
	TRY(verify(0, page));
	TRY(verify(page + nr, PAGES));
	WANT(!madvise(ptr(page), nr * HMMT_PAGE_SIZE, MADV_GUARD_REMOVE), "%s", strerror(errno));
	for (i = page; i < page + nr; i++)
		WANT(!*word(i), "page %lu holds %#llx", i, (unsigned long long)*word(i));
	return true;
}

static bool unmap_rest(unsigned long unused)
{
	struct hmmt_stats st;

	TRY(device_thps(1));
	WANT(!munmap(ptr(1), HMMT_PMD_SIZE - HMMT_PAGE_SIZE), "%s", strerror(errno));
	TRY(intact(0, 1));
	WANT(!munmap(area, HMMT_PAGE_SIZE), "%s", strerror(errno));
	st = stats_now();
	WANT(!st.pages_used, "%llu device pages used", st.pages_used);
	return true;
}

/* Advice that may be ignored, but not lose anything */
static bool advised(unsigned long advice)
{
	TRY(device_thps(1));
	if (madvise(area, HMMT_PMD_SIZE, advice))
		SKIP("this kernel does not know the advice");
	TRY(intact(0, PAGES));
	TRY(device_thps(1));
	WANT(!madvise(ptr(100), 100 * HMMT_PAGE_SIZE, advice), "%s", strerror(errno));
	return intact(0, PAGES);
}

/* MADV_FREE drops what it was told about only, and not what was written since */
static bool lazy_free(unsigned long unused)
{
	unsigned long i;

	TRY(device_thps(1));
	WANT(!madvise(ptr(100), 100 * HMMT_PAGE_SIZE, MADV_FREE), "%s", strerror(errno));
	for (i = 100; i < 200; i++)
		*word(i) = value(i);
	return intact(0, PAGES);
}

static bool collapse(unsigned long thp)
{
	TRY(fill(1, thp));
	TRY(move(0, PAGES, 0, NULL));
	madvise(area, HMMT_PMD_SIZE, MADV_HUGEPAGE);
	/* it may refuse: nothing says that device memory is collapsed */
	madvise(area, HMMT_PMD_SIZE, MADV_COLLAPSE);
	return intact(0, PAGES);
}

static bool locked(unsigned long unused)
{
	TRY(device_thps(1));
	WANT(!mlock(area, HMMT_PMD_SIZE), "%s", strerror(errno));
	TRY(verify(0, PAGES));
	TRY(migrate(&dev0, 0, PAGES, 0, NULL));
	WANT(!munlock(area, HMMT_PMD_SIZE), "%s", strerror(errno));
	return intact(0, PAGES);
}

static uint64_t nr_mlock(void)
{
	uint64_t n = 0;

	hmmt_drain();
	hmmt_vmstat_fold();
	hmmt_file_field("/proc/vmstat", "nr_mlock", &n);
	return n;
}

/* More than one PMD: a device page that was left mlocked by a row before is not counted again */
#define LOCK_THP	(1U << 0)
#define LOCK_KEPT	(1U << 1)	/* unmapped as it is */

static bool unlocked(unsigned long how)
{
	const unsigned int pmds = 3;
	bool thp = how & LOCK_THP;
	uint64_t before = nr_mlock(), now;

	TRY(fill(pmds, thp));
	WANT(!mlock(area, pmds * HMMT_PMD_SIZE), "%s", strerror(errno));
	TRY(move(0, pmds * PAGES, 0, NULL));
	TRY(placed(0, pmds * PAGES, DEVICE, thp ? 9 : 0));
	WANT(how & LOCK_KEPT || !munlock(area, pmds * HMMT_PMD_SIZE), "%s", strerror(errno));
	WANT(!munmap(area, pmds * HMMT_PMD_SIZE), "%s", strerror(errno));
	now = nr_mlock();
	WANT(now == before, "nr_mlock is %llu and was %llu", (unsigned long long)now,
	     (unsigned long long)before);
	return true;
}

/*
 * Unmapped in the device as active pages; then two have them mlocked, and what is unlocked for
 * the second one, while it is off the LRU, stays unevictable (docs/findings/stale-flags.md)
 */
static bool used_again(unsigned long unused)
{
	unsigned int i;
	int ready[2];
	pid_t pid;
	char c;

	TRY(fill(1, false));
	for (i = 0; i < 4; i++)
		WANT(!madvise(area, HMMT_PMD_SIZE, MADV_POPULATE_READ), "%s", strerror(errno));
	TRY(move(0, PAGES, 0, NULL));
	TRY(fill(1, false));
	/* read-only: to lock it does not make a copy of it */
	TRY(set_prot(0, PAGES, PROT_READ));
	WANT(!mlock(area, HMMT_PMD_SIZE), "%s", strerror(errno));
	WANT(!pipe(ready), "%s", strerror(errno));
	pid = fork();
	if (!pid) {
		if (mlock(area, HMMT_PMD_SIZE) || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	WANT(pid > 0 && read(ready[0], &c, 1) == 1, "the child does not lock");
	TRY(move(0, PAGES, 0, NULL));
	/* first what some kernels do not survive: pages with such flags do harm to others */
	TRY(verify(0, PAGES));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	WANT(COUNTED(flags_checked), "no flags were looked at");
	WANT(!COUNTED(flags_left), "%llu of %llu pages came with flags of their last use",
	     COUNTED(flags_left), COUNTED(flags_checked));
	return true;
}

static bool pinned(unsigned long flags)
{
	struct hmmt_migrate m;
	int ret;

	TRY(system_thps(1));
	ret = hmmt_pin(&dev0, at(300), HMMT_PAGE_SIZE, flags, NULL);
	WANT(!ret, "pin: %s", strerror(-ret));
	TRY(migrate(&dev0, 0, PAGES, 0, &m));
	WANT(!m.migrated, "%llu pages of a pinned THP migrated", m.migrated);
	TRY(placed(0, PAGES, SYSTEM, -1));
	TRY(intact(0, PAGES));
	ret = hmmt_pin(&dev0, at(300), HMMT_PAGE_SIZE, HMMT_PIN_RELEASE, NULL);
	WANT(!ret, "release: %s", strerror(-ret));
	TRY(move(0, PAGES, 0, &m));
	WANT(m.migrated == PAGES, "migrated %llu when no longer pinned", m.migrated);
	return intact(0, PAGES);
}

/* vmsplice() holds a reference, no pin */
static bool referenced(unsigned long unused)
{
	struct iovec iov = { ptr(300), HMMT_PAGE_SIZE };
	struct hmmt_migrate m;
	int fds[2];

	TRY(system_thps(1));
	WANT(!pipe(fds) && vmsplice(fds[1], &iov, 1, 0) == HMMT_PAGE_SIZE, "%s",
	     strerror(errno));
	TRY(migrate(&dev0, 0, PAGES, 0, &m));
	WANT(!m.migrated, "%llu pages migrated, one is in a pipe", m.migrated);
	TRY(placed(0, PAGES, SYSTEM, 9));
	TRY(intact(0, PAGES));
	close(fds[0]);
	close(fds[1]);
	TRY(move(0, PAGES, 0, &m));
	WANT(m.migrated == PAGES, "migrated %llu when the pipe was gone", m.migrated);
	return intact(0, PAGES);
}

/* To pin device memory brings it back first */
static bool pin_device(unsigned long flags)
{
	struct hmmt_migrate m;
	int ret;

	TRY(device_thps(1));
	ret = hmmt_pin(&dev0, at(300), HMMT_PAGE_SIZE, flags, NULL);
	WANT(!ret, "pin: %s", strerror(-ret));
	TRY(placed(0, PAGES, SYSTEM, 9));
	TRY(migrate(&dev0, 0, PAGES, 0, &m));
	WANT(!m.migrated, "%llu pages of a pinned THP migrated", m.migrated);
	return verify(0, PAGES);
}

#ifndef UFFDIO_MOVE
#define UFFDIO_MOVE	_IOWR(UFFDIO, 5, struct uffdio_move_arg)
#endif
struct uffdio_move_arg {
	uint64_t dst, src, len, mode;
	int64_t move;
};

static bool uffd_move(unsigned long thp)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_move_arg arg = { .src = at(0), .dst = at(2 * PAGES), .len = HMMT_PMD_SIZE };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	bool gone;

	WANT(fd >= 0 && !ioctl(fd, UFFDIO_API, &api), "userfaultfd: %s", strerror(errno));
	TRY(fill(1, thp));
	WANT(mmap(ptr(2 * PAGES), HMMT_PMD_SIZE, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == ptr(2 * PAGES), "%s",
	     strerror(errno));
	reg.range.start = at(2 * PAGES);
	reg.range.len = HMMT_PMD_SIZE;
	WANT(!ioctl(fd, UFFDIO_REGISTER, &reg), "register: %s", strerror(errno));
	TRY(move(0, PAGES, 0, NULL));
	gone = !ioctl(fd, UFFDIO_MOVE, &arg);
	if (!gone && errno == ENOTTY)
		SKIP("no UFFDIO_MOVE in this kernel");
	WANT(gone || errno != EBUSY, "refused as shared or pinned, which it is not");
	WANT(gone || arg.move <= 0 || arg.move == HMMT_PMD_SIZE, "moved %lld bytes",
	     (long long)arg.move);
	return gone ? intact_at(ptr(2 * PAGES), 0, PAGES) : intact(0, PAGES);
}

static bool exits(unsigned long how)
{
	struct hmmt_stats st;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		char *const argv[] = { "hmm-validate", "--list", NULL };

		/* the devices of the parent mirror the parent */
		if (hmmt_open(&dev0, 0) || !device_thps(2) ||
		    munmap(ptr(600), HMMT_PAGE_SIZE))
			_exit(3);
		if (how == SIGKILL)
			raise(SIGKILL);
		if (how) {
			close(1);
			open("/dev/null", O_WRONLY);
			execv("/proc/self/exe", argv);
		}
		_exit(0);
	}
	TRY(reaped(pid, &status));
	WANT(how == SIGKILL ? WIFSIGNALED(status) : !status, "status %#x", status);
	st = stats_now();
	WANT(!st.pages_used, "%llu device pages used after the end", st.pages_used);
	return true;
}

const struct row vma_rows[] = {
	{ "vma.fork_read", "a child reads a device THP, so does the parent",
	  "copy_huge_non_present_pmd()", forked, 0, 0 },
	{ "vma.fork_write", "child and parent write to a shared device THP, each to its own",
	  "fork(2)", forked, 1, 0 },
	{ "vma.fork_untouched", "a device THP stays whole when a child comes and goes",
	  "copy_huge_non_present_pmd()", forked_untouched, 0, 0 },
	{ "vma.fork_migrated", "a THP that a child shares goes to the device whole, and back",
	  SERIES, fork_migrated, 0, 0 },
	{ "vma.fork_child_ends", "the child's end leaves the parent's memory", "fork(2)",
	  fork_exit, 0, 0 },
	{ "vma.fork_parent_unmaps", "the parent's munmap leaves the child's memory", "fork(2)",
	  fork_exit, 1, 0 },
	{ "vma.mprotect", "mprotect of a device THP, read-only and back, keeps it whole",
	  "change_non_present_huge_pmd()", protect_whole, 0, 0 },
	{ "vma.mprotect_part", "mprotect of a part maps it by PTEs, in the device",
	  "__split_huge_pmd_locked()", protect_part, 0, 0 },
	{ "vma.mremap", "a device THP that is moved to an aligned place stays whole",
	  "move_huge_pmd()", moved, 0, 0 },
	{ "vma.mremap_unaligned", "moved to any other place it is mapped by PTEs", THREAD,
	  moved, 5, 0 },
	{ "vma.mremap_part", "a part of it is moved", THREAD, moved_part, 0, 0 },
	{ "vma.mremap_dontunmap", "MREMAP_DONTUNMAP moves it and leaves a hole", "mremap(2)",
	  moved_dontunmap, 0, 0 },
	{ "vma.mremap_shrink", "mremap to half its size keeps that half", "mremap(2)", shrunk,
	  0, 0 },
	{ "vma.dontneed", "MADV_DONTNEED frees a device THP", "zap_huge_pmd()", discard_whole,
	  0, 0 },
	{ "vma.dontneed_part", "MADV_DONTNEED of a part discards that part", "madvise(2)",
	  discard_part, 0, 0 },
	{ "vma.guard", "guard pages in the place of a device THP free it, refuse and stay", "madvise(2)",
	  guarded, GUARD_THP, 0 },
	{ "vma.guard_part", "in the place of a part of it that part", "madvise(2)", guarded,
	  GUARD_THP | GUARD_PART, 0 },
	{ "vma.guard_base", "and of device base pages", "madvise(2)", guarded, 0, 0 },
	{ "vma.munmap_rest", "munmap of all pages but one, then of that", "munmap(2)",
	  unmap_rest, 0, 0 },
	{ "vma.free", "MADV_FREE of a part keeps the rest, and what was written since",
	  "madvise(2)", lazy_free, 0, 0 },
	{ "vma.cold", "MADV_COLD loses nothing", "madvise(2)", advised, MADV_COLD, 0 },
	{ "vma.pageout", "MADV_PAGEOUT loses nothing", "madvise(2)", advised, MADV_PAGEOUT, 0 },
	{ "vma.mergeable", "MADV_MERGEABLE loses nothing", "madvise(2)", advised, MADV_MERGEABLE,
	  0 },
	{ "vma.nohugepage", "MADV_NOHUGEPAGE loses nothing", "madvise(2)", advised,
	  MADV_NOHUGEPAGE, 0 },
	{ "vma.collapse", "MADV_COLLAPSE of a device THP loses nothing", "madvise(2)", collapse,
	  1, 0 },
	{ "vma.collapse_base", "nor that of device base pages", "madvise(2)", collapse, 0, 0 },
	{ "vma.mlock", "mlock and munlock of a device THP lose nothing", "mlock(2)", locked, 0, 0 },
	{ "vma.munlock", "a THP that is unlocked in the device is not counted as mlocked any more",
	  "Documentation/mm/unevictable-lru.rst", unlocked, LOCK_THP, 0 },
	{ "vma.munlock_base", "nor are base pages", "Documentation/mm/unevictable-lru.rst",
	  unlocked, 0, 0 },
	{ "vma.munmap_locked", "a mlocked device THP that is unmapped goes, and is not counted",
	  "Documentation/mm/unevictable-lru.rst", unlocked, LOCK_THP | LOCK_KEPT, 0 },
	{ "vma.munmap_locked_base", "the same of base pages, whose last reference goes in a batch",
	  "Documentation/mm/unevictable-lru.rst", unlocked, LOCK_KEPT, 0 },
	{ "vma.used_again", "what device pages were, active or mlocked, is forgotten when they are freed",
	  "PAGE_FLAGS_CHECK_AT_FREE: comment", used_again, 0, ROW_DEADLY },
	{ "vma.pinned", "a pinned THP is refused, and goes when it is not pinned any more",
	  SETUP, pinned, HMMT_PIN_WRITE, 0 },
	{ "vma.pinned_longterm", "the same for a long-term pin", SETUP, pinned,
	  HMMT_PIN_WRITE | HMMT_PIN_LONGTERM, 0 },
	{ "vma.referenced", "a THP with a reference from a pipe is refused, and stays whole",
	  "migrate_vma_check_page(): comment", referenced, 0, 0 },
	{ "vma.pin_device", "to pin a page of a device THP brings it back",
	  "do_huge_pmd_device_private()", pin_device, HMMT_PIN_WRITE, 0 },
	{ "vma.pin_device_longterm", "the same for a long-term pin",
	  "do_huge_pmd_device_private()", pin_device, HMMT_PIN_WRITE | HMMT_PIN_LONGTERM, 0 },
	{ "vma.uffd_move", "UFFDIO_MOVE moves a device THP or refuses it", UFFD, uffd_move, 1, 0 },
	{ "vma.uffd_move_base", "the same of base pages", UFFD, uffd_move, 0, 0 },
	{ "vma.exit", "the end of a process frees device THPs, whole or not", "exit(2)", exits,
	  0, 0 },
	{ "vma.exec", "so does execve", "execve(2)", exits, 1, 0 },
	{ "vma.kill", "so does SIGKILL", "kill(2)", exits, SIGKILL, 0 },
	{}
};
