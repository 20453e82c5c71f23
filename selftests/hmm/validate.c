// SPDX-License-Identifier: GPL-2.0
/*
 * hmm-validate [--list] [--deadly] [--only REGEX] [--after ROW] [--bust WHAT]
 *
 * Runs the rows that every kernel should survive, or with --deadly those that
 * stock ones do not. KTAP on stdout; "# row NAME" says what runs, for whoever
 * reads what is left when the kernel has died of it, and goes on --after it.
 *
 * --bust breaks something on purpose. Rows must then fail:
 *   content	the device writes a word that nobody asked for
 *   lost	a page is discarded behind the migration
 *   base	no THP can be allocated, in the device or outside
 *   stuck	nothing goes on after the first migration
 *   leak	another process keeps device memory
 *   process	another process keeps a THP
 *   warning	the kernel's log has a warning in it
 */
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>

#include "validate_clean.h"

#define ROW_MS		15000	/* of the guest's clock; none takes more than 7 s */
#define TELL_MS		3000
#define LOST_FAULTS	10000	/* so many that failed in one row: it will not end */
#define TRIES		3	/* of a row that may have left something behind */
#define DOUBTS		48	/* rows that are done again, in all: time is short */

/* The quick ones first, so that what they find is found soon */
static const struct row * const subjects[] = {
	collect_rows, split_rows, mthp_rows, device_rows, bits_rows, vma_rows, proc_rows,
	tlb_rows, fault_rows, held_rows, caught_rows,
};

static const char * const busts[] = {
	"content", "lost", "base", "stuck", "leak", "process", "warning",
};

struct hmmt_stats stats_before;

/* What a row has to say, in memory that its process shares with us */
struct outcome {
	bool ok;
	char why[sizeof(why)];
	char skip[128];
};

struct hmmt_stats stats_now(void)
{
	struct hmmt_stats stats = {};

	hmmt_stats(&dev0, &stats);
	return stats;
}

/* --- what the rows share ------------------------------------------------- */

bool move(unsigned long page, unsigned long nr, unsigned int flags,
	  struct hmmt_migrate *m)
{
	uint64_t wrong = 0xbad;

	TRY(migrate(&dev0, page, nr, flags, m));
	if (busted("content"))
		hmmt_access(&dev0, (unsigned long)word(page + nr / 2), &wrong,
			    sizeof(wrong), HMMT_ACCESS_WRITE, NULL);
	if (busted("lost"))
		madvise(ptr(page + nr / 2), HMMT_PAGE_SIZE, MADV_DONTNEED);
	while (busted("stuck"))
		pause();
	return true;
}

bool placed(unsigned long page, unsigned long nr, enum place place, int order)
{
	static uint16_t snaps[4 * PAGES];
	unsigned long i;
	int ret = 0;

	if (nr)
		ret = hmmt_snapshot(&dev0, at(page), nr * HMMT_PAGE_SIZE, snaps);
	WANT(!ret, "%s", strerror(-ret));
	for (i = 0; i < nr; i++) {
		unsigned int prot = HMMT_SNAP_PROT(snaps[i]);
		enum place found = SYSTEM;

		if ((prot & 0x70) == HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL)
			found = DEVICE;
		else if (!(prot & (HMM_DMIRROR_PROT_READ | HMM_DMIRROR_PROT_WRITE)))
			found = NOWHERE;
		WANT(found == place && prot != HMM_DMIRROR_PROT_ERROR,
		     "page %lu: snapshot %#x", page + i, snaps[i]);
		WANT(order < 0 || (int)HMMT_SNAP_ORDER(snaps[i]) == order,
		     "page %lu: mapped with order %u, not %d", page + i,
		     HMMT_SNAP_ORDER(snaps[i]), order);
	}
	return true;
}

bool system_thps(unsigned int pmds)
{
	unsigned int i;

	TRY(fill(pmds, true));
	for (i = 0; i < pmds; i++)
		TRY(placed(i * PAGES, PAGES, SYSTEM, 9));
	return true;
}

bool device_thps(unsigned int pmds)
{
	struct hmmt_migrate m;

	TRY(system_thps(pmds));
	TRY(move(0, pmds * PAGES, 0, &m));
	WANT(m.thp == pmds, "THPs %llu, pages %llu migrated", m.thp, m.migrated);
	return true;
}

bool device_pages(void)
{
	TRY(fill(1, false));
	return move(0, PAGES, 0, NULL);
}

bool set_prot(unsigned long page, unsigned long nr, int prot)
{
	WANT(!mprotect(ptr(page), nr * HMMT_PAGE_SIZE, prot), "%s", strerror(errno));
	return true;
}

bool advise(int advice)
{
	WANT(!madvise(area, HMMT_PMD_SIZE, advice), "%s", strerror(errno));
	return true;
}

bool move_block(char *from, char *to)
{
	WANT(mremap(from, HMMT_PMD_SIZE, HMMT_PMD_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to,
	     "%s", strerror(errno));
	return true;
}

bool intact(unsigned long page, unsigned long nr)
{
	TRY(verify_device(&dev0, page, page + nr));
	return verify(page, page + nr);
}

bool intact_at(const char *p, unsigned long first, unsigned long nr)
{
	unsigned long i;
	uint64_t v;

	for (i = 0; i < nr; i++) {
		v = *(const uint64_t *)(p + i * HMMT_PAGE_SIZE + 64);
		WANT(v == value(first + i), "page %lu holds %#llx", first + i,
		     (unsigned long long)v);
	}
	return true;
}

bool inject(unsigned int sites, unsigned long nth, unsigned long interval)
{
	struct hmmt_inject arg = { .sites = sites, .nth = nth, .interval = interval };
	int ret = hmmt_inject(&dev0, &arg);

	WANT(!ret, "%s", strerror(-ret));
	return true;
}

static int child_told[2], child_asked[2];
static pid_t child;

bool child_start(bool (*run)(void))
{
	WANT(!pipe(child_told) && !pipe(child_asked), "%s", strerror(errno));
	child = fork();
	if (!child) {
		close(child_told[0]);
		close(child_asked[1]);
		_exit(!run());
	}
	close(child_told[1]);
	close(child_asked[0]);
	WANT(child > 0, "fork: %s", strerror(errno));
	return true;
}

bool child_meet(void)
{
	char c = 0;

	return write(child_told[1], &c, 1) == 1 && !read(child_asked[0], &c, 1);
}

bool child_wait(void)
{
	char c;

	WANT(read(child_told[0], &c, 1) == 1, "the child did not come so far");
	return true;
}

void child_go(void)
{
	if (child_asked[1] >= 0)
		close(child_asked[1]);
	child_asked[1] = -1;
}

bool child_end(void)
{
	int status = 0;

	child_go();
	waitpid(child, &status, 0);
	close(child_told[0]);
	WANT(!status, "child: content lost, status %#x", status);
	return true;
}

static bool keep(void)
{
	return child_meet() && verify(0, PAGES);
}

bool child_begin(void)
{
	return child_start(keep);
}

/* --- running them -------------------------------------------------------- */

static void run_child(const struct row *row, struct outcome *out)
{
	struct hmmt_inject none = {
		.sites = HMMT_SITE_DEV_THP | HMMT_SITE_SYS_THP, .nth = 1, .interval = 1,
	};
	int ret = hmmt_open(&dev0, 0) ?: hmmt_open(&dev1, 1);

	if (!ret)
		ret = hmmt_stats(&dev0, &stats_before);
	if (!ret && busted("base"))
		ret = hmmt_inject(&dev0, &none);
	if (ret)
		explain("open", "%s", strerror(-ret));
	out->ok = !ret && row->run(row->arg);
	memcpy(out->why, why, sizeof(why));
	snprintf(out->skip, sizeof(out->skip), "%s", skip && !out->ok ? skip : "");
	fflush(stdout);
	_exit(0);
}

/* Where it is stuck, as diagnostics, and whether it only waits */
static void show_stuck(pid_t pid, unsigned int ms, struct outcome *out)
{
	char path[64], text[2048], *line, *save = NULL;
	struct hmmt_stats now = stats_now();
	struct hmmt_task_stat stat = {};

	snprintf(path, sizeof(path), "/proc/%d/stack", pid);
	if (hmmt_read_file(path, text, sizeof(text)) > 0)
		for (line = strtok_r(text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save))
			printf("# at %s\n", line);
	hmmt_task_stat(pid, pid, &stat);
	snprintf(out->why, sizeof(out->why), "%s: not ended in %u s, %llu CPU faults, "
		 "%llu failed, %llu device faults", stat.state == 'R' ? "spins" : "hangs",
		 ms / 1000, now.cpu_faults - stats_before.cpu_faults,
		 now.cpu_faults_failed - stats_before.cpu_faults_failed,
		 now.dev_faults - stats_before.dev_faults);
	out->ok = false;
	out->skip[0] = 0;
}

/*
 * 0 when it has ended, else the time after which it is stuck. A row that takes long says so: who
 * waits outside sees that the guest lives. More than @failed faults mean that it never ends.
 */
static unsigned int wait_row(struct pollfd *pfd, const struct row *row, uint64_t failed)
{
	unsigned int ms;

	for (ms = TELL_MS; ms <= ROW_MS; ms += TELL_MS) {
		if (poll(pfd, 1, TELL_MS))
			return 0;
		printf("# %s takes %u s\n", row->id, ms / 1000);
		if (COUNTED(cpu_faults_failed) > failed)
			return ms;
	}
	return ROW_MS;
}

static bool run_one(const struct row *row, struct outcome *out)
{
	struct pollfd pfd = { .fd = -1, .events = POLLIN };
	unsigned int ms;
	int status = 0;
	pid_t pid;

	memset(out, 0, sizeof(*out));
	stats_before = stats_now();
	fflush(stdout);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		run_child(row, out);
	}
	if (pid > 0)
		pfd.fd = syscall(SYS_pidfd_open, pid, 0);
	if (pfd.fd < 0) {
		snprintf(out->why, sizeof(out->why), "fork: %s", strerror(errno));
		return false;
	}
	setpgid(pid, pid);
	ms = wait_row(&pfd, row, LOST_FAULTS);
	if (ms) {
		show_stuck(pid, ms, out);
		kill(-pid, SIGKILL);
		if (wait_row(&pfd, row, UINT64_MAX)) {
			printf("# %s: %s\nBail out! %s cannot be killed\n", row->id, out->why,
			       row->id);
			exit(1);
		}
	}
	close(pfd.fd);
	waitpid(pid, &status, 0);
	/* children of it that it left behind; init has to reap them */
	for (ms = 0; !kill(-pid, SIGKILL) && ms < SETTLE_MS; ms += 10)
		usleep(10000);
	if (WIFSIGNALED(status) && !out->why[0])
		snprintf(out->why, sizeof(out->why), "killed by signal %d", WTERMSIG(status));
	return out->ok && !status;
}

/* A process that keeps a THP, maybe in the device */
static pid_t leak(bool device)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (!hmmt_open(&dev0, 0) && fill(1, true) && device)
		migrate(&dev0, 0, PAGES, 0, NULL);
	for (;;)
		pause();
}

static void leak_end(pid_t *pid)
{
	if (*pid <= 0)
		return;
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

static unsigned int doubts;

static const char *run_row(const struct row *row, unsigned int nr, struct outcome *out)
{
	unsigned int tries = 0;
	pid_t leaking = 0;
	char text[96];
	enum leftovers left;
	bool ok;

	printf("# row %s\n", row->id);
	tcdrain(STDOUT_FILENO);
	log_mark(row->id);
	if (busted("warning"))
		log_write("WARNING: by --bust");
	do {
		leak_end(&leaking);
		remember();
		if (busted("leak") || busted("process"))
			leaking = leak(busted("leak"));
		ok = run_one(row, out);
		hmmt_swap_off();
		left = leftovers();
	} while (left == MAYBE && (ok || out->skip[0]) && ++tries < TRIES && doubts++ < DOUBTS);
	/* what may be another's is no failure of a row that was not done again */
	if (left == MAYBE && tries && tries < TRIES) {
		printf("# %s: in doubt, not done again: %s\n", row->id, why);
		left = NONE;
	}
	if (busted("leak"))
		usleep(300000);
	if ((left != NONE || !clean()) && (ok || out->skip[0])) {
		ok = false;
		out->skip[0] = 0;
		memcpy(out->why, why, sizeof(why));
	}
	leak_end(&leaking);
	if (out->skip[0]) {
		printf("ok %u validate.%s # SKIP %s\n", nr, row->id, out->skip);
		return "skip";
	}
	if (!ok) {
		/* for when, and after the log was looked at */
		snprintf(text, sizeof(text), "FAIL test: validate.%s: ", row->id);
		log_write(text);
		printf("# %s\n", out->why[0] ? out->why : "ended without a reason");
	}
	printf("%sok %u validate.%s\n", ok ? "" : "not ", nr, row->id);
	return ok ? "pass" : "fail";
}

struct selection {
	bool list, deadly;
	const char *after;
	regex_t only;
};

/* The rows that are asked for, in their order; returns how many */
static unsigned int select_rows(const struct selection *sel, const struct row **out)
{
	bool begun = !sel->after;
	const struct row *row;
	unsigned int i, n = 0;

	for (i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		for (row = subjects[i]; row->id; row++) {
			bool deadly = row->flags & ROW_DEADLY;

			if ((sel->list || deadly == sel->deadly) && begun &&
			    !regexec(&sel->only, row->id, 0, NULL, 0))
				out[n++] = row;
			begun |= sel->after && !strcmp(row->id, sel->after);
		}
	return n;
}

static int run_rows(const struct row **rows, unsigned int n)
{
	unsigned int i, passed = 0, failed = 0;
	struct outcome *out;
	int ret;

	ret = open_devices();
	if (ret)
		return ret;
	printf("1..%u\n", n ?: 1);
	if (!n)
		printf("ok 1 validate.none # SKIP no row is left\n");
	/* a place where nothing else comes to lie */
	area = mmap((void *)0x200000000000UL, 4 * AREA_SIZE, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	out = mmap(NULL, sizeof(*out), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		   -1, 0);
	if (area == MAP_FAILED || out == MAP_FAILED) {
		printf("Bail out! mmap: %s\n", strerror(errno));
		return 1;
	}
	munmap(area, 4 * AREA_SIZE);

	settle();
	for (i = 0; i < n; i++) {
		const char *result = run_row(rows[i], i + 1, out);

		passed += result[0] == 'p';
		failed += result[0] == 'f';
	}
	printf("# %u times a row was done again\n", doubts);
	printf("{\"hmmtorture\":1,\"program\":\"hmm-validate\",\"pass\":%u,\"fail\":%u,\"skip\":%u}\n",
	       passed, failed, n - passed - failed);
	return !!failed;
}

static int usage(void)
{
	fprintf(stderr, "usage: hmm-validate [--list] [--deadly] [--only REGEX] "
		"[--after ROW] [--bust WHAT]\n");
	return 2;
}

static bool known_bust(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(busts) / sizeof(busts[0]); i++)
		if (busted(busts[i]))
			return true;
	fprintf(stderr, "unknown bust '%s'; valid:", bust);
	for (i = 0; i < sizeof(busts) / sizeof(busts[0]); i++)
		fprintf(stderr, " %s", busts[i]);
	fprintf(stderr, "\n");
	return false;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "list", no_argument, NULL, 'l' },
		{ "deadly", no_argument, NULL, 'd' },
		{ "only", required_argument, NULL, 'o' },
		{ "after", required_argument, NULL, 'a' },
		{ "bust", required_argument, NULL, 'b' },
		{ }
	};
	const struct row *rows[512];
	struct selection sel = {};
	const char *only = "";
	unsigned int n, k;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'l':
			sel.list = true;
			break;
		case 'd':
			sel.deadly = true;
			break;
		case 'o':
			only = optarg;
			break;
		case 'a':
			sel.after = optarg;
			break;
		case 'b':
			bust = optarg;
			break;
		default:
			return usage();
		}
	}
	if (optind < argc)
		return usage();
	if (*bust && !known_bust())
		return 2;
	if (regcomp(&sel.only, only, REG_EXTENDED | REG_NOSUB)) {
		fprintf(stderr, "--only: '%s' is no regular expression\n", only);
		return 2;
	}
	n = select_rows(&sel, rows);
	if (!sel.list)
		return run_rows(rows, n);
	for (k = 0; k < n; k++)
		printf("%s\t%s\t%s\t%s\n", rows[k]->id,
		       rows[k]->flags & ROW_DEADLY ? "deadly" : "harmless",
		       rows[k]->promise, rows[k]->where);
	return 0;
}
