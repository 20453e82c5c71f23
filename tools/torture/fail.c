// SPDX-License-Identifier: GPL-2.0
/* The table of failures. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "torture.h"

/*
 * Shared by processes that may be killed at any time: who holds the lock for
 * too long is taken for dead.
 */
static void fail_lock(struct shared *sh)
{
	unsigned int tries = 0;

	while (atomic_exchange(&sh->fail_lock, 1) && tries++ < 1000)
		nap_ms(1);
}

void fail_add(struct shared *sh, enum oracle o, const char *title, const char *fmt, ...)
{
	struct failure *f;
	va_list ap;
	int n;

	atomic_fetch_add(&sh->oracle_failed[o], 1);
	fail_lock(sh);
	n = atomic_load(&sh->failed);
	if (n < MAX_FAILS) {
		f = &sh->fail[n];
		f->oracle = o;
		snprintf(f->title, sizeof(f->title), "%s", title);
		va_start(ap, fmt);
		vsnprintf(f->detail, sizeof(f->detail), fmt, ap);
		va_end(ap);
		/* Also where the kernel's messages are, among them. */
		dprintf(STDERR_FILENO, "torture: FAIL %s: %s: %s\n",
			oracle_names[o], f->title, f->detail);
	}
	atomic_store(&sh->failed, n + 1);
	atomic_store(&sh->fail_lock, 0);
	atomic_store(&sh->stop, 1);
}

static const struct {
	enum oracle oracle;
	const char *title;
} lates[NR_LATES] = {
	[LATE_MLOCKED] = { ORACLE_CONSERVATION, "conservation: mlocked pages left" },
	[LATE_SNAPSHOT_ERROR] = { ORACLE_SNAPSHOT, "snapshot: readable page is told as an error" },
};

void fail_late(struct shared *sh, enum late late, const char *fmt, ...)
{
	va_list ap;

	if (atomic_fetch_add(&sh->late[late].count, 1))
		return;
	va_start(ap, fmt);
	vsnprintf(sh->late[late].detail, sizeof(sh->late[late].detail), fmt, ap);
	va_end(ap);
}

bool fail_pending(struct shared *sh)
{
	unsigned int i;

	for (i = 0; i < NR_LATES; i++)
		if (atomic_load(&sh->late[i].count))
			return true;
	return false;
}

void fail_due(struct shared *sh)
{
	unsigned int i;
	uint64_t n;

	for (i = 0; i < NR_LATES; i++) {
		n = atomic_exchange(&sh->late[i].count, 0);
		if (n)
			fail_add(sh, lates[i].oracle, lates[i].title, "%s; %llu times",
				 sh->late[i].detail, (unsigned long long)n);
	}
}
