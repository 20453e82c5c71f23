// SPDX-License-Identifier: GPL-2.0
/* What userfaultfd moves and write-protects */
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "findings.h"
#include "uffd_move.h"

/* A userfaultfd that watches the PMD at @dst, where things are to be moved to */
static int watch_moves(char *dst)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_MOVE };
	struct uffdio_register reg = {
		.range = { (unsigned long)dst, HMMT_PMD_SIZE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	NEED(fd >= 0);
	NEED(!ioctl(fd, UFFDIO_API, &api));
	NEED(!ioctl(fd, UFFDIO_REGISTER, &reg));
	return fd;
}

/* A device THP is no hole, and is not passed over like one */
static bool uffd_move(void)
{
	char *dst = thps(3, false), *src = dst + 2 * HMMT_PMD_SIZE;
	struct uffdio_move move = {
		.dst = (unsigned long)dst,
		.src = (unsigned long)src,
		.len = HMMT_PMD_SIZE,
		.mode = UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES,
	};
	int fd, err = 0;
	uint64_t entry;

	NEED(!munmap(dst + HMMT_PMD_SIZE, HMMT_PMD_SIZE));
	touch_thps(src, 1);
	fd = watch_moves(dst);
	all_to_dev(src, HMMT_PMD_SIZE);
	if (ioctl(fd, UFFDIO_MOVE, &move))
		err = errno;
	NEED_OK(hmmt_pagemap_read(getpid(), (unsigned long)dst, 1, &entry));
	printf("# %s, %lld bytes said to be moved, pagemap of the destination %#llx\n",
	       strerror(err), move.move, (unsigned long long)entry);
	return err ? err != ENOENT && move.move <= 0 : entry >> 62;
}

/* An UFFDIO_MOVE of a page onto page 1 of a device THP; its errno, or 0 */
static int move_onto(void)
{
	char *dst = thps(3, false), *src = dst + 2 * HMMT_PMD_SIZE;
	struct uffdio_move move = {
		.dst = (unsigned long)dst + HMMT_PAGE_SIZE,
		.src = (unsigned long)src,
		.len = HMMT_PAGE_SIZE,
	};
	int fd, err = 0;

	hmmt_close(&dev);
	NEED_OK(hmmt_open(&dev, 0));
	NEED(!madvise(src, HMMT_PMD_SIZE, MADV_NOHUGEPAGE));
	*src = 1;
	touch_thps(dst, 1);
	dst[HMMT_PAGE_SIZE] = 2;
	fd = watch_moves(dst);
	all_to_dev(dst, HMMT_PMD_SIZE);
	/* one that does not return is ended by the signal */
	alarm(10);
	if (ioctl(fd, UFFDIO_MOVE, &move))
		err = errno;
	return dst[HMMT_PAGE_SIZE] == 2 && *src == 1 ? err : 0;
}

/* A page cannot be moved to where a device THP is: EEXIST, as for any other page */
static bool uffd_move_onto(void)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(move_onto());
	NEED(pid > 0);
	status = ended(pid);
	if (WIFSIGNALED(status))
		printf("# UFFDIO_MOVE did not return for 10 s, signal %d\n", WTERMSIG(status));
	else
		printf("# %s\n", strerror(WEXITSTATUS(status)));
	return WIFEXITED(status) && WEXITSTATUS(status) == EEXIST;
}

static unsigned int protected_pages(const char *p)
{
	uint64_t entry[HMMT_PMD_PAGES];
	unsigned int i, n = 0;

	NEED_OK(hmmt_pagemap_read(getpid(), (unsigned long)p, HMMT_PMD_PAGES, entry));
	for (i = 0; i < HMMT_PMD_PAGES; i++)
		n += hmmt_pagemap_decode(entry[i]).uffd_wp;
	return n;
}

/* Zero pages are write-protected and migrated as @flags say; are they protected after it? */
static bool wp_zero_pages(bool huge, unsigned int flags)
{
	/* with SIGBUS for an event, a system call that is to write there gets EFAULT */
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_SIGBUS,
	};
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_WP };
	struct uffdio_writeprotect wp = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC), zero = open("/dev/zero", O_RDONLY);
	unsigned int i, before, after;
	char *p = thps(1, false);
	bool told;

	NEED(fd >= 0);
	NEED(zero >= 0);
	if (!huge)
		NEED(!madvise(p, HMMT_PMD_SIZE, MADV_NOHUGEPAGE));
	for (i = 0; i < HMMT_PMD_PAGES; i++)
		(void)*(volatile char *)(p + i * HMMT_PAGE_SIZE);
	reg.range = (struct uffdio_range){ (unsigned long)p, HMMT_PMD_SIZE };
	wp.range = reg.range;
	NEED(!ioctl(fd, UFFDIO_API, &api));
	NEED(!ioctl(fd, UFFDIO_REGISTER, &reg));
	NEED(!ioctl(fd, UFFDIO_WRITEPROTECT, &wp));
	before = protected_pages(p);
	NEED(before == HMMT_PMD_PAGES);
	/* to stay what and where they are is one way to keep the protection */
	NEED_OK(to_dev(p, HMMT_PMD_SIZE, flags));
	after = protected_pages(p);
	told = read(zero, p + 5 * HMMT_PAGE_SIZE, 1) < 0 && errno == EFAULT;
	printf("# flags %#x: %u pages protected, then %u; of a write %s is told\n", flags, before,
	       after, told ? "userfaultfd" : "nobody");
	close(zero);
	close(fd);
	munmap(p, HMMT_PMD_SIZE);
	return after == before && told;
}

static bool wp_zero(bool huge)
{
	static const unsigned int flags[] = { 0, HMMT_MIGRATE_SPLIT, HMMT_MIGRATE_BASE };
	bool ok = true;
	unsigned int i;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		ok &= wp_zero_pages(huge, flags[i]);
	return ok;
}

/* Write protection of pages that were only read survives that a migration fills them */
static bool uffd_wp_zero(void)
{
	return wp_zero(false);
}

/* ... also where it is the huge zero page */
static bool uffd_wp_huge_zero(void)
{
	return wp_zero(true);
}

const struct finding uffd_findings[] = {
	{ "uffd-move", uffd_move },
	{ "uffd-move-onto", uffd_move_onto },
	{ "uffd-wp-zero", uffd_wp_zero },
	{ "uffd-wp-huge-zero", uffd_wp_huge_zero },
	{}
};
