// SPDX-License-Identifier: GPL-2.0
/*
 * Process 1 of the guest.
 *
 * The kernel hands it the words behind "--" of its command line, and before
 * them those that it does not know itself, hence "run:".
 *
 *   run:              what follows is meant for init
 *   driver:KEY=VALUE  module parameter; driver:none loads no driver,
 *                     driver:stock the tree's own one
 *   NAME ARGS...      a step: runs /bin/NAME
 *   +                 ends a step, another may follow
 *
 * Steps run one after the other with the results port as stdout and the kernel
 * console as stderr. The last line on the results port is "HMMT-END rc=N", N
 * being the first exit status that was not 0; then the machine reboots, which
 * ends QEMU. Whoever reads the port takes a guest without that line for lost.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "hmmt.h"

#define RESULTS_PORT	"/dev/ttyS1"
#define THP_DIR		"/sys/kernel/mm/transparent_hugepage"
#define NO_EXEC		127
#define NO_DRIVER	126
#define LEFT_BEHIND	125

/*
 * Longer than two periods of the hung task detector, so that a process which
 * cannot die has its stack on the console before it is given up.
 */
#define KILL_WAIT_SECONDS	150

static int results = -1;

/* One write() a line: /dev/kmsg takes nothing else, and lines stay whole. */
static void put_line(int fd, const char *prefix, const char *fmt, va_list ap)
{
	char text[1024];
	int n, used;

	used = snprintf(text, sizeof(text), "%s", prefix);
	n = vsnprintf(text + used, sizeof(text) - used - 1, fmt, ap);
	if (n > (int)sizeof(text) - used - 2)
		n = sizeof(text) - used - 2;
	text[used + n] = '\n';
	if (write(fd, text, used + n + 1) < 0)
		return;	/* nobody left to tell */
}

__attribute__((format(printf, 1, 2)))
static void report(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(results >= 0 ? results : STDERR_FILENO, "", fmt, ap);
	va_end(ap);
}

/* A marker in the kernel's log tells which step a splat belongs to. */
__attribute__((format(printf, 1, 2)))
static void mark(const char *fmt, ...)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	va_list ap;

	if (fd < 0)
		return;
	va_start(ap, fmt);
	put_line(fd, "<6>hmmtorture: ", fmt, ap);
	va_end(ap);
	close(fd);
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static void mount_all(void)
{
	static const struct {
		const char *type, *dir;
		bool optional;		/* depends on the flavour */
	} table[] = {
		{ "proc", "/proc", false },
		{ "sysfs", "/sys", false },
		{ "devtmpfs", "/dev", false },
		{ "tmpfs", "/tmp", false },
		{ "tmpfs", "/dev/shm", false },
		{ "debugfs", "/sys/kernel/debug", false },
		{ "tracefs", "/sys/kernel/tracing", true },
		{ "cgroup2", "/sys/fs/cgroup", true },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		mkdir(table[i].dir, 0755);
		if (mount(table[i].type, table[i].dir, table[i].type, 0, NULL) &&
		    errno != EBUSY && !table[i].optional)
			fprintf(stderr, "init: mount %s on %s: %s\n", table[i].type,
				table[i].dir, strerror(errno));
	}
}

static void open_results(void)
{
	struct termios tio;
	int fd = open(RESULTS_PORT, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0) {
		fprintf(stderr, "init: %s: %s\n", RESULTS_PORT, strerror(errno));
		return;
	}
	/* Bytes arrive as they were written: no echo, no \n to \r\n. */
	if (!tcgetattr(fd, &tio)) {
		cfmakeraw(&tio);
		tio.c_cflag |= CLOCAL;
		cfsetspeed(&tio, B115200);
		tcsetattr(fd, TCSANOW, &tio);
	}
	results = fd;
}

/*
 * MADV_HUGEPAGE gives the largest size that fits the mapping: a THP where one
 * fits, mTHPs in smaller ranges. Nothing is huge that did not ask to be.
 */
static void setup_thp(void)
{
	char path[512];
	struct dirent *d;
	DIR *dir;

	if (write_file(THP_DIR "/enabled", "madvise"))
		report("# guest: no transparent huge pages in this kernel");
	write_file(THP_DIR "/defrag", "madvise");
	dir = opendir(THP_DIR);
	if (!dir)
		return;
	while ((d = readdir(dir))) {
		if (strncmp(d->d_name, "hugepages-", 10))
			continue;
		snprintf(path, sizeof(path), THP_DIR "/%s/enabled", d->d_name);
		write_file(path, "inherit");
	}
	closedir(dir);
}

static int load_module(const char *name, const char *params)
{
	char path[128];
	int ret;

	snprintf(path, sizeof(path), "/lib/modules/%s.ko", name);
	ret = hmmt_module_load(path, params);
	if (ret)
		report("Bail out! driver %s(%s): %s", name, params, strerror(-ret));
	return ret;
}

/* hmmtorture.turns=US,SEED on the command line; an image without modules has none */
static int setup_turns(void)
{
	unsigned long long seed;
	char line[4096], params[64];
	const char *at = NULL;
	unsigned int us;

	if (hmmt_read_file("/proc/cmdline", line, sizeof(line)) > 0)
		at = strstr(line, "hmmtorture.turns=");
	if (!at || sscanf(at, "hmmtorture.turns=%u,%llu", &us, &seed) != 2 ||
	    access("/lib/modules", F_OK))
		return 0;
	snprintf(params, sizeof(params), "us=%u seed=%llu", us, seed);
	return load_module("hmm_turns", params);
}

/*
 * Loads what the leading driver: words ask for; returns 0 or -errno and moves
 * *argv behind them. An image without a driver has nothing to load.
 */
static int setup_driver(char ***argv)
{
	const char *name = "test_hmm";
	char params[1024] = "";
	size_t used = 0;

	for (; **argv && !strncmp(**argv, "driver:", 7); (*argv)++) {
		const char *word = **argv + 7;

		if (!strcmp(word, "none")) {
			name = NULL;
			continue;
		}
		if (!strcmp(word, "stock")) {
			name = "stock_test_hmm";
			continue;
		}
		if (used + strlen(word) + 2 > sizeof(params))
			return -E2BIG;
		used += sprintf(params + used, "%s%s", used ? " " : "", word);
	}
	if (!name || (access("/lib/modules", F_OK) && !used))
		return 0;
	return load_module(name, params);
}

static pid_t start_step(char **argv)
{
	char path[256];
	pid_t pid;

	snprintf(path, sizeof(path), "/bin/%s", argv[0]);
	pid = fork();
	if (pid)
		return pid;
	setsid();
	if (results >= 0)
		dup2(results, STDOUT_FILENO);
	execv(path, argv);
	report("# step %s: %s: %s", argv[0], path, strerror(errno));
	_exit(NO_EXEC);
}

/* Says on the console where each process that is left is waiting. */
static void show_left_behind(void)
{
	DIR *dir = opendir("/proc");
	char path[280], text[2048];
	struct dirent *d;
	ssize_t n;
	int fd;

	while (dir && (d = readdir(dir))) {
		int pid = atoi(d->d_name);

		if (pid <= 1)
			continue;
		/* Kernel threads have no image. */
		snprintf(path, sizeof(path), "/proc/%d/exe", pid);
		if (readlink(path, text, sizeof(text)) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/stack", pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		if (fd >= 0)
			close(fd);
		if (n < 0)
			n = 0;
		text[n] = 0;
		report("# process %d does not die", pid);
		fprintf(stderr, "init: process %d does not die:\n%s", pid, text);
	}
	if (dir)
		closedir(dir);
}

/* Ends what a step left, so that the next one starts clean. */
static int end_orphans(const char *step)
{
	struct timespec nap = { .tv_nsec = 20000000 };
	int i;

	kill(-1, SIGKILL);
	for (i = 0; i < KILL_WAIT_SECONDS * 50; i++) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0)
			return 0;
		if (!pid)
			nanosleep(&nap, NULL);
	}
	report("# step %s left processes that SIGKILL does not end", step);
	show_left_behind();
	return LEFT_BEHIND;
}

/* Returns the exit status as a shell would show it. */
static int run_step(char **argv)
{
	int status, rc, left;
	pid_t pid, got;

	mark("step %s starts", argv[0]);
	pid = start_step(argv);
	if (pid < 0) {
		report("# step %s: fork: %s", argv[0], strerror(errno));
		return NO_EXEC;
	}
	do {
		got = wait(&status);	/* orphans too: we are process 1 */
	} while (got != pid && (got > 0 || errno == EINTR));

	if (WIFSIGNALED(status)) {
		report("# step %s killed by signal %d", argv[0], WTERMSIG(status));
		rc = 128 + WTERMSIG(status);
	} else {
		rc = WEXITSTATUS(status);
	}
	left = end_orphans(argv[0]);
	mark("step %s ends, status %d", argv[0], rc);
	return rc ? rc : left;
}

/*
 * Interrupts and context switches so far, and a random number: two runs of the
 * det engine that took different schedules, or that drew entropy from the host,
 * differ here even where their output agrees.
 */
static void report_schedule(void)
{
	unsigned long long random = 0;
	FILE *f = fopen("/proc/stat", "re");
	unsigned long long n;
	char line[8192];

	getrandom(&random, sizeof(random), GRND_INSECURE);
	report("# guest random %016llx", random);
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "intr %llu", &n) == 1)
			report("# guest interrupts %llu", n);
		else if (sscanf(line, "ctxt %llu", &n) == 1)
			report("# guest context switches %llu", n);
	}
	fclose(f);
}

static int run_all(char **argv)
{
	int rc = 0;

	if (setup_turns() || setup_driver(&argv))
		return NO_DRIVER;
	while (*argv) {
		char **step = argv;
		int ret;

		while (*argv && strcmp(*argv, "+"))
			argv++;
		if (*argv)
			*argv++ = NULL;
		if (!*step)
			continue;
		ret = run_step(step);
		if (!rc)
			rc = ret;
	}
	return rc;
}

int main(int argc, char **argv)
{
	int fd, rc;

	(void)argc;
	if (getpid() != 1) {
		fprintf(stderr, "init: runs as process 1 of a guest only\n");
		return 2;
	}
	mount_all();
	fd = open("/dev/console", O_RDWR);
	if (fd >= 0) {
		dup2(fd, STDERR_FILENO);
		dup2(fd, STDOUT_FILENO);
		if (fd > STDERR_FILENO)
			close(fd);
	}
	fd = open("/dev/null", O_RDONLY);
	if (fd > 0) {
		dup2(fd, STDIN_FILENO);
		close(fd);
	}
	setenv("PATH", "/bin", 1);
	setenv("HOME", "/tmp", 1);
	setenv("TMPDIR", "/tmp", 1);
	chdir("/tmp");
	open_results();
	setup_thp();

	while (*++argv && strcmp(*argv, "run:"))
		;
	rc = run_all(*argv ? argv + 1 : argv);

	report_schedule();
	report("HMMT-END rc=%d", rc);
	if (results >= 0)
		tcdrain(results);
	mark("end, status %d", rc);
	sync();
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}
