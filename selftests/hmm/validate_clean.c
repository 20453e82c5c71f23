// SPDX-License-Identifier: GPL-2.0
/* What must be so after every row, whatever it said */
#include <fcntl.h>

#include "validate_clean.h"

static const char * const splats[] = {
	"WARNING:", "BUG:", "kernel BUG", "Bad rss-counter", "non-zero pgtables_bytes",
	"Bad page", "test_hmm: FAIL", "VM_WARN", "INFO: task", "INFO: rcu",
};

static int log_fd = -1;

void log_write(const char *text)
{
	char line[128];
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	int n = snprintf(line, sizeof(line), "<6>hmm-validate: %s\n", text);

	if (fd >= 0 && write(fd, line, n) < 0)
		perror("/dev/kmsg");
	if (fd >= 0)
		close(fd);
}

/* What comes behind this is looked at by log_clean() */
void log_mark(const char *row)
{
	log_write(row);
	if (log_fd < 0)
		log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log_fd >= 0)
		lseek(log_fd, 0, SEEK_END);
}

/* The kernel has said nothing bad since the mark */
static bool log_clean(void)
{
	char text[2048], *msg;
	unsigned int i;
	ssize_t n;

	while (log_fd >= 0) {
		n = read(log_fd, text, sizeof(text) - 1);
		if (n < 0 && errno == EPIPE)
			continue;
		if (n <= 0)
			break;
		text[n] = 0;
		msg = strchr(text, ';');
		if (!msg)
			continue;
		msg[strcspn(msg, "\n")] = 0;
		for (i = 0; i < sizeof(splats) / sizeof(splats[0]); i++)
			WANT(!strstr(msg, splats[i]), "the kernel says: %.150s", msg + 1);
	}
	return true;
}

/* Folios of all sizes that are anonymous memory of somebody */
static uint64_t anon_folios(void)
{
	uint64_t n, sum = 0;
	unsigned int kb;

	for (kb = 8; kb <= 2048; kb *= 2)
		if (!hmmt_mthp_stat(kb, "nr_anon", &n))
			sum += n;
	return sum;
}

static bool device_clean(struct hmmt_dev *dev)
{
	static unsigned long long wrong_before[2];
	struct hmmt_stats stats;
	struct hmmt_check check;
	unsigned long long wrong;

	WANT(!hmmt_stats(dev, &stats), "device %u", dev->index);
	WANT(!stats.pages_used, "%llu pages of device %u left behind", stats.pages_used,
	     dev->index);
	wrong = hmmt_wrong_sources(&stats) - wrong_before[dev->index];
	wrong_before[dev->index] += wrong;
	WANT(!wrong, "%llu sources neither base page nor whole THP, or not selected", wrong);
	WANT(!hmmt_check(dev, HMMT_CHECK_QUIET, &check), "device %u", dev->index);
	WANT(!check.check, "%s: pfn %#llx expected %#llx found %#llx",
	     hmmt_check_name(check.check), check.pfn, check.expected, check.found);
	return true;
}

static uint64_t page_tables(void)
{
	uint64_t kb = 0;

	hmmt_tables_kb(&kb);
	return kb;
}

static uint64_t isolated(void)
{
	uint64_t pages = 0;

	hmmt_file_field("/proc/vmstat", "nr_isolated_anon", &pages);
	return pages;
}

static uint64_t anon_kb(void)
{
	uint64_t kb = 0, init = 0, own = 0;

	hmmt_file_field("/proc/meminfo", "AnonPages", &kb);
	hmmt_file_field("/proc/1/status", "RssAnon", &init);
	hmmt_file_field("/proc/self/status", "RssAnon", &own);
	return init + own < kb ? kb - init - own : 0;
}

/*
 * What the system has as much of after a row, with its processes gone, as before. What
 * init, we or the kernel take for themselves now and then is told from a leak by doing the row
 * again, if there is more of nothing else.
 */
static const struct {
	const char *what;
	uint64_t (*read)(void);
	bool others;		/* ... take some */
} kept[] = {
	{ "large folios", anon_folios, false },
	{ "isolated pages", isolated, false },
	{ "kB of page tables", page_tables, true },
	{ "kB of anonymous memory", anon_kb, true },
};

#define NOISE_KB	64	/* more of it is nobody's noise */

#define NR_KEPT (sizeof(kept) / sizeof(kept[0]))

static uint64_t kept_before[NR_KEPT];

static void read_kept(uint64_t *now)
{
	unsigned int i;

	hmmt_vmstat_fold();
	for (i = 0; i < NR_KEPT; i++)
		now[i] = kept[i].read();
}

void remember(void)
{
	read_kept(kept_before);
}

/* What was freed before us may go a grace period later */
void settle(void)
{
	uint64_t was[NR_KEPT], now[NR_KEPT];
	unsigned int ms = 0;

	read_kept(now);
	do {
		memcpy(was, now, sizeof(was));
		usleep(100000);
		ms += 100;
		read_kept(now);
	} while (memcmp(was, now, sizeof(was)) && ms < SETTLE_MS);
}

static enum leftovers compare(const uint64_t *now)
{
	enum leftovers left = NONE;
	unsigned int i;

	for (i = 0; i < NR_KEPT; i++) {
		if (!kept[i].others && now[i] != kept_before[i])
			return SURELY;
		if (now[i] > kept_before[i] + NOISE_KB)
			return SURELY;
		if (now[i] > kept_before[i])
			left = MAYBE;
	}
	return left;
}

/* What is left behind; why says it */
enum leftovers leftovers(void)
{
	uint64_t now[NR_KEPT];
	enum leftovers left;
	unsigned int i, ms;
	char text[160];
	size_t n = 0;

	for (ms = 0; ; ms += 10) {
		read_kept(now);
		left = compare(now);
		if (left == NONE || ms >= SETTLE_MS)
			break;
		usleep(10000);
	}
	for (i = 0; left != NONE && i < NR_KEPT; i++)
		if (now[i] != kept_before[i])
			n += snprintf(text + n, sizeof(text) - n, " %+lld %s",
				      (long long)(now[i] - kept_before[i]), kept[i].what);
	if (left != NONE)
		explain("left behind", "%s", text + 1);
	return left;
}

bool clean(void)
{
	TRY(device_clean(&dev0));
	TRY(device_clean(&dev1));
	return log_clean();
}
