// SPDX-License-Identifier: GPL-2.0
/* Commands by io_uring: several at once, wrong ones, and the end of the ring. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"
#include "ring.h"

#define PAGES	HMMT_PMD_PAGES

static bool ring_init(struct io_uring *ring)
{
	int ret = io_uring_queue_init(8, ring, 0);

	WANT(!ret, "io_uring: %s", strerror(-ret));
	return true;
}

static bool several(void)
{
	static char buf[HMMT_PMD_SIZE];
	struct hmmt_migrate m[2] = {
		{ .addr = at(0), .len = HMMT_PMD_SIZE },
		{ .addr = at(PAGES), .len = HMMT_PMD_SIZE },
	};
	struct hmmt_access acc = {
		.addr = at(PAGES), .ptr = (uintptr_t)buf, .len = HMMT_PMD_SIZE,
	};
	struct hmmt_checksum sum = { .addr = at(0), .len = HMMT_PMD_SIZE };
	struct hmmt_stats before, after;
	struct io_uring ring;
	int res[3], ret;
	uint64_t want;

	TRY(fill(2, true));
	TRY(stats_of(&dev0, &before));
	want = hmmt_checksum_of(area, HMMT_PMD_SIZE);
	TRY(ring_init(&ring));
	ring_prep(&ring, &dev0, HMMT_MIGRATE, &m[0], 0);
	ring_prep(&ring, &dev0, HMMT_MIGRATE, &m[1], 1);
	ret = io_uring_submit(&ring);
	WANT(ret == 2 && !ring_wait(&ring, 2, res), "submitted %d", ret);
	WANT(!res[0] && !res[1], "results %d %d", res[0], res[1]);
	WANT(m[0].thp == whole_thps && m[1].thp == whole_thps, "thp %llu %llu", m[0].thp, m[1].thp);
	ring_prep(&ring, &dev0, HMMT_ACCESS, &acc, 0);
	ring_prep(&ring, &dev0, HMMT_CHECKSUM, &sum, 1);
	ring_prep(&ring, &dev0, HMMT_STATS, &sum, 2);
	ret = io_uring_submit(&ring);
	WANT(ret == 3 && !ring_wait(&ring, 3, res), "submitted %d", ret);
	io_uring_queue_exit(&ring);
	WANT(!res[0] && acc.done == HMMT_PMD_SIZE, "access %d done %llu", res[0], acc.done);
	WANT(!res[1] && sum.sum == want, "checksum %d %#llx", res[1], sum.sum);
	WANT(res[2] == -ENOTTY, "stats: %d", res[2]);
	WANT(!memcmp(buf, area + HMMT_PMD_SIZE, sizeof(buf)), "data");
	TRY(stats_of(&dev0, &after));
	WANT(after.uring_cmds == before.uring_cmds + 4, "%llu commands counted",
	     after.uring_cmds - before.uring_cmds);
	return verify(0, 2 * PAGES);
}

static bool errors(void)
{
	struct hmmt_migrate good = { .addr = at(0), .len = HMMT_PMD_SIZE };
	struct hmmt_migrate bad = { .addr = 1, .len = 1 };
	struct io_uring ring;
	int res[3], status;
	pid_t pid;

	TRY(fill(1, true));
	TRY(ring_init(&ring));
	ring_prep(&ring, &dev0, HMMT_MIGRATE, &bad, 0);
	ring_prep(&ring, &dev0, HMMT_MIGRATE, (void *)16, 1);
	ring_prep(&ring, &dev0, HMMT_MIGRATE - (1 << 16), &good, 2);
	io_uring_submit(&ring);
	WANT(!ring_wait(&ring, 3, res), "wait");
	io_uring_queue_exit(&ring);
	WANT(res[0] == -EINVAL && res[1] == -EFAULT && res[2] == -EINVAL, "results %d %d %d",
	     res[0], res[1], res[2]);

	/* a child's ring, our mirror */
	pid = fork();
	if (!pid) {
		if (!ring_init(&ring))
			_exit(1);
		ring_prep(&ring, &dev0, HMMT_MIGRATE, &good, 0);
		io_uring_submit(&ring);
		_exit(ring_wait(&ring, 1, res) || res[0] != -EPERM);
	}
	TRY(reaped(pid, &status));
	WANT(!status, "another process: status %#x", status);
	return verify(0, PAGES);
}

/*
 * Commands that take long, and nothing that waits for them. They hold the file
 * of @dev, so that it is open for as long as one of them is left.
 */
static bool submit_long(struct io_uring *ring, struct hmmt_dev *dev)
{
	static struct hmmt_migrate m[8];
	unsigned int i;
	int ret;

	TRY(fill(AREA_PMDS, false));
	TRY(ring_init(ring));
	for (i = 0; i < 8; i++) {
		m[i] = (struct hmmt_migrate) { .addr = at(0), .len = AREA_SIZE,
					       .flags = HMMT_MIGRATE_DROP };
		ring_prep(ring, dev, HMMT_MIGRATE, &m[i], 0);
	}
	ret = io_uring_submit(ring);
	WANT(ret == 8, "submitted %d", ret);
	return true;
}

static bool all_end(const struct hmmt_stats *before, struct hmmt_stats *after)
{
	unsigned int i;

	for (i = 0; i < 200; i++) {
		TRY(stats_of(&dev0, after));
		if (after->mirrors == before->mirrors)
			return true;
		usleep(50000);
	}
	WANT(false, "mirrors %llu, before %llu", after->mirrors, before->mirrors);
}

static bool ring_closed(void)
{
	struct hmmt_dev dev = HMMT_DEV_CLOSED;
	struct hmmt_stats before, after;
	struct io_uring ring;
	int ret;

	TRY(stats_of(&dev0, &before));
	ret = hmmt_open(&dev, 0);
	WANT(!ret, "open: %s", strerror(-ret));
	/* one of them is held in its first PMD, so that it is under way */
	WANT(!hmmt_hold(&dev, HMMT_HOLD_COLLECTED, 1000), "hold");
	TRY(submit_long(&ring, &dev));
	hmmt_close(&dev);
	do {
		TRY(stats_of(&dev0, &after));
	} while (after.held == before.held);
	io_uring_queue_exit(&ring);
	TRY(all_end(&before, &after));
	WANT(after.uring_cancelled > before.uring_cancelled, "none was cancelled");
	return verify(0, AREA_PMDS * PAGES);
}

static bool process_ends(void)
{
	struct hmmt_stats before, after;
	struct hmmt_dev dev;
	struct io_uring ring;
	pid_t pid;
	int status;

	TRY(stats_of(&dev0, &before));
	pid = fork();
	if (!pid)
		_exit(hmmt_open(&dev, 0) || !submit_long(&ring, &dev));
	TRY(reaped(pid, &status));
	WANT(!status, "status %#x", status);
	return all_end(&before, &after);
}

#define HOT_PMDS	64UL

/* One checksum of @len bytes by a ring that is closed when it has begun */
static bool close_under_checksum(size_t len, struct hmmt_checksum *sum)
{
	static volatile uint64_t sums[HOT_PMDS * PAGES];
	struct hmmt_dev dev = HMMT_DEV_CLOSED;
	struct io_uring ring;
	int ret;

	*sum = (struct hmmt_checksum) { .addr = at(0), .len = len };
	ret = hmmt_open(&dev, 0);
	WANT(!ret, "open: %s", strerror(-ret));
	ret = hmmt_checksum(&dev, sum->addr, len, NULL, NULL);
	WANT(!ret, "checksum: %s", strerror(-ret));
	TRY(ring_init(&ring));
	sums[0] = 0;
	sum->ptr = (uintptr_t)sums;
	ring_prep(&ring, &dev, HMMT_CHECKSUM, sum, 0);
	ret = io_uring_submit(&ring);
	WANT(ret == 1, "submitted %d", ret);
	hmmt_close(&dev);
	while (!sums[0])
		;
	io_uring_queue_exit(&ring);
	return true;
}

/*
 * What is in the device page table needs no fault, and may be as much as there
 * are addresses, here all of it the zero page: also that is cancelled. On a host
 * that lets this thread wait the command may be through before it is.
 */
static bool cancelled_without_faults(void)
{
	size_t len = HOT_PMDS * HMMT_PMD_SIZE;
	struct hmmt_stats before, after;
	struct hmmt_checksum sum;
	unsigned int i;
	char *hot;

	TRY(stats_of(&dev0, &before));
	hot = mmap(area, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	WANT(hot == area && !madvise(hot, len, MADV_HUGEPAGE), "%s", strerror(errno));
	for (i = 0; i < 20; i++) {
		TRY(close_under_checksum(len, &sum));
		TRY(all_end(&before, &after));
		WANT(!sum.faults, "%llu faults", sum.faults);
		if (after.uring_cancelled > before.uring_cancelled)
			break;
	}
	munmap(hot, len);
	WANT(i < 20, "20 times ended with %llu of %lu PMDs", sum.done / HMMT_PMD_SIZE, HOT_PMDS);
	return true;
}

static const struct test tests[] = {
	{ "several", several },
	{ "errors", errors },
	{ "ring_closed", ring_closed },
	{ "process_ends", process_ends },
	{ "cancelled_without_faults", cancelled_without_faults },
};

int main(void)
{
	return run_tests("hmm-uring", tests, sizeof(tests) / sizeof(tests[0]));
}
