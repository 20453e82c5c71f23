// SPDX-License-Identifier: GPL-2.0
/*
 * vmrun: runs one QEMU and says how its guest ended.
 *
 *   vmrun --dir DIR [options] -- QEMU ARGS...
 *
 *   --stall S       no sign of life for S seconds of host time: stalled (180)
 *   --limit S       ended after S seconds of host time at the latest (none)
 *   --overdue S     past S seconds on the guest's own clock: stalled (none)
 *   --busy          S of --stall are seconds of QEMU's CPU time
 *   --label TEXT    in front of the live line
 *   --quiet         no live line; DIR/progress is kept in any case
 *   --set KEY=TEXT --int KEY=N --bool KEY=true|false	fields of run.json
 *
 * In DIR: run.json is written before the start and again, with "end", after it;
 * journal.bin is made anew; qemu.log has what QEMU said. QEMU itself is told to
 * write console.log and results.log there.
 *
 * With --busy, for an engine that is never idle, a machine that has no time for the
 * guest does not make it stalled: with ten times S of host time it is all the same.
 *
 * A guest that shows any progress is not stalled, however slow it is, unless by
 * its own clock it should have ended long ago, its kernel says that a CPU is stuck for a
 * minute of that clock, or its console has 64 MiB: a kernel that reports lockups for ever
 * also shows something, and a program that prints without end shows no clock. A stalled one
 * gets an NMI, so that the kernel (unknown_nmi_panic) shows where it is.
 *
 * Exit: 0 the guest ended by itself, 4 stalled, 5 time limit, 6 QEMU failed,
 * 130 interrupted, 2 usage, 3 vmrun itself could not work.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vmrun.h"

#define NMI_WAIT_MS	20000	/* for the panic text on a slow console */
#define NMI_MAX_MS	120000	/* and when that never ends */
#define TERM_WAIT_MS	5000
#define LOCKUP_S	60	/* of the guest's clock; a lockup is reported from 20 s on */
#define CONSOLE_MAX	(64 << 20)	/* bytes; nobody reads more, and disks are finite */

enum hmmt_end { END_EXIT, END_STALLED, END_TIMEOUT, END_INTERRUPTED, END_KILLED };

static const struct {
	const char *name;
	int code;
} ends[] = {
	[END_EXIT]	  = { "exit", 0 },
	[END_STALLED]	  = { "stalled", 4 },
	[END_TIMEOUT]	  = { "timeout", 5 },
	[END_INTERRUPTED] = { "interrupted", 130 },
	[END_KILLED]	  = { "killed", 6 },
};

struct hmmt_vm {
	const char *dir;
	uint64_t stall_ms, limit_ms, overdue_ms;
	json_t *json;
	struct hmmt_watch watch;
	struct hmmt_live live;
	pid_t pid;
	int pidfd, timer, signals;
	int qmp, qmp_child;	/* both ends of the monitor's socket pair */
	bool busy;		/* silence counts as far as QEMU used the CPU */
	uint64_t start_ms, progress_ms;
	uint64_t progress_cpu_ms; /* QEMU's CPU time then */
	uint64_t kill_ms;	/* when patience ends; 0: the guest is not being ended */
	bool ending;		/* end was decided by us, not by the guest */
	enum hmmt_end end;
};

static uint64_t clock_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

static uint64_t now_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

/* CPU time that QEMU has used, 0 once it is gone */
static uint64_t cpu_ms(const struct hmmt_vm *vm)
{
	clockid_t clock;

	return clock_getcpuclockid(vm->pid, &clock) ? 0 : clock_ms(clock);
}

static bool is_silent(const struct hmmt_vm *vm, uint64_t now)
{
	uint64_t silence_ms = now - vm->progress_ms;

	return silence_ms >= vm->stall_ms &&
	       (!vm->busy || silence_ms >= 10 * vm->stall_ms ||
		cpu_ms(vm) >= vm->progress_cpu_ms + vm->stall_ms);
}

/*
 * QEMU is alone in its process group, so that Ctrl-C on the terminal reaches
 * vmrun only, and it dies with vmrun, whatever kills that.
 */
static int start_qemu(struct hmmt_vm *vm, char **argv)
{
	pid_t parent = getpid();
	char path[4096];
	sigset_t none;
	int fd;

	snprintf(path, sizeof(path), "%s/qemu.log", vm->dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	vm->pid = fork();
	if (vm->pid < 0) {
		close(fd);
		return -errno;
	}
	if (!vm->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(127);
		setpgid(0, 0);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		execvp(argv[0], argv);
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(fd);
	close(vm->qmp_child);
	vm->pidfd = syscall(SYS_pidfd_open, vm->pid, 0);
	return vm->pidfd < 0 ? -errno : 0;
}

/*
 * The monitor is one end of a socket pair: no path that another process could
 * connect to. The descriptor is inherited, its number goes into the arguments.
 */
static char **add_monitor(struct hmmt_vm *vm, char **argv)
{
	static char chardev[64];
	int n = 0, pair[2];
	char **all;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return NULL;
	fcntl(pair[0], F_SETFD, FD_CLOEXEC);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	vm->qmp = pair[0];
	vm->qmp_child = pair[1];
	while (argv[n])
		n++;
	all = calloc(n + 5, sizeof(*all));
	if (!all)
		return NULL;
	memcpy(all, argv, n * sizeof(*all));
	snprintf(chardev, sizeof(chardev), "socket,id=hmmtqmp,fd=%d", pair[1]);
	all[n++] = "-chardev";
	all[n++] = chardev;
	all[n++] = "-mon";
	all[n] = "chardev=hmmtqmp,mode=control";
	return all;
}

static void inject_nmi(struct hmmt_vm *vm)
{
	static const char text[] = "{\"execute\":\"qmp_capabilities\"}\n"
				   "{\"execute\":\"inject-nmi\"}\n";

	if (send(vm->qmp, text, sizeof(text) - 1, MSG_NOSIGNAL) < 0)
		fprintf(stderr, "vmrun: inject-nmi: %s\n", strerror(errno));
}

/* Decides how the run ends; the guest has wait_ms to go by itself. */
static void begin_end(struct hmmt_vm *vm, enum hmmt_end end, uint64_t wait_ms)
{
	vm->ending = true;
	vm->end = end;
	vm->kill_ms = now_ms() + wait_ms;
}

/* The guest has to end; @why has one number in it. */
static void ask_kernel(struct hmmt_vm *vm, enum hmmt_end end, const char *why,
		       unsigned long long n)
{
	hmmt_live_end(&vm->live);
	fprintf(stderr, "vmrun: ");
	fprintf(stderr, why, n);
	fprintf(stderr, "\n");
	inject_nmi(vm);
	begin_end(vm, end, NMI_WAIT_MS);
}

static void on_tick(struct hmmt_vm *vm)
{
	uint64_t now = now_ms(), ticks;

	if (read(vm->timer, &ticks, sizeof(ticks)) < 0)
		return;
	if (hmmt_watch_update(&vm->watch)) {
		vm->progress_ms = now;
		vm->progress_cpu_ms = cpu_ms(vm);
	}
	if (vm->ending) {
		/* The panic text may be long: patience while it still grows. */
		if (vm->end == END_STALLED && now - vm->progress_ms < 3000 &&
		    now < vm->kill_ms + NMI_MAX_MS)
			return;
		if (now >= vm->kill_ms)
			kill(vm->pid, SIGKILL);
		return;
	}
	hmmt_live_tick(&vm->live, &vm->watch, now - vm->start_ms);
	if (vm->limit_ms && now - vm->start_ms >= vm->limit_ms)
		ask_kernel(vm, END_TIMEOUT, "time limit of %llu s: ending the guest",
			   vm->limit_ms / 1000);
	else if (vm->overdue_ms && vm->watch.guest_ms >= vm->overdue_ms)
		ask_kernel(vm, END_STALLED,
			   "the guest's clock is at %llu s, it should have ended: asking the kernel where it is",
			   vm->watch.guest_ms / 1000);
	else if (vm->watch.lockup_s >= LOCKUP_S)
		ask_kernel(vm, END_STALLED,
			   "a CPU of the guest is stuck for %llu s: asking the kernel where it is",
			   vm->watch.lockup_s);
	else if (vm->watch.console_size >= CONSOLE_MAX)
		ask_kernel(vm, END_STALLED,
			   "console.log has %llu MiB: asking the kernel where it is",
			   CONSOLE_MAX >> 20);
	else if (is_silent(vm, now))
		ask_kernel(vm, END_STALLED,
			   "no sign of life for %llu s: asking the kernel where it is",
			   (now - vm->progress_ms) / 1000);
}

static void on_signal(struct hmmt_vm *vm)
{
	struct signalfd_siginfo info;

	if (read(vm->signals, &info, sizeof(info)) != sizeof(info))
		return;
	hmmt_live_end(&vm->live);
	if (vm->ending && vm->end == END_INTERRUPTED) {
		kill(vm->pid, SIGKILL);
		return;
	}
	fprintf(stderr, "vmrun: interrupted, ending the guest; results are in %s\n", vm->dir);
	kill(vm->pid, SIGTERM);
	begin_end(vm, END_INTERRUPTED, TERM_WAIT_MS);
}

/* Until QEMU is gone; returns its wait status. */
static int watch_guest(struct hmmt_vm *vm)
{
	enum { CHILD, TICK, SIGNAL, QMP, NR };
	struct pollfd fds[NR] = {
		[CHILD]	 = { .fd = vm->pidfd, .events = POLLIN },
		[TICK]	 = { .fd = vm->timer, .events = POLLIN },
		[SIGNAL] = { .fd = vm->signals, .events = POLLIN },
		[QMP]	 = { .fd = vm->qmp, .events = POLLIN },
	};
	char discard[4096];
	int status;

	for (;;) {
		if (poll(fds, NR, -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[CHILD].revents)
			break;
		if (fds[TICK].revents)
			on_tick(vm);
		if (fds[SIGNAL].revents)
			on_signal(vm);
		/* Answers and events are of no interest, but must not pile up. */
		if (fds[QMP].revents && recv(vm->qmp, discard, sizeof(discard), 0) <= 0 &&
		    errno != EAGAIN)
			fds[QMP].fd = -1;
	}
	while (waitpid(vm->pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	hmmt_watch_update(&vm->watch);
	return status;
}

/* Last lines of QEMU's own output, where it failed */
static void show_qemu_log(const char *dir)
{
	char path[4096], line[512];
	int left = 8;
	FILE *f;

	snprintf(path, sizeof(path), "%s/qemu.log", dir);
	f = fopen(path, "re");
	while (f && left-- && fgets(line, sizeof(line), f))
		fprintf(stderr, "  %s", line);
	if (f)
		fclose(f);
}

static int setup_events(struct hmmt_vm *vm)
{
	const struct itimerspec second = { { 1, 0 }, { 1, 0 } };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	vm->signals = signalfd(-1, &set, SFD_CLOEXEC);
	vm->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (vm->signals < 0 || vm->timer < 0 || timerfd_settime(vm->timer, 0, &second, NULL))
		return -errno;
	return 0;
}

static int run(struct hmmt_vm *vm, char **argv)
{
	int ret, status, qemu_status;

	ret = setup_events(vm);
	if (!ret)
		ret = hmmt_watch_init(&vm->watch, vm->dir);
	if (ret) {
		fprintf(stderr, "vmrun: %s: %s\n", vm->dir, strerror(-ret));
		return 3;
	}
	if (hmmt_runjson_write(vm->dir, vm->json))
		return 3;
	argv = add_monitor(vm, argv);
	ret = argv ? start_qemu(vm, argv) : -ENOMEM;
	if (ret) {
		fprintf(stderr, "vmrun: cannot start QEMU: %s\n", strerror(-ret));
		return 3;
	}
	vm->start_ms = now_ms();
	vm->progress_ms = vm->start_ms;
	status = watch_guest(vm);
	hmmt_live_end(&vm->live);
	qemu_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (!vm->ending)
		vm->end = qemu_status ? END_KILLED : END_EXIT;
	if (vm->end == END_KILLED) {
		fprintf(stderr, "vmrun: QEMU ended with status %d\n", qemu_status);
		show_qemu_log(vm->dir);
	}
	json_object_set_new(vm->json, "end", json_string(ends[vm->end].name));
	json_object_set_new(vm->json, "qemu_status", json_integer(qemu_status));
	json_object_set_new(vm->json, "wall_ms", json_integer(now_ms() - vm->start_ms));
	json_object_set_new(vm->json, "splat_lines", json_integer(vm->watch.splats));
	ret = hmmt_runjson_write(vm->dir, vm->json);
	hmmt_watch_exit(&vm->watch);
	return ret ? 3 : ends[vm->end].code;
}

static int wrong(const char *why, const char *what)
{
	fprintf(stderr, "vmrun: %s%s\n"
		"usage: vmrun --dir DIR [--stall S] [--limit S] [--overdue S] [--busy] [--label TEXT]\n"
		"             [--quiet] [--set K=TEXT] [--int K=N] [--bool K=true|false] -- QEMU ARGS...\n",
		why, what);
	return 2;
}

static bool parse_seconds(const char *text, uint64_t *ms)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || n > 100000000)
		return false;
	*ms = n * 1000;
	return true;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "dir", required_argument, NULL, 'd' },
		{ "stall", required_argument, NULL, 'S' },
		{ "limit", required_argument, NULL, 'L' },
		{ "overdue", required_argument, NULL, 'O' },
		{ "busy", no_argument, NULL, 'B' },
		{ "label", required_argument, NULL, 'l' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "set", required_argument, NULL, 's' },
		{ "int", required_argument, NULL, 'i' },
		{ "bool", required_argument, NULL, 'b' },
		{ }
	};
	struct hmmt_vm vm = { .stall_ms = 180000, .qmp = -1 };
	struct stat st;
	int c;

	vm.json = json_object();
	json_object_set_new(vm.json, "hmmtorture_run", json_integer(1));
	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			vm.dir = optarg;
			break;
		case 'S':
			if (!parse_seconds(optarg, &vm.stall_ms) || !vm.stall_ms)
				return wrong("--stall: not a number of seconds: ", optarg);
			break;
		case 'L':
			if (!parse_seconds(optarg, &vm.limit_ms))
				return wrong("--limit: not a number of seconds: ", optarg);
			break;
		case 'O':
			if (!parse_seconds(optarg, &vm.overdue_ms))
				return wrong("--overdue: not a number of seconds: ", optarg);
			break;
		case 'B':
			vm.busy = true;
			break;
		case 'l':
			vm.live.label = optarg;
			break;
		case 'q':
			vm.live.quiet = true;
			break;
		case 's':
		case 'i':
		case 'b':
			if (hmmt_runjson_set(vm.json, c, optarg))
				return wrong("not KEY=VALUE of that kind: ", optarg);
			break;
		default:
			return wrong("unknown option", "");
		}
	}
	if (!vm.dir || optind == argc)
		return wrong("--dir and a command are needed", "");
	if (stat(vm.dir, &st) || !S_ISDIR(st.st_mode))
		return wrong("no such directory: ", vm.dir);
	vm.live.dir = vm.dir;
	vm.live.tty = isatty(STDERR_FILENO);
	c = run(&vm, argv + optind);
	json_decref(vm.json);
	return c;
}
