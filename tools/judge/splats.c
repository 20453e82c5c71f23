// SPDX-License-Identifier: GPL-2.0
/*
 * What a kernel prints when something is wrong, as data. The formats are those
 * of the printk calls of 6.12 to 7.2 (kernel/panic.c, lib/bug.c, mm/, ...).
 * First match wins, so the special comes before the general; a line that says
 * BUG or WARNING and is in no table is a splat, since a missed bug is worse
 * than a new line in the filter table.
 */
#include <string.h>

#include "judge.h"

static void take_rest(const char *rest, char *out, size_t size)
{
	hmmt_title_normalise(rest, out, size);
}

/* "slab-use-after-free in foo+0x1/0x2" -> "slab-use-after-free" */
static void take_kind(const char *rest, char *out, size_t size)
{
	char buf[HMMT_LINE_MAX];
	char *in;

	hmmt_copy(buf, sizeof(buf), rest);
	in = strstr(buf, " in ");
	if (in)
		*in = '\0';
	hmmt_title_normalise(buf, out, size);
}

/* "... type:MM_ANONPAGES val:3 ..." -> "MM_ANONPAGES" */
static void take_type(const char *rest, char *out, size_t size)
{
	const char *type = strstr(rest, "type:");

	if (!type || !hmmt_title_symbol(type + 5, out, size))
		hmmt_copy(out, size, "unknown type");
}

/* "process init  pte:8000 ..." -> "pte" */
static void take_level(const char *rest, char *out, size_t size)
{
	const char *level = strstr(rest, "  ");

	if (!level || !hmmt_title_symbol(level + 2, out, size))
		hmmt_copy(out, size, "unknown level");
}

/* "kmalloc-64 (Not tainted): Poison overwritten" -> "Poison overwritten" */
static void take_slab(const char *rest, char *out, size_t size)
{
	const char *what = strstr(rest, "): ");

	hmmt_title_normalise(what ? what + 3 : rest, out, size);
}

/* "50: bad pmd ffff(8000)" -> "pmd" */
static void take_bad(const char *rest, char *out, size_t size)
{
	const char *bad = strstr(rest, ": bad ");

	if (!bad || !hmmt_title_symbol(bad + 6, out, size))
		hmmt_copy(out, size, "entry");
}

/* "while locked: pfn 0x2000 order 9" -> "while locked" */
static void take_how(const char *rest, char *out, size_t size)
{
	char buf[HMMT_LINE_MAX];

	hmmt_copy(buf, sizeof(buf), rest);
	buf[strcspn(buf, ":")] = '\0';
	hmmt_title_normalise(buf, out, size);
}

/* "Oops: divide error: 0000 [#1]" -> "divide error" */
static void take_oops(const char *rest, char *out, size_t size)
{
	char buf[HMMT_LINE_MAX];

	hmmt_copy(buf, sizeof(buf), rest);
	buf[strcspn(buf, ":,")] = '\0';
	hmmt_title_normalise(buf, out, size);
}

#define LINE	HMMT_WHERE_LINE
#define RIP	HMMT_WHERE_RIP
#define STACK	HMMT_WHERE_STACK
#define AT	HMMT_WHERE_AT
#define NONE	HMMT_WHERE_NONE

#define RULE(s, h, k, t, tk, w) \
	{ .start = s, .has = h, .kind = k, .title = t, .take = tk, .where = w }
#define FATAL(s, h, k, t, tk, w) \
	{ .start = s, .has = h, .kind = k, .title = t, .take = tk, .where = w, .fatal = true }

static const struct hmmt_splat_rule rules[] = {
	/* lockdep */
	RULE("WARNING: possible circular locking", NULL, "lockdep", "possible deadlock",
	     NULL, AT),
	RULE("WARNING: possible recursive locking", NULL, "lockdep", "possible recursive locking",
	     NULL, AT),
	RULE("WARNING: possible irq lock inversion", NULL, "lockdep", "irq lock inversion",
	     NULL, AT),
	RULE("WARNING: ", "-unsafe lock order detected", "lockdep", "irq-unsafe lock order",
	     NULL, AT),
	RULE("WARNING: inconsistent lock state", NULL, "lockdep", "inconsistent lock state",
	     NULL, AT),
	RULE("WARNING: bad unlock balance", NULL, "lockdep", "bad unlock balance", NULL, AT),
	RULE("WARNING: bad contention", NULL, "lockdep", "bad lock contention", NULL, AT),
	RULE("WARNING: held lock freed", NULL, "lockdep", "held lock freed", NULL, AT),
	RULE("WARNING: Nested lock was not taken", NULL, "lockdep", "nested lock was not taken",
	     NULL, AT),
	RULE("WARNING: lock held when returning to user space", NULL, "lockdep",
	     "lock held when returning to user space", NULL, AT),
	RULE("WARNING: ", " still has locks held!", "lockdep", "task still has locks held",
	     NULL, AT),
	RULE("WARNING: suspicious RCU usage", NULL, "lockdep", "suspicious RCU usage", NULL, STACK),
	RULE("WARNING: chain_key collision", NULL, "lockdep", "lockdep chain_key collision",
	     NULL, NONE),
	RULE("[ BUG: Invalid wait context ]", NULL, "lockdep", "invalid wait context", NULL, AT),
	RULE("INFO: trying to register non-static key", NULL, "lockdep", "non-static lock key",
	     NULL, STACK),
	RULE("BUG: key ", "has not been registered", "lockdep", "lock key not registered",
	     NULL, STACK),

	/* sanitizers */
	RULE("BUG: KASAN: ", NULL, "KASAN", "KASAN: %s", take_kind, LINE),
	RULE("BUG: KFENCE: ", NULL, "KFENCE", "KFENCE: %s", take_kind, LINE),
	RULE("BUG: KMSAN: ", NULL, "KMSAN", "KMSAN: %s", take_kind, LINE),
	RULE("BUG: KCSAN: ", NULL, "KCSAN", "KCSAN: %s", take_rest, NONE),
	RULE("UBSAN: ", NULL, "UBSAN", "UBSAN: %s", take_kind, STACK),

	/* atomicity */
	RULE("BUG: sleeping function called from invalid context", NULL, "atomic-sleep",
	     "sleeping function called from invalid context", NULL, STACK),
	RULE("BUG: scheduling while atomic", NULL, "atomic-sleep", "scheduling while atomic",
	     NULL, STACK),
	RULE("BUG: scheduling in a non-blocking section", NULL, "atomic-sleep",
	     "scheduling in a non-blocking section", NULL, STACK),
	RULE("BUG: using ", " in preemptible ", "preempt", "per-CPU access in preemptible code",
	     NULL, STACK),
	RULE("BUG: workqueue leaked", NULL, "workqueue", "workqueue leaked atomic, lock or RCU",
	     NULL, NONE),
	RULE("BUG: spinlock ", NULL, "spinlock", "spinlock bug", NULL, STACK),
	RULE("BUG: rwlock ", NULL, "spinlock", "rwlock bug", NULL, STACK),

	/* nothing moves */
	RULE("watchdog: BUG: soft lockup", NULL, "soft-lockup", "soft lockup", NULL, RIP),
	RULE("BUG: soft lockup", NULL, "soft-lockup", "soft lockup", NULL, RIP),
	RULE("watchdog: ", "detected hard LOCKUP", "hard-lockup", "hard lockup", NULL, RIP),
	RULE("NMI watchdog: ", "hard LOCKUP", "hard-lockup", "hard lockup", NULL, RIP),
	RULE("rcu: INFO: ", "stall", "rcu-stall", "RCU stall", NULL, RIP),
	RULE("INFO: rcu", "stall", "rcu-stall", "RCU stall", NULL, RIP),
	RULE("INFO: task ", " for more than ", "hung-task", "task hung", NULL, STACK),
	RULE("BUG: workqueue lockup", NULL, "workqueue", "workqueue lockup", NULL, NONE),

	/* memory management */
	RULE("BUG: Bad page state", NULL, "bad-page", "Bad page state%s", NULL, STACK),
	RULE("BUG: Bad page map", NULL, "bad-page-map", "Bad page map (%s)", take_level, STACK),
	RULE("BUG: Bad page cache", NULL, "bad-page", "Bad page cache", NULL, STACK),
	RULE("BUG: Bad rss-counter state", NULL, "bad-rss", "Bad rss-counter state (%s)",
	     take_type, NONE),
	RULE("BUG: non-zero pgtables_bytes", NULL, "pgtables-bytes", "non-zero pgtables_bytes",
	     NULL, NONE),
	RULE("test_hmm: device folio freed ", NULL, "device-free", "device folio freed %s",
	     take_how, STACK),
	RULE("mm/pgtable-generic.c:", ": bad p", "bad-pte", "bad %s entry cleared", take_bad, NONE),
	RULE("get_swap_device: Bad swap", NULL, "bad-pte", "bad swap entry", NULL, NONE),
	RULE("BUG ", "): ", "slab", "slab corruption: %s", take_slab, NONE),
	RULE("kmemleak: ", "new suspected memory leaks", "kmemleak", "memory leak", NULL, NONE),
	RULE("MCE: Killing ", "hardware memory corruption", "sigbus",
	     "unexpected SIGBUS: hardware memory corruption", NULL, NONE),
	RULE("Memory failure: ", "Sending SIGBUS", "sigbus",
	     "unexpected SIGBUS: hardware memory corruption", NULL, NONE),

	/* the kernel dies */
	FATAL("BUG: unable to handle", NULL, "page-fault", "unable to handle page fault",
	      NULL, RIP),
	FATAL("BUG: kernel NULL pointer dereference", NULL, "null-deref",
	      "NULL pointer dereference", NULL, RIP),
	FATAL("BUG: ", "stack guard page was hit", "stack", "stack guard page hit", NULL, RIP),
	FATAL("kernel BUG at ", NULL, "bug", "kernel BUG", NULL, RIP),
	FATAL("Oops: general protection fault", NULL, "gpf", "general protection fault",
	      NULL, RIP),
	FATAL("general protection fault", NULL, "gpf", "general protection fault", NULL, RIP),
	FATAL("Oops: ", NULL, "oops", "Oops: %s", take_oops, RIP),
	FATAL("traps: PANIC: double fault", NULL, "double-fault", "double fault", NULL, RIP),
	FATAL("PANIC: double fault", NULL, "double-fault", "double fault", NULL, RIP),
	FATAL("Kernel panic - not syncing: ", NULL, "panic", "kernel panic: %s", take_rest, NONE),

	/* whatever else shouts */
	RULE("WARNING: ", " at ", "warning", "WARNING", NULL, LINE),
	RULE("WARNING: ", NULL, "warning", "WARNING: %s", take_rest, NONE),
	RULE("BUG: ", NULL, "bug", "BUG: %s", take_rest, NONE),
};

static const struct {
	const char *has;
	const char *why;
} filters[] = {
	{ " messages suppressed", "the rate limit's own count of reports already seen" },
	{ "BUG: MAX_", "lockdep ran out of its tables and turned itself off" },
	{ "BUG: looking up invalid subclass", "lockdep's limit on subclasses" },
	{ "unexpected failures (out of", "summary of the kernel's own locking selftest" },
	{ "WARNING: stack recursion", "the unwinder's doubt inside of another report" },
	{ "WARNING: kernel stack", "the unwinder's doubt inside of another report" },
	{ "WARNING: can't access registers", "the unwinder's doubt inside of another report" },
	{ "WARNING: Spectre", "the emulated CPU is old, not the code under test" },
	{ "WARNING: CPU vulnerab", "the emulated CPU is old, not the code under test" },
	{ "page dumped because: migration failure", "compaction and offlining give up on a page" },
	{ "page dumped because: unmovable page", "compaction and offlining give up on a page" },
};

const char *hmmt_splat_filtered(const char *text)
{
	size_t i;

	for (i = 0; i < HMMT_NELEM(filters); i++)
		if (strstr(text, filters[i].has))
			return filters[i].why;
	return NULL;
}

const struct hmmt_splat_rule *hmmt_splat_find(const char *text)
{
	const struct hmmt_splat_rule *r;
	size_t i, len;

	for (i = 0; i < HMMT_NELEM(rules); i++) {
		r = &rules[i];
		len = strlen(r->start);
		if (strncmp(text, r->start, len))
			continue;
		if (r->has && !strstr(text + len, r->has))
			continue;
		return r;
	}
	return NULL;
}
