// SPDX-License-Identifier: GPL-2.0
/*
 * hmm-ends: a process ends, or forks, or closes the device, in the middle of a
 * migration. HMMT_TUNE holds the migration at a point; a second thread sees that
 * in the counters and does the rest. Afterwards nothing may be left, and the
 * counters must say that it was met there.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"
#include "module.h"
#include "ring.h"

#define PAGES		HMMT_PMD_PAGES
#define SOME		16UL
#define HOLD_MS		60	/* doubled until the end comes in time */
#define HOLD_OOM_MS	3400	/* the OOM reaper comes 2 s behind the kill */
#define TRIES		6
#define DIE_MS		30000
#define CORE		"/tmp/core"
#define CGROUP		"/sys/fs/cgroup/hmm-ends"

/* --- what is migrated -------------------------------------------------------- */

static int by_command(unsigned long nr, unsigned int flags)
{
	return hmmt_migrate(&dev0, (uintptr_t)area, nr * HMMT_PAGE_SIZE, flags, NULL);
}

static int to_dev_thp(void)
{
	return by_command(PAGES, 0);
}

static int to_dev_base(void)
{
	return by_command(SOME, 0);
}

static int to_sys_thp(void)
{
	return by_command(PAGES, HMMT_MIGRATE_TO_SYS);
}

static int to_sys_base(void)
{
	return by_command(SOME, HMMT_MIGRATE_TO_SYS);
}

static int cpu_fault(void)
{
	return *(volatile uint64_t *)word(3) == value(3) ? 0 : -EIO;
}

static int by_ring(void)
{
	struct hmmt_migrate m = { .addr = (uintptr_t)area, .len = HMMT_PMD_SIZE };
	struct io_uring ring;
	int res, ret;

	ret = io_uring_queue_init(4, &ring, 0);
	if (ret)
		return ret;
	ring_prep(&ring, &dev0, HMMT_MIGRATE, &m, 0);
	io_uring_submit(&ring);
	ret = ring_wait(&ring, 1, &res);
	io_uring_queue_exit(&ring);
	return ret ?: res;
}

/* What stock kernels get wrong, by the name of the finding: these rows go apart */
#define ZAP_MIGRATION	(1U << 0)	/* the OOM reaper zaps a device THP under migration */
#define COREDUMP_HOLE	(1U << 1)	/* a device THP is a hole in the dump */
#define EMPTY		(1U << 2)	/* no finding: nothing is mapped, before */

static const struct kind {
	const char	*name;
	bool		thp;
	unsigned long	in_device;	/* pages, before */
	int		(*run)(void);
	unsigned int	flags;
} kinds[] = {
	{ "THP to device", true, 0, to_dev_thp, COREDUMP_HOLE },
	{ "base pages to device", false, 0, to_dev_base, 0 },
	{ "THP to system", true, PAGES, to_sys_thp, ZAP_MIGRATION },
	{ "base pages to system", false, SOME, to_sys_base, 0 },
	{ "CPU fault of a THP", true, PAGES, cpu_fault, ZAP_MIGRATION },
	{ "CPU fault of a base page", false, SOME, cpu_fault, 0 },
	{ "io_uring THP to device", true, 0, by_ring, COREDUMP_HOLE },
	{ "PMD hole to device", true, 0, to_dev_thp, EMPTY },
};

#define NR_KINDS	(sizeof(kinds) / sizeof(kinds[0]))

static const char * const points[] = { "", "collected", "copied", "moved" };

/* --- how it ends --------------------------------------------------------------- */

static void end_sigkill(void)
{
	kill(getpid(), SIGKILL);
}

static void end_exit(void)
{
	_exit(0);
}

static void end_exec(void)
{
	execl("/proc/self/exe", "hmm-ends", "--nothing", (char *)NULL);
	_exit(1);
}

static void end_coredump(void)
{
	abort();
}

/* More than the group may have; mapped before, since the migration has the mmap lock */
#define HOG_SIZE	(256UL << 20)
#define HOG_BEFORE	(12UL << 20)
#define HOG_LIMIT	"24M"
static char *hog;

static void end_oom(void)
{
	memset(hog, 1, HOG_SIZE);
	_exit(1);
}

/* The same without a group: there is little left for all, and it is the one to go */
#define BALLAST_LEFT	(96UL << 20)

static void end_oom_global(void)
{
	if (!hmmt_write_file("/proc/self/oom_score_adj", "1000"))
		memset(hog, 1, HOG_SIZE);
	_exit(1);
}

/* Takes the guest's memory but for BALLAST_LEFT; NULL: it could not */
static char *ballast_take(size_t *size)
{
	uint64_t kb = 0;
	char *p;

	hmmt_file_field("/proc/meminfo", "MemAvailable", &kb);
	if (kb << 10 <= BALLAST_LEFT)
		return NULL;
	*size = ((kb << 10) - BALLAST_LEFT) & ~(HMMT_PMD_SIZE - 1);
	p = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	madvise(p, *size, MADV_HUGEPAGE);
	/* the victims are not to have it as well */
	madvise(p, *size, MADV_DONTFORK);
	memset(p, 1, *size);
	return p;
}

static bool holes;		/* of the victim: its pages are empty */

static uint64_t content(unsigned long page)
{
	return holes ? 0 : value(page);
}

static bool all_there(void)
{
	unsigned long i;

	for (i = 0; i < PAGES; i++)
		WANT(*word(i) == content(i), "page %lu holds %#llx", i,
		     (unsigned long long)*word(i));
	return true;
}

/* It waits for the mmap lock; the child has what the parent has */
static void end_fork(void)
{
	int status = 1;
	pid_t pid = fork();

	if (!pid)
		_exit(!all_there());
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		_exit(1);
}

/* The command holds the file */
static void end_close(void)
{
	close(dev0.fd);
}

static const struct end {
	const char	*name;
	void		(*act)(void);
	unsigned int	hold_ms;
	bool		dies;		/* it is a fatal signal to the other threads */
	int		sig;		/* that ends the process */
	unsigned int	findings;	/* of the kinds that go apart */
	const char	*page;		/* of docs/findings */
} ends[] = {
	{ "sigkill", end_sigkill, HOLD_MS, true, SIGKILL, 0, NULL },
	{ "exit", end_exit, HOLD_MS, true, 0, 0, NULL },
	{ "exec", end_exec, HOLD_MS, true, 0, 0, NULL },
	{ "coredump", end_coredump, HOLD_MS, true, SIGABRT, COREDUMP_HOLE, "coredump-hole" },
	{ "oom", end_oom, HOLD_OOM_MS, true, SIGKILL, ZAP_MIGRATION, "zap-migration" },
	{ "fork", end_fork, HOLD_MS, false, 0, 0, NULL },
	{ "close", end_close, HOLD_MS, false, 0, 0, NULL },
	{ "oom_global", end_oom_global, HOLD_OOM_MS, true, SIGKILL, ZAP_MIGRATION,
	  "zap-migration" },
};

#define NR_ENDS		(sizeof(ends) / sizeof(ends[0]))

/* --- the process that ends ------------------------------------------------------- */

struct victim {
	const struct kind *kind;
	const struct end *end;
	unsigned int	point;
	unsigned int	ms;
	struct hmmt_dev	watch;		/* the parent's: its counters are those of the device */
	uint64_t	held;
};

static void *end_thread(void *arg)
{
	struct victim *v = arg;
	struct hmmt_stats st;

	do {
		sleep_ms(1);
		if (hmmt_stats(&v->watch, &st))
			_exit(1);
	} while (st.held == v->held);
	if (busted("late"))
		sleep_ms(2 * v->ms);
	v->end->act();
	return NULL;
}

static void join_group(void)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", getpid());
	if (hmmt_write_file(CGROUP "/cgroup.procs", text))
		_exit(1);
}

static void be_victim(struct victim *v)
{
	struct rlimit core = { RLIM_INFINITY, RLIM_INFINITY };
	pthread_t id;
	int ret;

	setrlimit(RLIMIT_CORE, &core);
	if (v->end->act == end_oom)
		join_group();
	hog = mmap(NULL, HOG_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	v->watch = dev0;
	if (v->end->act == end_oom && hog != MAP_FAILED)
		memset(hog, 1, HOG_BEFORE);
	if (hog == MAP_FAILED || hmmt_open(&dev0, 0) || !fill(1, v->kind->thp) ||
	    (holes && madvise(area, HMMT_PMD_SIZE, MADV_DONTNEED)) ||
	    (v->kind->in_device && by_command(v->kind->in_device, 0)) ||
	    hmmt_hold(&dev0, v->point, v->ms) || pthread_create(&id, NULL, end_thread, v))
		_exit(1);
	ret = v->kind->run();
	pthread_join(id, NULL);
	/* whoever is still there has all that it had */
	_exit(ret || !all_there());
}

/* --- what is left -------------------------------------------------------------- */

static bool ended(pid_t pid, int *status)
{
	struct pollfd pfd = { .events = POLLIN };
	int n;

	WANT(pid > 0, "fork: %s", strerror(errno));
	pfd.fd = syscall(SYS_pidfd_open, pid, 0);
	n = poll(&pfd, 1, DIE_MS);
	close(pfd.fd);
	WANT(n == 1, "does not end in %d s", DIE_MS / 1000);
	return reaped(pid, status);
}

/* All of it comes back, though some may come with a worker of the kernel */
static bool nothing_left(const struct hmmt_stats *before)
{
	struct hmmt_stats st;
	struct hmmt_check c;
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		WANT(!hmmt_stats(&dev0, &st), "stats");
		if (st.pages_used == before->pages_used && st.mirrors == before->mirrors)
			break;
		sleep_ms(10);
	}
	WANT(st.pages_used == before->pages_used && st.mirrors == before->mirrors,
	     "%llu pages and %llu files are left", st.pages_used - before->pages_used,
	     st.mirrors - before->mirrors);
	WANT(!hmmt_check(&dev0, HMMT_CHECK_QUIET, &c) && !c.check, "%s", hmmt_check_name(c.check));
	return true;
}

/* The dump has what was in memory and in the device */
static bool core_ok(void)
{
	static Elf64_Phdr phdr[256];
	unsigned long i, p, a = (uintptr_t)area;
	int fd = open(CORE, O_RDONLY | O_CLOEXEC);
	uint64_t v = 0;
	Elf64_Ehdr ehdr;

	WANT(fd >= 0, "%s: %s", CORE, strerror(errno));
	WANT(read(fd, &ehdr, sizeof(ehdr)) == sizeof(ehdr) && ehdr.e_phnum <= 256 &&
	     pread(fd, phdr, ehdr.e_phnum * sizeof(*phdr), ehdr.e_phoff) > 0, "headers");
	for (i = 0; i < ehdr.e_phnum; i++)
		if (phdr[i].p_type == PT_LOAD && phdr[i].p_vaddr <= a &&
		    a + HMMT_PMD_SIZE <= phdr[i].p_vaddr + phdr[i].p_filesz)
			break;
	WANT(i < ehdr.e_phnum, "the area is not in the dump");
	for (p = 0; p < PAGES; p++) {
		unsigned long at = (uintptr_t)word(p) - phdr[i].p_vaddr + phdr[i].p_offset;

		WANT(pread(fd, &v, sizeof(v), at) == sizeof(v) &&
		     v == content(p) + busted("data"), "page %lu holds %#llx in the dump", p,
		     (unsigned long long)v);
	}
	close(fd);
	unlink(CORE);
	return true;
}

static uint64_t oom_kills(const struct end *end)
{
	uint64_t n = 0;

	if (end->act == end_oom)
		hmmt_file_field(CGROUP "/memory.events", "oom_kill", &n);
	else if (end->act == end_oom_global)
		hmmt_file_field("/proc/vmstat", "oom_kill", &n);
	return n;
}

/* @met: the end came while the migration was held */
static bool end_once(struct victim *v, bool *met)
{
	const struct end *end = v->end;
	struct hmmt_stats before, after;
	uint64_t kills = oom_kills(end);
	struct hmmt_dev left;
	int status = 0;
	pid_t pid;

	WANT(!hmmt_stats(&dev0, &before), "stats");
	v->held = before.held;
	pid = fork();
	if (!pid)
		be_victim(v);
	TRY(ended(pid, &status));
	/* as if the process had not really gone */
	if (busted("left"))
		WANT(!hmmt_open(&left, 0), "open");
	TRY(nothing_left(&before));
	WANT(!hmmt_stats(&dev0, &after), "stats");
	WANT(after.held == before.held + 1, "held %llu times", after.held - before.held);
	*met = !end->dies || after.held_killed == before.held_killed + 1;
	if (!*met)
		return true;
	WANT(end->sig ? WIFSIGNALED(status) && WTERMSIG(status) == end->sig : !status,
	     "status %#x", status);
	if (end->act == end_oom || end->act == end_oom_global)
		WANT(oom_kills(end) == kills + 1, "%llu OOM kills",
		     (unsigned long long)(oom_kills(end) - kills));
	return end->act != end_coredump || core_ok();
}

static bool end_at(struct victim *v)
{
	bool met = false;
	unsigned int i;

	v->ms = v->end->hold_ms;
	for (i = 0; i < TRIES && !met; i++) {
		TRY(end_once(v, &met));
		if (v->ms * 2 <= 10000)
			v->ms *= 2;
	}
	WANT(met, "the end never met the migration");
	return true;
}

static bool each_point;	/* --each-point: also where it takes seconds */

/* Where memory is exhausted at one point each, or with --each-point in the group at all */
static bool skip_point(const struct end *end, unsigned int kind, unsigned int point)
{
	if (end->act != end_oom_global && (end->act != end_oom || each_point))
		return false;
	return point != HMMT_HOLD_COLLECTED + kind % 3;
}

/* Each kind at each point; @known: those that the kernel gets wrong */
static bool all_kinds(const struct end *end, bool known)
{
	struct victim v = { .end = end };
	unsigned int i;

	for (i = 0; i < NR_KINDS; i++) {
		if (!(kinds[i].flags & end->findings) == known)
			continue;
		v.kind = &kinds[i];
		holes = v.kind->flags & EMPTY;
		for (v.point = HMMT_HOLD_COLLECTED; v.point <= HMMT_HOLD_MOVED; v.point++) {
			char text[sizeof(why)];

			if (skip_point(end, i, v.point))
				continue;
			if (end_at(&v))
				continue;
			memcpy(text, why, sizeof(text));
			explain(v.kind->name, "%s: %s", points[v.point], text);
			return false;
		}
	}
	return true;
}

static bool all_kinds_in_need(const struct end *end, bool known)
{
	size_t size = 0;
	char *ballast = NULL;
	bool ok;

	if (end->act == end_oom_global) {
		ballast = ballast_take(&size);
		WANT(ballast, "the memory could not be taken");
		oom_planned = true;
	}
	ok = all_kinds(end, known);
	if (ballast)
		munmap(ballast, size);
	return ok;
}

static bool at_each_point(void)
{
	return all_kinds_in_need(&ends[running_test], false);
}

static bool known_too;	/* --known: also what the kernel is known to get wrong */

static bool known_at_each_point(const struct end *end)
{
	static char text[128];

	if (!known_too) {
		snprintf(text, sizeof(text), "the kernel gets it wrong: docs/findings/%s.md",
			 end->page);
		skip = text;
		return false;
	}
	return all_kinds_in_need(end, true);
}

static bool coredump_known(void)
{
	return known_at_each_point(&ends[3]);
}

static bool oom_known(void)
{
	return known_at_each_point(&ends[4]);
}

static bool oom_global_known(void)
{
	return known_at_each_point(&ends[7]);
}

/* --- what waits for the user ------------------------------------------------------- */

/* A page that nobody will ever fill in; the descriptor, or -1 */
static int uffd_page(char **page)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	/* poll() of a descriptor that may block says POLLERR, at once */
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	*page = mmap(NULL, HMMT_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	reg.range.start = (uintptr_t)*page;
	reg.range.len = HMMT_PAGE_SIZE;
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg))
		return -1;
	return fd;
}

/* Somebody waits for the page */
static bool uffd_waited_for(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, DIE_MS) == 1 && pfd.revents == POLLIN;
}

/* The end of a process that has a command in flight whose buffer is such a page */
static void ring_waits(bool exits)
{
	struct hmmt_access acc = { .addr = (uintptr_t)area, .len = HMMT_PAGE_SIZE };
	struct io_uring ring;
	char *page;
	int fd;

	fd = uffd_page(&page);
	acc.ptr = (uintptr_t)page;
	if (fd < 0 || hmmt_open(&dev0, 0) || !fill(1, false) || io_uring_queue_init(4, &ring, 0))
		_exit(1);
	ring_prep(&ring, &dev0, HMMT_ACCESS, &acc, 0);
	io_uring_submit(&ring);
	if (!uffd_waited_for(fd))
		_exit(1);
	if (exits)
		_exit(0);
	kill(getpid(), SIGKILL);
}

static bool ring_buffer_never_comes(void)
{
	struct hmmt_stats before;
	unsigned int i;
	int status;
	pid_t pid;

	WANT(!hmmt_stats(&dev0, &before), "stats");
	for (i = 0; i < 2; i++) {
		pid = fork();
		if (!pid)
			ring_waits(i);
		TRY(ended(pid, &status));
		WANT(status == (i ? 0 : SIGKILL), "status %#x", status);
		TRY(nothing_left(&before));
	}
	return true;
}

static void *pin_thread(void *arg)
{
	hmmt_pin(&dev0, (uintptr_t)arg, HMMT_PAGE_SIZE, HMMT_PIN_WRITE, NULL);
	return NULL;
}

/* State D of /proc/PID/stat: it waits for what only its end can cut short */
static bool sleeps_killably(pid_t pid)
{
	char path[32], text[256];
	const char *at = NULL;
	unsigned int i;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (i = 0; i < DIE_MS / 10 && (!at || strncmp(at, ") D", 3)); i++) {
		sleep_ms(10);
		at = hmmt_read_file(path, text, sizeof(text)) > 0 ? strrchr(text, ')') : NULL;
		WANT(at && strncmp(at, ") Z", 3), "it has not waited");
	}
	WANT(i < DIE_MS / 10, "it does not wait");
	return true;
}

/* One pin waits for the user, another one of the same file for the first */
static bool pin_behind_pin(void)
{
	int fd, fds[2], status;
	pthread_t id;
	pid_t pid;
	char *page, c;

	fd = uffd_page(&page);
	WANT(fd >= 0 && !pipe(fds), "userfaultfd: %s", strerror(errno));
	WANT(!pthread_create(&id, NULL, pin_thread, page), "thread");
	WANT(uffd_waited_for(fd), "nobody waits for the page");
	pid = fork();
	if (!pid) {
		if (write(fds[1], "", 1) == 1)
			hmmt_pin(&dev0, (uintptr_t)area, HMMT_PAGE_SIZE, 0, NULL);
		_exit(0);
	}
	WANT(pid > 0, "fork: %s", strerror(errno));
	WANT(read(fds[0], &c, 1) == 1, "child");
	TRY(sleeps_killably(pid));
	kill(pid, SIGKILL);
	TRY(ended(pid, &status));
	WANT(status == SIGKILL, "status %#x: it has not waited", status);
	return true;
}

int main(int argc, char **argv)
{
	struct test tests[NR_ENDS + 5];
	unsigned int i;

	if (argc == 2 && !strcmp(argv[1], "--nothing"))
		return 0;
	known_too = argc == 2 && !strcmp(argv[1], "--known");
	each_point = argc == 2 && !strcmp(argv[1], "--each-point");
	if (!known_too && !each_point)
		parse_options(argc, argv);
	hmmt_write_file("/proc/sys/kernel/core_pattern", CORE);
	hmmt_write_file("/proc/sys/kernel/core_uses_pid", "0");
	hmmt_write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	mkdir(CGROUP, 0755);
	if (hmmt_write_file(CGROUP "/memory.max", HOG_LIMIT))
		printf("# no memory cgroup\n");
	for (i = 0; i < NR_ENDS; i++)
		tests[i] = (struct test) { ends[i].name, at_each_point };
	tests[i++] = (struct test) { "coredump_known", coredump_known };
	tests[i++] = (struct test) { "oom_known", oom_known };
	tests[i++] = (struct test) { "oom_global_known", oom_global_known };
	tests[i++] = (struct test) { "ring_buffer_never_comes", ring_buffer_never_comes };
	tests[i++] = (struct test) { "pin_behind_pin", pin_behind_pin };
	return run_tests("hmm-ends", tests, i);
}
