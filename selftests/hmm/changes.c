// SPDX-License-Identifier: GPL-2.0
/*
 * hmm-changes: what a process may do to its mappings of device memory, when they are at
 * rest and in the middle of an eviction. That takes pages by number and has nobody's
 * mmap lock, so that all is possible meanwhile that cannot be in the middle of other
 * migrations. Each row does one such thing, to base pages and to a THP; the data must be
 * there when it is over. Not here is what ends a mapping: stock kernels do not survive
 * that (docs/findings/evict-unmap.md, zap-migration.md).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
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
#define FEW		8		/* base pages in device memory */

static unsigned long moving;		/* so many pages are, from the first one on */

static bool protect(unsigned long pages, int prot)
{
	WANT(!mprotect(area, pages * HMMT_PAGE_SIZE, prot), "mprotect: %s", strerror(errno));
	return true;
}

static bool unprotect(void)
{
	return protect(PAGES, PROT_READ | PROT_WRITE);
}

static bool read_only(void)
{
	return protect(PAGES, PROT_READ) && unprotect();
}

static bool part_read_only(void)
{
	return protect(3, PROT_READ) && unprotect();
}

static bool no_access(void)
{
	return protect(PAGES, PROT_NONE) && unprotect();
}

/* Twice, once whole */
static bool less_access(void)
{
	return protect(PAGES, PROT_READ) && protect(3, PROT_NONE) && unprotect();
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

/* The child has what the parent has. It reads, and so outlives an eviction. */
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

static bool forked_read_only(void)
{
	return protect(PAGES, PROT_READ) && forked() && unprotect();
}

static bool advise(int advice)
{
	WANT(!madvise(area, moving * HMMT_PAGE_SIZE, advice), "madvise: %s", strerror(errno));
	return true;
}

static bool cold(void)
{
	return advise(MADV_COLD);
}

/* Neither what is being moved nor what is in the device is there to be taken */
static bool free_later(void)
{
	return advise(MADV_FREE);
}

/* --- userfaultfd ------------------------------------------------------------------- */

static int uffd;

static bool wp(uint64_t mode)
{
	struct uffdio_writeprotect arg = {
		.range = { .start = (uintptr_t)area, .len = HMMT_PMD_SIZE }, .mode = mode,
	};

	WANT(!ioctl(uffd, UFFDIO_WRITEPROTECT, &arg), "userfaultfd: %s", strerror(errno));
	return true;
}

static bool wp_begin(uint64_t features)
{
	struct uffdio_api api = {
		.api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP | features,
	};
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)area, .len = HMMT_PMD_SIZE },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api)) {
		skip = "this kernel has no such userfaultfd";
		return false;
	}
	WANT(!ioctl(uffd, UFFDIO_REGISTER, &reg), "register: %s", strerror(errno));
	return wp(UFFDIO_WRITEPROTECT_MODE_WP);
}

static bool wp_end(void)
{
	TRY(wp(0));
	close(uffd);
	return true;
}

static bool write_protected(void)
{
	return wp_begin(0) && wp_end();
}

static bool write_protected_part_read_only(void)
{
	return wp_begin(0) && protect(3, PROT_READ) && unprotect() && wp_end();
}

static bool write_protected_read_only(void)
{
	return wp_begin(0) && read_only() && wp_end();
}

/* Who does not want to be told of moves has the mapping no more */
static bool write_protected_moved(void)
{
	return wp_begin(0) && moved() && !close(uffd);
}

static bool write_protected_forked(void)
{
	return wp_begin(0) && forked() && wp_end();
}

/* Who forks waits until it is told: the child's pages are protected as well */
static void *see_fork(void *unused)
{
	struct uffd_msg msg;

	(void)unused;
	return (void *)(intptr_t)(read(uffd, &msg, sizeof(msg)) == sizeof(msg) &&
				  msg.event == UFFD_EVENT_FORK ? (int)msg.arg.fork.ufd : -1);
}

static bool write_protected_told_of_fork(void)
{
	pthread_t id;
	void *fd;
	bool ok;

	TRY(wp_begin(UFFD_FEATURE_EVENT_FORK));
	WANT(!pthread_create(&id, NULL, see_fork, NULL), "thread");
	ok = forked();
	pthread_join(id, &fd);
	TRY(ok);
	WANT((intptr_t)fd >= 0, "it was not told");
	close((intptr_t)fd);
	return wp_end();
}

/* --- /proc ------------------------------------------------------------------------- */

static bool set_admin(bool on)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	WANT(!syscall(SYS_capget, &head, data), "capget: %s", strerror(errno));
	if (on)
		data[0].effective |= CAP_TO_MASK(CAP_SYS_ADMIN);
	else
		data[0].effective &= ~CAP_TO_MASK(CAP_SYS_ADMIN);
	WANT(!syscall(SYS_capset, &head, data), "capset: %s", strerror(errno));
	return true;
}

/* Not everybody is to see page numbers */
static bool pagemap_without_numbers(void)
{
	uint64_t entry;
	int ret;

	TRY(set_admin(false));
	ret = hmmt_pagemap_read(getpid(), at(0), 1, &entry);
	TRY(set_admin(true));
	WANT(!ret, "pagemap: %s", strerror(-ret));
	WANT(hmmt_pagemap_decode(entry).swap && !hmmt_pagemap_decode(entry).swap_pfn,
	     "pagemap says %#llx", (unsigned long long)entry);
	return true;
}

static bool pagemap_categories(void)
{
	const uint64_t all = HMMT_PAGE_FILE | HMMT_PAGE_PRESENT | HMMT_PAGE_SWAPPED;
	struct hmmt_region r = { 0 };
	int ret = hmmt_pagemap_regions(at(0), HMMT_PAGE_SIZE, all, all, &r, 1);

	if (ret == -ENOTTY) {
		skip = "this kernel has no PAGEMAP_SCAN";
		return false;
	}
	WANT(ret == 1 && r.categories == HMMT_PAGE_SWAPPED, "ret %d categories %#llx", ret,
	     (unsigned long long)r.categories);
	return true;
}

static bool smaps(void)
{
	int fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
	unsigned char resident[PAGES];
	char text[4096];

	WANT(fd >= 0, "smaps: %s", strerror(errno));
	while (read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
	WANT(!mincore(area, HMMT_PMD_SIZE, resident), "mincore: %s", strerror(errno));
	return true;
}

static bool device_reads(void)
{
	return verify_device(&dev0, 0, FEW);
}

/* --- rows -------------------------------------------------------------------------- */

static const struct {
	const char *name;
	bool (*act)(void);
} acts[] = {
	{ "read_only", read_only },
	{ "part_read_only", part_read_only },
	{ "no_access", no_access },
	{ "less_access", less_access },
	{ "moved", moved },
	{ "part_moved", part_moved },
	{ "forked", forked },
	{ "forked_read_only", forked_read_only },
	{ "cold", cold },
	{ "free_later", free_later },
	{ "write_protected", write_protected },
	{ "write_protected_part_read_only", write_protected_part_read_only },
	{ "write_protected_read_only", write_protected_read_only },
	{ "write_protected_moved", write_protected_moved },
	{ "write_protected_forked", write_protected_forked },
	{ "write_protected_told_of_fork", write_protected_told_of_fork },
	{ "pagemap_without_numbers", pagemap_without_numbers },
	{ "pagemap_categories", pagemap_categories },
	{ "smaps", smaps },
	{ "device_reads", device_reads },
};

static const struct {
	const char *name;
	bool thp, evicted;
} kinds[] = {
	{ "pages", false, false },
	{ "thp", true, false },
	{ "evicted_pages", false, true },
	{ "evicted_thp", true, true },
};

#define NR_ACTS		(sizeof(acts) / sizeof(acts[0]))
#define NR_KINDS	(sizeof(kinds) / sizeof(kinds[0]))

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

static bool act_in_eviction(bool (*act)(void))
{
	struct hmmt_stats before, after;
	pthread_t id;
	void *ret;
	bool ok;

	TRY(stats_of(&dev0, &before));
	if (!busted("nothing"))
		WANT(!hmmt_hold(&dev0, HMMT_HOLD_COLLECTED, HOLD_MS), "hold");
	WANT(!pthread_create(&id, NULL, evict, NULL), "thread");
	ok = wait_for_hold(&before);
	if (ok)
		ok = act();
	pthread_join(id, &ret);
	TRY(ok);
	WANT(!ret, "evict: %s", strerror(-(int)(intptr_t)ret));
	TRY(stats_of(&dev0, &after));
	WANT(after.evict_thp + after.evict_base > before.evict_thp + before.evict_base ||
	     after.refused > before.refused, "nothing was evicted");
	return true;
}

static bool run_act(void)
{
	unsigned int act = running_test % NR_ACTS, kind = running_test / NR_ACTS;

	if (kinds[kind].thp && !whole_thps) {
		skip = "this kernel migrates base pages only";
		return false;
	}
	TRY(fill(1, kinds[kind].thp));
	moving = kinds[kind].thp ? PAGES : FEW;
	TRY(migrate(&dev0, 0, moving, 0, NULL));
	TRY(kinds[kind].evicted ? act_in_eviction(acts[act].act) : acts[act].act());
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
	TRY(migrate(&dev0, 0, FEW, 0, NULL));
	WANT(!hmmt_inject(&dev0, &in), "inject");
	ret = hmmt_evict_some(&dev0, &e);
	WANT(!hmmt_inject(&dev0, &none), "inject");
	WANT(!ret && e.migrated == FEW / 2 && none.failed == FEW / 2,
	     "%s: migrated %llu failed %llu", strerror(-ret), e.migrated, none.failed);
	WANT(!in_device(0) && in_device(1), "snapshot %#x %#x", snap(0), snap(1));
	return verify(0, PAGES);
}

/* A hole in the file below leaves alone what was written to a private mapping of it */
static bool hole_punched(void)
{
	int fd = memfd_create("changes", MFD_CLOEXEC);
	unsigned long i;
	void *p;

	WANT(fd >= 0 && !ftruncate(fd, HMMT_PMD_SIZE), "memfd: %s", strerror(errno));
	p = mmap(area, HMMT_PMD_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0);
	WANT(p == area, "mmap: %s", strerror(errno));
	for (i = 0; i < FEW; i++)
		*word(i) = value(i);
	TRY(migrate(&dev0, 0, FEW, 0, NULL));
	WANT(in_device(0), "snapshot %#x", snap(0));
	WANT(!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, HMMT_PMD_SIZE),
	     "fallocate: %s", strerror(errno));
	close(fd);
	WANT(in_device(0), "snapshot afterwards %#x", snap(0));
	return verify(0, FEW);
}

int main(int argc, char **argv)
{
	static struct test tests[NR_KINDS * NR_ACTS + 2];
	static char names[NR_KINDS * NR_ACTS][64];
	unsigned int i;

	parse_options(argc, argv);
	for (i = 0; i < NR_KINDS * NR_ACTS; i++) {
		snprintf(names[i], sizeof(names[i]), "%s_%s", kinds[i / NR_ACTS].name,
			 acts[i % NR_ACTS].name);
		tests[i] = (struct test) { names[i], run_act };
	}
	tests[i++] = (struct test) { "no_memory", no_memory };
	tests[i++] = (struct test) { "hole_punched", hole_punched };
	return run_tests("hmm-changes", tests, i);
}
