// SPDX-License-Identifier: GPL-2.0
/*
 * Preloaded into QEMU by determinism.sh: its main loop never sleeps, so that it comes
 * by whenever it can be wrong to (see tools/vm/steady.c).
 */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	static const struct timespec now;
	int (*next)(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
		    const sigset_t *mask) = dlsym(RTLD_NEXT, "ppoll");

	static bool told;

	if (gettid() == getpid() && !strncmp(program_invocation_short_name, "qemu", 4)) {
		timeout = &now;
		if (!told)
			fprintf(stderr, "busyloop: never asleep\n");
		told = true;
	}
	return next(fds, n, timeout, mask);
}
