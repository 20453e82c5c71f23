// SPDX-License-Identifier: GPL-2.0
/* See area.h */
#include <errno.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"

#define KSFT_FAIL	1
#define KSFT_SKIP	4
#define TEST_MS	120000	/* of the guest's clock; most take less than 5 s, none 60 */

struct hmmt_dev dev0, dev1;
char *area;
char why[256];
bool whole_thps;
const char *skip;
bool oom_planned;
const char *splats_planned;
unsigned int running_test;

const char *bust = "";

static regex_t only;
static bool only_some;

void parse_options(int argc, char **argv)
{
	int i;

	for (i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--bust"))
			bust = argv[i + 1];
		else if (!strcmp(argv[i], "--only") && !only_some &&
			 !regcomp(&only, argv[i + 1], REG_EXTENDED | REG_NOSUB))
			only_some = true;
		else
			break;
	}
	if (i >= argc)
		return;
	fprintf(stderr, "usage: %s [--only REGEX] [--bust WHAT]\n", argv[0]);
	exit(2);
}

bool wanted(const struct test *test)
{
	return !only_some || !regexec(&only, test->name, 0, NULL, 0);
}

bool busted(const char *what)
{
	return !strcmp(bust, what);
}

void explain(const char *cond, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = snprintf(why, sizeof(why), "%s: ", cond);
	vsnprintf(why + n, sizeof(why) - n, fmt, ap);
	va_end(ap);
}

bool stats_of(struct hmmt_dev *dev, struct hmmt_stats *st)
{
	int ret = hmmt_stats(dev, st);

	WANT(!ret, "stats: %s", strerror(-ret));
	return true;
}

uint64_t *word(unsigned long page)
{
	return (uint64_t *)(area + page * HMMT_PAGE_SIZE + 64);
}

uint64_t value(unsigned long page)
{
	return hmmt_mix64(page + 1);
}

/* @pmds PMDs of anonymous memory, as THPs or not, each page with its value */
bool fill(unsigned int pmds, bool thp)
{
	size_t size = pmds * HMMT_PMD_SIZE;
	unsigned long i;
	char *p;

	p = mmap(area, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	WANT(p == area, "mmap: %s", strerror(errno));
	WANT(!madvise(area, size, thp ? MADV_HUGEPAGE : MADV_NOHUGEPAGE),
	     "madvise: %s", strerror(errno));
	for (i = 0; i < size / HMMT_PAGE_SIZE; i++)
		*word(i) = value(i);
	return true;
}

bool verify(unsigned long first, unsigned long last)
{
	unsigned long i;

	for (i = first; i < last; i++)
		WANT(*word(i) == value(i), "page %lu holds %#llx", i,
		     (unsigned long long)*word(i));
	return true;
}

/* The device reads one word of each page */
bool verify_device(struct hmmt_dev *dev, unsigned long first,
		   unsigned long last)
{
	unsigned long i;
	uint64_t v;
	int ret;

	for (i = first; i < last; i++) {
		ret = hmmt_access(dev, (unsigned long)word(i), &v, sizeof(v), 0, NULL);
		WANT(!ret, "page %lu: %s", i, strerror(-ret));
		WANT(v == value(i), "device reads %#llx from page %lu",
		     (unsigned long long)v, i);
	}
	return true;
}

bool migrate(struct hmmt_dev *dev, unsigned long page, unsigned long nr,
	     unsigned int flags, struct hmmt_migrate *res)
{
	int ret = hmmt_migrate(dev, (unsigned long)area + page * HMMT_PAGE_SIZE,
			       nr * HMMT_PAGE_SIZE, flags, res);

	WANT(!ret, "migrate: %s", strerror(-ret));
	return true;
}

uint16_t snap(unsigned long page)
{
	uint16_t s = 0xffff;
	int ret = hmmt_snapshot(&dev0, (unsigned long)area + page * HMMT_PAGE_SIZE,
				HMMT_PAGE_SIZE, &s);

	return ret ? 0xffff : s;
}

bool in_device(unsigned long page)
{
	return (HMMT_SNAP_PROT(snap(page)) & 0x70) ==
	       HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL;
}

/* Nothing may be left in device memory, and the driver must be in order */
static bool clean(struct hmmt_dev *dev)
{
	struct hmmt_stats stats;
	struct hmmt_check check;

	WANT(!hmmt_stats(dev, &stats), "stats");
	WANT(!stats.pages_used, "%llu device pages left", stats.pages_used);
	WANT(!hmmt_check(dev, HMMT_CHECK_QUIET, &check), "check");
	WANT(!check.check, "%s: pfn %#llx expected %#llx found %#llx",
	     hmmt_check_name(check.check), check.pfn, check.expected, check.found);
	return true;
}

/* What a test has to say, in memory that its process shares with us */
struct outcome {
	bool ok;
	char why[sizeof(why)];
	char skip[128];
	bool oom_planned;
};

static void run_child(const struct test *test, struct outcome *out)
{
	int ret = hmmt_open(&dev0, 0) ?: hmmt_open(&dev1, 1);

	if (ret) {
		snprintf(out->why, sizeof(out->why), "open: %s", strerror(-ret));
		_exit(0);
	}
	out->ok = test->run();
	snprintf(out->why, sizeof(out->why), "%s", why);
	snprintf(out->skip, sizeof(out->skip), "%s", skip && !out->ok ? skip : "");
	out->oom_planned = oom_planned;
	_exit(0);
}

/* Where it hangs, as diagnostics */
static void show_stack(pid_t pid)
{
	char path[64], text[4096], *line, *save = NULL;

	snprintf(path, sizeof(path), "/proc/%d/stack", pid);
	if (hmmt_read_file(path, text, sizeof(text)) <= 0)
		return;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		printf("# %s\n", line);
}

bool reaped(pid_t pid, int *status)
{
	/* to wait for -1 is to wait for any child, to kill it is to kill all */
	WANT(pid > 0, "fork: %s", strerror(errno));
	WANT(waitpid(pid, status, 0) == pid, "waitpid: %s", strerror(errno));
	return true;
}

/* In a process of its own: a crash or a hang is that of one test */
static bool run_one(const struct test *test, struct outcome *out)
{
	struct pollfd pfd;
	int status = 0;
	pid_t pid;

	memset(out, 0, sizeof(*out));
	fflush(stdout);
	pid = fork();
	if (!pid)
		run_child(test, out);
	pfd.fd = pid < 0 ? -1 : syscall(SYS_pidfd_open, pid, 0);
	pfd.events = POLLIN;
	if (pfd.fd < 0) {
		snprintf(out->why, sizeof(out->why), "fork: %s", strerror(errno));
		return false;
	}
	if (!poll(&pfd, 1, TEST_MS)) {
		snprintf(out->why, sizeof(out->why), "hangs: not ended in %d s", TEST_MS / 1000);
		out->ok = false;
		out->skip[0] = 0;
		show_stack(pid);
		kill(pid, SIGKILL);
		if (!poll(&pfd, 1, TEST_MS)) {
			printf("Bail out! %s cannot be killed\n", test->name);
			exit(1);
		}
	}
	close(pfd.fd);
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status) && !out->why[0])
		snprintf(out->why, sizeof(out->why), "killed by signal %d", WTERMSIG(status));
	return out->ok && !status;
}

int open_devices(void)
{
	struct hmmt_stats stats;
	int ret;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n");
	ret = hmmt_open(&dev0, 0) ?: hmmt_open(&dev1, 1);
	if (ret == -ENOENT) {
		printf("1..0 # SKIP no /dev/hmm_dmirror0 and 1\n");
		return KSFT_SKIP;
	}
	if (ret) {
		printf("Bail out! cannot open the devices: %s\n", strerror(-ret));
		return KSFT_FAIL;
	}
	if (hmmt_stats(&dev0, &stats) == -EINVAL) {
		printf("1..0 # SKIP /dev/hmm_dmirror0 is of the tree's own driver\n");
		return KSFT_SKIP;
	}
	return 0;
}

int run_tests(const char *program, const struct test *tests, unsigned int nr)
{
	unsigned int i, n = 0, planned = 0, failed = 0, skipped = 0;
	struct hmmt_stats stats;
	struct outcome *out;
	int ret;

	ret = open_devices();
	if (ret)
		return ret;
	for (i = 0; i < nr; i++)
		planned += wanted(&tests[i]);
	printf("1..%u\n", planned);
	/* what it collapses it faults back from the device first, at any time */
	hmmt_write_file("/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs",
			"3600000");
	area = mmap((void *)0x200000000000UL, AREA_SIZE + HMMT_PMD_SIZE, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	out = mmap(NULL, sizeof(*out), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED || out == MAP_FAILED) {
		printf("Bail out! mmap: %s\n", strerror(errno));
		return 1;
	}
	munmap(area, AREA_SIZE + HMMT_PMD_SIZE);
	if (!hmmt_stats(&dev0, &stats))
		whole_thps = stats.compound;
	if (!whole_thps)
		printf("# this kernel migrates base pages only\n");

	for (i = 0; i < nr; i++) {
		bool ok;

		if (!wanted(&tests[i]))
			continue;
		n++;
		running_test = i;
		ok = run_one(&tests[i], out);
		oom_planned |= out->oom_planned;

		if (out->skip[0]) {
			printf("ok %u hmm.%s # SKIP %s\n", n, tests[i].name, out->skip);
			skipped++;
			continue;
		}
		if (ok && !(clean(&dev0) && clean(&dev1))) {
			ok = false;
			memcpy(out->why, why, sizeof(why));
		}
		failed += !ok;
		if (!ok)
			printf("# %s: %s\n", tests[i].name, out->why);
		printf("%sok %u hmm.%s\n", ok ? "" : "not ", n, tests[i].name);
	}
	printf("{\"hmmtorture\":1,\"program\":\"%s\",\"pass\":%u,\"fail\":%u,\"skip\":%u%s",
	       program, planned - failed - skipped, failed, skipped,
	       oom_planned ? ",\"oom_planned\":true" : "");
	if (splats_planned)
		printf(",\"splats_planned\":[%s]", splats_planned);
	printf("}\n");
	hmmt_close(&dev0);
	hmmt_close(&dev1);
	return !!failed;
}
