// SPDX-License-Identifier: GPL-2.0
/*
 * hmm-evict: what may come in the middle of an eviction. It takes pages by number and
 * has nobody's mmap lock, so that a process can do to its mappings meanwhile what it
 * cannot in the middle of other migrations. Each row does one such thing while an
 * eviction is held and its pages are mapped by migration entries; the data must be
 * there when it is over. Not here is what ends a mapping: stock kernels do not
 * survive that (docs/findings/evict-unmap.md, zap-migration.md).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "area.h"

/* newer than the headers of some */
#ifndef MADV_COLD
#define MADV_COLD	20
#endif

#define PAGES		HMMT_PMD_PAGES
#define HOLD_MS		400
#define FIRST_PAGES	8	/* of base pages that are evicted */

static unsigned long evicted;	/* so many pages, from the first one on */

/* A new protection of the first @pages, and the old one again */
static bool protect(unsigned long pages, int prot)
{
	WANT(!mprotect(area, pages * HMMT_PAGE_SIZE, prot) &&
	     !mprotect(area, pages * HMMT_PAGE_SIZE, PROT_READ | PROT_WRITE),
	     "mprotect: %s", strerror(errno));
	return true;
}

static bool read_only(void)
{
	return protect(PAGES, PROT_READ);
}

static bool part_read_only(void)
{
	return protect(3, PROT_READ);
}

static bool no_access(void)
{
	return protect(PAGES, PROT_NONE);
}

static bool move(unsigned long pages)
{
	size_t len = pages * HMMT_PAGE_SIZE;
	char *to = area + 2 * HMMT_PMD_SIZE;

	WANT(mremap(area, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to &&
	     mremap(to, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, area) == area,
	     "mremap: %s", strerror(errno));
	return true;
}

static bool moved(void)
{
	return move(PAGES);
}

static bool part_moved(void)
{
	return move(3);
}

/* The child has what the parent has. It reads, and so outlives the eviction. */
static bool forked(void)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(!verify(0, PAGES));
	WANT(pid > 0 && waitpid(pid, &status, 0) == pid && !status, "child: status %#x", status);
	return true;
}

static bool advise(int advice)
{
	WANT(!madvise(area, evicted * HMMT_PAGE_SIZE, advice), "madvise: %s", strerror(errno));
	return true;
}

static bool cold(void)
{
	return advise(MADV_COLD);
}

/* Nothing that is being moved is free to be taken */
static bool free_later(void)
{
	return advise(MADV_FREE);
}

static bool write_protected(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)area, .len = HMMT_PMD_SIZE },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	struct uffdio_writeprotect wp = { .range = reg.range, .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), err = 0;

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api)) {
		skip = "this kernel has no such userfaultfd";
		close(fd);
		return false;
	}
	if (ioctl(fd, UFFDIO_REGISTER, &reg) || ioctl(fd, UFFDIO_WRITEPROTECT, &wp))
		err = errno;
	wp.mode = 0;
	if (!err && ioctl(fd, UFFDIO_WRITEPROTECT, &wp))
		err = errno;
	close(fd);
	WANT(!err, "userfaultfd: %s", strerror(err));
	return true;
}

/* It is somewhere, and not for the device to be mapped */
static bool looked_at(void)
{
	char resident[PAGES], text[4096];
	uint64_t entry;
	int fd;

	WANT(!hmmt_pagemap_read(getpid(), at(0), 1, &entry), "pagemap");
	WANT(entry, "it is nowhere");
	WANT(!mincore(area, HMMT_PMD_SIZE, (unsigned char *)resident), "mincore: %s",
	     strerror(errno));
	fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
	WANT(fd >= 0, "smaps: %s", strerror(errno));
	while (read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
	WANT(!in_device(0), "snapshot %#x", snap(0));
	return true;
}

static bool device_reads(void)
{
	return verify_device(&dev0, 0, FIRST_PAGES);
}

static const struct {
	const char *name;
	bool (*act)(void);
} acts[] = {
	{ "read_only", read_only },
	{ "part_read_only", part_read_only },
	{ "no_access", no_access },
	{ "moved", moved },
	{ "part_moved", part_moved },
	{ "forked", forked },
	{ "cold", cold },
	{ "free_later", free_later },
	{ "write_protected", write_protected },
	{ "looked_at", looked_at },
	{ "device_reads", device_reads },
};

#define NR_ACTS	(sizeof(acts) / sizeof(acts[0]))

static void *evict(void *unused)
{
	struct hmmt_evict e = { .mode = HMMT_EVICT_ALL };

	(void)unused;
	return (void *)(intptr_t)hmmt_evict_some(&dev0, &e);
}

static bool wait_for_hold(const struct hmmt_stats *before)
{
	struct hmmt_stats st;
	int tries;

	for (tries = 0; tries < 1000; tries++) {
		TRY(stats_of(&dev0, &st));
		if (st.held > before->held)
			break;
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	WANT(st.held > before->held, "nothing was held");
	return true;
}

static bool run_act(void)
{
	bool thp = running_test >= NR_ACTS, ok;
	unsigned int i = running_test % NR_ACTS;
	struct hmmt_stats before, after;
	pthread_t id;
	void *ret;

	if (thp && !whole_thps) {
		skip = "this kernel migrates base pages only";
		return false;
	}
	TRY(fill(1, thp));
	evicted = thp ? PAGES : FIRST_PAGES;
	TRY(migrate(&dev0, 0, evicted, 0, NULL));
	TRY(stats_of(&dev0, &before));
	if (!busted("nothing"))
		WANT(!hmmt_hold(&dev0, HMMT_HOLD_COLLECTED, HOLD_MS), "hold");
	WANT(!pthread_create(&id, NULL, evict, NULL), "thread");
	ok = wait_for_hold(&before);
	if (ok)
		ok = acts[i].act();
	pthread_join(id, &ret);
	TRY(ok);
	WANT(!ret, "evict: %s", strerror(-(int)(intptr_t)ret));
	TRY(stats_of(&dev0, &after));
	WANT(after.evict_thp + after.evict_base > before.evict_thp + before.evict_base ||
	     after.refused > before.refused, "nothing was evicted");
	if (busted("data"))
		*word(3) = 0;
	return verify(0, PAGES);
}

/* Some find no memory, and stay */
static bool no_memory(void)
{
	struct hmmt_inject in = { .sites = HMMT_SITE_SYS_BASE, .nth = 2, .interval = 2 };
	struct hmmt_evict e = { .mode = HMMT_EVICT_ALL };
	struct hmmt_inject none = { 0 };
	int ret;

	TRY(fill(1, false));
	TRY(migrate(&dev0, 0, FIRST_PAGES, 0, NULL));
	WANT(!hmmt_inject(&dev0, &in), "inject");
	ret = hmmt_evict_some(&dev0, &e);
	WANT(!hmmt_inject(&dev0, &none), "inject");
	WANT(!ret && e.migrated == FIRST_PAGES / 2 && none.failed == FIRST_PAGES / 2,
	     "%s: migrated %llu failed %llu", strerror(-ret), e.migrated, none.failed);
	WANT(!in_device(0) && in_device(1), "snapshot %#x %#x", snap(0), snap(1));
	return verify(0, PAGES);
}

int main(int argc, char **argv)
{
	static struct test tests[2 * NR_ACTS + 1];
	static char names[2 * NR_ACTS][32];
	unsigned int i;

	parse_options(argc, argv);
	for (i = 0; i < 2 * NR_ACTS; i++) {
		snprintf(names[i], sizeof(names[i]), "%s_%s", i < NR_ACTS ? "pages" : "thp",
			 acts[i % NR_ACTS].name);
		tests[i] = (struct test) { names[i], run_act };
	}
	tests[i++] = (struct test) { "no_memory", no_memory };
	return run_tests("hmm-evict", tests, i);
}
