// SPDX-License-Identifier: GPL-2.0
/*
 * Preloaded into QEMU by determinism.sh: what only a busy host does, now and then, to a
 * guest of the det engine (see tools/vm/steady.c), all the time. HMMT_BADHOST is one of
 *	awake	the main loop never sleeps
 *	hasty	its time of day runs a thousand times as fast: that of a guest that gets no CPU
 */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define HASTE	1000

/* Is the host to be so? Told once, lest a test without it passes. */
static bool is_bad(const char *how)
{
	const char *want = getenv("HMMT_BADHOST");
	static bool told;

	if (!want || strcmp(want, how) || strncmp(program_invocation_short_name, "qemu", 4))
		return false;
	if (!told)
		fprintf(stderr, "badhost: %s\n", how);
	told = true;
	return true;
}

int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	static const struct timespec now;
	int (*next)(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
		    const sigset_t *mask) = dlsym(RTLD_NEXT, "ppoll");

	if (gettid() == getpid() && is_bad("awake"))
		timeout = &now;
	return next(fds, n, timeout, mask);
}

/* Only if it is the host's: behind us steady.c may have answered. */
int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	int (*next)(struct timeval *tv, void *tz) = dlsym(RTLD_NEXT, "gettimeofday");
	int ret = next(tv, tz);
	static time_t start;
	int64_t us;

	if (!is_bad("hasty"))
		return ret;
	if (!start)
		start = time(NULL);
	us = (tv->tv_sec - start) * 1000000LL + tv->tv_usec;
	if (us < 0)
		return ret;
	us *= HASTE;
	tv->tv_sec = start + us / 1000000;
	tv->tv_usec = us % 1000000;
	return ret;
}
