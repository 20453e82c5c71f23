// SPDX-License-Identifier: GPL-2.0
/*
 * gcov-data PROGRAM [ARG...]: runs a program of the guest and keeps the kernel's counts
 * of flavour GCOV where the host finds them (counts.h), each second and at the end.
 * So a guest that dies loses a second of them. What booting did is forgotten first.
 */
#define _XOPEN_SOURCE 700
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "counts.h"
#include "hmmt.h"

#define GCOV_DIR	"/sys/kernel/debug/gcov"
#define PERIOD_MS	1000

static char *slots;
static uint64_t number;			/* of the last complete snapshot */

/* The one under way */
static struct {
	char *at, *end;			/* the room that is left */
	unsigned int files;
} snap;

static void put(const void *from, size_t len)
{
	memcpy(snap.at, from, len);
	snap.at += COUNTS_ALIGN(len);
}

/* ENOSPC, or what reading said */
static int put_file(const char *path)
{
	const char *name = path + strlen(GCOV_DIR);
	struct counts_entry *entry = (void *)snap.at;
	static char buf[1 << 20];
	ssize_t len = hmmt_read_file(path, buf, sizeof(buf));

	if (len < 0)
		return len;
	if (len == sizeof(buf) - 1 ||
	    sizeof(*entry) + COUNTS_ALIGN(strlen(name) + 1) + COUNTS_ALIGN(len) >
	    (size_t)(snap.end - snap.at))
		return -ENOSPC;
	*entry = (struct counts_entry) { strlen(name) + 1, len };
	snap.at += sizeof(*entry);
	put(name, entry->name_len);
	put(buf, len);
	snap.files++;
	return 0;
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *where)
{
	size_t len = strlen(path);
	int ret;

	(void)st;
	(void)where;
	if (type != FTW_F || len < 5 || strcmp(path + len - 5, ".gcda"))
		return 0;
	ret = put_file(path);
	if (ret)
		fprintf(stderr, "gcov-data: %s: %s\n", path, strerror(-ret));
	return ret;
}

static bool snapshot(void)
{
	struct counts_slot *slot = (void *)(slots + (number + 1) % COUNTS_SLOTS * COUNTS_SLOT);
	char *begin = (char *)(slot + 1);

	__atomic_store_n(&slot->number, 0, __ATOMIC_SEQ_CST);
	snap.at = begin;
	snap.end = (char *)slot + COUNTS_SLOT;
	snap.files = 0;
	if (nftw(GCOV_DIR, visit, 16, FTW_PHYS))
		return false;
	if (!snap.files) {
		fprintf(stderr, "gcov-data: %s: no data in it\n", GCOV_DIR);
		return false;
	}
	slot->len = snap.at - begin;
	__atomic_store_n(&slot->number, ++number, __ATOMIC_SEQ_CST);
	return true;
}

/* An OOM that the program provokes is not to end us */
static void unkillable(const char *score)
{
	int ret = hmmt_write_file("/proc/self/oom_score_adj", score);

	if (ret)
		fprintf(stderr, "gcov-data: oom_score_adj: %s\n", strerror(-ret));
}

static pid_t start(char **argv)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	unkillable("0");
	execvp(argv[0], argv);
	fprintf(stderr, "gcov-data: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

int main(int argc, char **argv)
{
	struct pollfd pfd = { .events = POLLIN };
	bool ok = true;
	int status, ret;
	pid_t pid;

	if (argc < 2) {
		fprintf(stderr, "usage: gcov-data PROGRAM [ARG...]\n");
		return 2;
	}
	slots = hmmt_map_bar(COUNTS_SIZE);
	if (!slots) {
		fprintf(stderr, "gcov-data: no memory that the host shares for it\n");
		return 1;
	}
	ret = hmmt_write_file(GCOV_DIR "/reset", "1");
	if (ret) {
		fprintf(stderr, "gcov-data: %s/reset: %s\n", GCOV_DIR, strerror(-ret));
		return 1;
	}
	unkillable("-1000");
	pid = start(argv + 1);
	pfd.fd = pid < 0 ? -1 : syscall(SYS_pidfd_open, pid, 0);
	if (pfd.fd < 0) {
		fprintf(stderr, "gcov-data: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	while (!poll(&pfd, 1, PERIOD_MS))
		ok &= snapshot();
	waitpid(pid, &status, 0);
	ok &= snapshot();
	if (!ok)
		return 1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
