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

/*
 * What does no harm to what is looked at besides, and what stock kernels have in most runs: the
 * round goes on, lest it hide everything else, and it is told when the run ends.
 */
static const char * const late_titles[] = {
	"conservation: mlocked pages left",
	"snapshot: readable page is told as an error",
	"spin: fault on a device THP that a fault has locked",
	"spin: fault on a THP on its way to a device",
	"spin: fault on a page on its way to a device",
	"uffd: UFFDIO_MOVE took a page for a hole",
	"uffd: write protection of a zero page lost",
	"uffd: write-protect event of a zero page lost",
	"wrong slot: core dump",
};
_Static_assert(ARRAY_SIZE(late_titles) <= MAX_LATES, "MAX_LATES");

static struct late *late_find(struct shared *sh, const char *title)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(late_titles); i++)
		if (!strcmp(title, late_titles[i]))
			return &sh->late[i];
	return NULL;
}

static void fail_now(struct shared *sh, enum oracle o, const char *title, const char *detail)
{
	struct failure *f;
	int n;

	atomic_fetch_add(&sh->oracle_failed[o], 1);
	fail_lock(sh);
	n = atomic_load(&sh->failed);
	if (n < MAX_FAILS) {
		f = &sh->fail[n];
		f->oracle = o;
		snprintf(f->title, sizeof(f->title), "%s", title);
		snprintf(f->detail, sizeof(f->detail), "%s", detail);
		/* Also where the kernel's messages are, among them. */
		dprintf(STDERR_FILENO, "torture: FAIL %s: %s: %s\n",
			oracle_names[o], f->title, f->detail);
	}
	atomic_store(&sh->failed, n + 1);
	atomic_store(&sh->fail_lock, 0);
	atomic_store(&sh->stop, 1);
}

void fail_add(struct shared *sh, enum oracle o, const char *title, const char *fmt, ...)
{
	char detail[sizeof(sh->fail[0].detail)];
	struct late *late = late_find(sh, title);
	va_list ap;

	va_start(ap, fmt);
	if (!late) {
		vsnprintf(detail, sizeof(detail), fmt, ap);
		fail_now(sh, o, title, detail);
	} else if (!atomic_fetch_add(&late->count, 1)) {
		late->oracle = o;
		vsnprintf(late->detail, sizeof(late->detail), fmt, ap);
	}
	va_end(ap);
}

bool fail_pending(struct shared *sh)
{
	unsigned int i;

	for (i = 0; i < MAX_LATES; i++)
		if (atomic_load(&sh->late[i].count))
			return true;
	return false;
}

void fail_due(struct shared *sh)
{
	char detail[sizeof(sh->late[0].detail) + 32];
	unsigned int i;
	uint64_t n;

	for (i = 0; i < MAX_LATES; i++) {
		n = atomic_exchange(&sh->late[i].count, 0);
		if (!n)
			continue;
		snprintf(detail, sizeof(detail), "%s; %llu times", sh->late[i].detail,
			 (unsigned long long)n);
		fail_now(sh, sh->late[i].oracle, late_titles[i], detail);
	}
}
