// SPDX-License-Identifier: GPL-2.0
/*
 * Conservation: when all processes of a round are gone, what they used must
 * be free again. The system's counters are judged only in the guest, where
 * nobody else maps anything.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../torture.h"

/*
 * Small things may stay: the supervisor's own memory and that of init grow by
 * some pages. A THP that was not unmapped is 2048 kB. Page tables are counted without
 * those of the processes that are there: what may grow is the kernel's own.
 */
#define ANON_SLACK_KB	1024
#define PTE_SLACK_KB	64

static void checked(struct shared *sh, enum oracle o)
{
	atomic_fetch_add(&sh->checked[o], 1);
}

/* Folios of anonymous memory per size, freed ones not counted: exact. */
static void read_mthp(uint64_t *val)
{
	unsigned int order;

	for (order = 0; order < 16; order++)
		if (order < 1 || hmmt_mthp_stat(4U << order, "nr_anon", &val[order]))
			val[order] = 0;
}

static void device_left(const struct config *cfg, struct shared *sh, const struct hmmt_dev *dev)
{
	struct hmmt_stats st;
	unsigned int tries;
	int ret = 0;

	/*
	 * The last references may go a grace period later, and those that the mlock batch
	 * of a CPU has when that is drained (docs/findings/munlock-device.md).
	 */
	for (tries = 0; tries < 40; tries++) {
		ret = hmmt_stats(dev, &st);
		if (ret || !st.pages_used)
			break;
		if (cfg->guest)
			hmmt_drain();
		nap_ms(50);
	}
	checked(sh, ORACLE_CONSERVATION);
	if (bust_round(cfg, sh, "statistics"))
		ret = -EXDEV;
	if (ret)
		fail_add(sh, ORACLE_CONSERVATION, "conservation: no statistics",
			 "device %u: %s", dev->index, strerror(-ret));
	else if (st.pages_used)
		fail_add(sh, ORACLE_CONSERVATION, "conservation: device pages left",
			 "device %u: %llu pages in use after all processes are gone, %llu chunks whole, %llu carved",
			 dev->index, (unsigned long long)st.pages_used,
			 (unsigned long long)st.chunks_whole,
			 (unsigned long long)st.chunks_carved);
}

static int sample(struct baseline *b)
{
	int ret;

	hmmt_vmstat_fold();
	ret = hmmt_file_field("/proc/vmstat", "nr_anon_transparent_hugepages", &b->anon_thps);
	if (!ret)
		ret = hmmt_file_field("/proc/meminfo", "AnonPages", &b->anon_kb);
	if (!ret)
		ret = hmmt_tables_kb(&b->pte_kb);
	if (!ret)
		ret = hmmt_file_field("/proc/vmstat", "nr_isolated_anon", &b->isolated);
	if (!ret)
		ret = hmmt_file_field("/proc/vmstat", "nr_mlock", &b->mlocked);
	if (!ret)
		read_mthp(b->mthp);
	return ret;
}

/* sample(); to be unable to is a failure, lest this oracle fall silent unseen */
static int sampled(struct shared *sh, struct baseline *b)
{
	int ret = sample(b);

	if (ret)
		fail_add(sh, ORACLE_CONSERVATION, "conservation: no statistics",
			 "/proc/vmstat or /proc/meminfo: %s", strerror(-ret));
	return ret;
}

/* More than @slack above, or with no slack, anything but @was. */
static bool differs(struct shared *sh, const char *what, uint64_t now, uint64_t was,
		    uint64_t slack)
{
	bool bad = now > was + slack || (!slack && now != was);
	char title[96];

	if (!sh)
		return bad;
	checked(sh, ORACLE_CONSERVATION);
	if (bad) {
		snprintf(title, sizeof(title), "conservation: %s %s", what,
			 now > was ? "left" : "below the baseline");
		fail_add(sh, ORACLE_CONSERVATION, title, "%lld, baseline %lld, slack %lld",
			 (long long)now, (long long)was, (long long)slack);
	}
	return bad;
}

/* Does anything differ? With @sh, count the checks and record failures. */
static bool compare(const struct baseline *b, const struct baseline *now, struct shared *sh)
{
	bool bad = false;
	unsigned int i;
	char what[64];

	bad |= differs(sh, "anonymous THPs mapped", now->anon_thps, b->anon_thps, 0);
	for (i = 1; i < ARRAY_SIZE(b->mthp); i++) {
		if (HMMT_PAGE_SIZE << i == HMMT_PMD_SIZE)
			strcpy(what, "anonymous THPs");
		else
			snprintf(what, sizeof(what), "anonymous folios of %u kB", 4U << i);
		bad |= differs(sh, what, now->mthp[i], b->mthp[i], 0);
	}
	bad |= differs(sh, "AnonPages", now->anon_kb, b->anon_kb, ANON_SLACK_KB);
	bad |= differs(sh, "PageTables", now->pte_kb, b->pte_kb, PTE_SLACK_KB);
	bad |= differs(sh, "isolated pages", now->isolated, 0, 0);
	return bad;
}

/*
 * All mappings are gone, and with them all that was locked. From then on this many are left
 * for good: a page that is used again may take them away, later, which says nothing.
 */
static void mlocked_left(struct baseline *b, struct baseline *now, const struct config *cfg,
			 struct shared *sh)
{
	bool bust = bust_round(cfg, sh, "mlocked");
	unsigned int tries;

	/* Some wait on their CPU to be unlocked. */
	for (tries = 0; tries < 20 && now->mlocked > b->mlocked; tries++) {
		hmmt_drain();
		nap_ms(50);
		if (sampled(sh, now))
			return;
	}
	checked(sh, ORACLE_CONSERVATION);
	if (now->mlocked > b->mlocked || bust)
		fail_add(sh, ORACLE_CONSERVATION, "conservation: mlocked pages left",
			 "nr_mlock %llu after a round, %llu before it",
			 (unsigned long long)now->mlocked, (unsigned long long)b->mlocked);
	b->mlocked = now->mlocked;
}

void conserve_check(struct baseline *b, const struct config *cfg, struct shared *sh,
		    const struct hmmt_dev *dev)
{
	struct baseline now = { .valid = true };
	unsigned int i, tries;

	for (i = 0; i < cfg->nr_devs; i++)
		device_left(cfg, sh, &dev[i]);
	if (!cfg->guest || cfg->company || sampled(sh, &now))
		return;
	if (!b->valid) {
		*b = now;
		return;
	}
	/* Compaction may be holding a page just now; pages may be on their way. */
	for (tries = 0; tries < 20 && compare(b, &now, NULL); tries++) {
		guest_settle(cfg);
		nap_ms(50);
		if (sampled(sh, &now))
			return;
	}
	compare(b, &now, sh);
	mlocked_left(b, &now, cfg, sh);
}

void driver_check(const struct config *cfg, struct shared *sh, const struct hmmt_dev *dev)
{
	struct hmmt_check c;
	unsigned int i, tries;
	int ret;

	for (i = 0; i < cfg->nr_devs; i++) {
		for (tries = 0; tries < 40; tries++) {
			ret = hmmt_check(&dev[i], HMMT_CHECK_QUIET, &c);
			if (ret != -EBUSY)
				break;
			nap_ms(50);
		}
		checked(sh, ORACLE_DRIVER);
		if (bust_round(cfg, sh, "unchecked"))
			ret = -EXDEV;
		if (bust_round(cfg, sh, "invariant"))
			c.check = 1;
		if (ret)
			fail_add(sh, ORACLE_DRIVER, "driver check: not possible", "device %u: %s",
				 i, strerror(-ret));
		else if (c.check)
			fail_add(sh, ORACLE_DRIVER, "driver check: invariant broken",
				 "device %u: %s, pfn %#llx, address %#llx, expected %#llx, found %#llx",
				 i, hmmt_check_name(c.check), (unsigned long long)c.pfn,
				 (unsigned long long)c.addr,
				 (unsigned long long)c.expected, (unsigned long long)c.found);
	}
}
