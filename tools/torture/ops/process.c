// SPDX-License-Identifier: GPL-2.0
/*
 * Short-lived processes: a copy of everything, taken in the middle, that execs,
 * dumps core, is traced, exits or is killed while its pages are on their way.
 * What the parent has must not notice.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ops.h"

int child_result(struct worker *w, int status, const char *what)
{
	if (!status && bust_answer(w, "died"))
		status = SIGKILL;
	if (status <= 0)
		return status;
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_NOTHING)
		return -EAGAIN;
	fail_add(w->sh, ORACLE_FORK, "fork: child died", "%s: status %#x", what, status);
	return -EUCLEAN;
}

static void exec_self(void)
{
	char * const argv[] = { "torture", "--help", NULL };
	int fd = open("/dev/null", O_WRONLY);

	dup2(fd, STDOUT_FILENO);
	execv("/proc/self/exe", argv);
}

/* A thread that keeps the pages of a block on their way, until the end of all. */
struct churn {
	struct worker *w;
	struct span s;
};

static void *churn_main(void *arg)
{
	const struct churn *c = arg;
	unsigned int i;

	for (i = 0; i < 64; i++)
		hmmt_migrate(&c->w->r->dev[0], page_addr(c->s.first), c->s.n * HMMT_PAGE_SIZE,
			     i & 1 ? HMMT_MIGRATE_TO_SYS : 0, NULL);
	return NULL;
}

enum ending { BY_EXIT, BY_EXEC, BY_KILL, NR_ENDINGS };

struct end_arg {
	struct span s;
	enum ending how;
};

/* The other thread is in the middle of a migration when this one ends it all. */
static int end_child(struct worker *w, void *arg)
{
	const struct end_arg *e = arg;
	struct churn c = { w, e->s };
	pthread_t thread;
	unsigned int n;

	if (hmmt_is_open(&w->r->dev[0]))
		pthread_create(&thread, NULL, churn_main, &c);
	for (n = hmmt_rng_below(&w->rng, 20000); n; n--)
		__builtin_ia32_pause();
	if (e->how == BY_EXEC)
		exec_self();
	else if (e->how == BY_KILL)
		kill(getpid(), SIGKILL);
	return 0;
}

static int end_in_migration(struct worker *w, enum ending how)
{
	struct end_arg e = { .s = pick_mapped_block(w), .how = how };
	int status;

	op_arg(w, (uint64_t)e.s.first << 32 | e.s.n);
	op_arg(w, 0);
	op_arg(w, how);
	status = child_run(w, end_child, &e);
	if (how == BY_KILL && status > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return 0;
	return child_result(w, status, "end in mid-migration");
}

static int exit_child(struct worker *w)
{
	return end_in_migration(w, hmmt_rng_chance(&w->rng, 1, 2) ? BY_EXIT : BY_KILL);
}

static int exec_child(struct worker *w)
{
	return end_in_migration(w, BY_EXEC);
}

/* The address space is borrowed, not copied, and given back by exec or exit. */
static int vfork_exec(struct worker *w)
{
	struct span s = pick_mapped_block(w);
	bool exec = hmmt_rng_chance(&w->rng, 1, 2);
	int status = 0;
	pid_t pid;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	ops_warm(w, page_addr(s.first), s.n * HMMT_PAGE_SIZE);
	step_begin(w, STEP_FORK, page_addr(s.first));
	pid = vfork();
	if (!pid) {
		char * const argv[] = { "torture", "--list", NULL };

		/* Neither of the two may return from here. */
		if (!exec)
			_exit(0);
		close(STDOUT_FILENO);	/* its own table of files */
		execv("/proc/self/exe", argv);
		_exit(1);
	}
	step_end(w);
	if (pid < 0)
		return -errno;
	tally(w->sh, TALLY_FORKS);
	if (waitpid(pid, &status, 0) == pid)
		tally(w->sh, TALLY_KIDS);
	return child_result(w, status, "vfork");
}

#define CHAIN_PAGES	HMMT_PMD_PAGES
#define MAX_CHAIN	6

struct chain {
	char *at;
	uint64_t key;
	unsigned int depth;
};

/* Each generation checks what it was given, moves it about, and has a child. */
static int chain_child(struct worker *w, void *arg)
{
	struct chain *c = arg;
	unsigned int first = hmmt_rng_below(&w->rng, CHAIN_PAGES), n;
	int status = 0, ret;

	n = hmmt_rng_between(&w->rng, 1, CHAIN_PAGES - first);
	if (atomic_load(&w->sh->stop))
		return 0;
	ops_warm(w, (unsigned long)c->at, HMMT_PMD_SIZE);
	ret = lane_check(w, c->at + first * HMMT_PAGE_SIZE, first, n, c->key, VIA_CPU,
			 "fork chain");
	if (ret == -EUCLEAN)
		return 1;
	if (c->depth) {
		c->depth--;
		if (hmmt_rng_chance(&w->rng, 1, 2)) {	/* copied now, or by the child */
			ret = lane_fill(w, c->at, CHAIN_PAGES / 4, c->key);
			if (ret && !err_transient(ret))
				return 0;
		}
		status = child_run(w, chain_child, c);
	}
	if (status > 0)
		return 1;
	ret = lane_check(w, c->at + first * HMMT_PAGE_SIZE, first, n, c->key, VIA_CPU,
			 "fork chain, after the child");
	return ret == -EUCLEAN;
}

static int fork_chain(struct worker *w)
{
	struct chain c = { .key = lane_key(w), .depth = hmmt_rng_between(&w->rng, 2, MAX_CHAIN) };
	int ret = -ENOMEM;

	op_arg(w, 0);
	op_arg(w, 0);
	op_arg(w, c.depth);
	c.at = lane_map(w, 0, CHAIN_PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (c.at) {
		madvise(c.at, HMMT_PMD_SIZE, MADV_HUGEPAGE);
		ret = lane_fill(w, c.at, CHAIN_PAGES, c.key);
	}
	if (!ret) {
		ops_warm(w, (unsigned long)c.at, HMMT_PMD_SIZE);
		ret = child_result(w, child_run(w, chain_child, &c), "fork chain");
	}
	if (!ret)
		ret = lane_check(w, c.at, 0, CHAIN_PAGES, c.key, VIA_CPU, "fork chain, the first");
	lane_clear(w);
	return ret;
}

/* All but one block goes: a dump of the arena would take longer than a round. */
static void *only_block(struct worker *w, uint64_t key)
{
	void *p;

	munmap((void *)ARENA_BASE, page_addr(w->m->nr_pages) - ARENA_BASE);
	p = lane_map(w, 0, HMMT_PMD_PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (!p)
		return NULL;
	madvise(p, HMMT_PMD_SIZE, MADV_HUGEPAGE);
	return lane_fill(w, p, HMMT_PMD_PAGES, key) ? NULL : p;
}

static int core_child(struct worker *w, void *arg)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	void *p = only_block(w, *(uint64_t *)arg);

	setrlimit(RLIMIT_CORE, &unlimited);
	prctl(PR_SET_DUMPABLE, 1);
	/* anonymous private memory, and nothing else */
	hmmt_write_file("/proc/self/coredump_filter", "1");
	if (!p)
		return 0;
	ops_warm(w, (unsigned long)p, HMMT_PMD_SIZE);
	if (hmmt_is_open(&w->r->dev[0]))
		hmmt_migrate(&w->r->dev[0], (unsigned long)p, HMMT_PMD_SIZE, 0, NULL);
	signal(SIGABRT, SIG_DFL);
	kill(getpid(), SIGABRT);
	for (;;)
		pause();
}

/* Where the file has the memory at @addr, or -1. */
static off_t core_offset(int fd, unsigned long addr)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	unsigned int i;

	if (pread(fd, &eh, sizeof(eh), 0) != sizeof(eh) || memcmp(eh.e_ident, ELFMAG, SELFMAG))
		return -1;
	for (i = 0; i < eh.e_phnum; i++) {
		if (pread(fd, &ph, sizeof(ph), eh.e_phoff + i * sizeof(ph)) != sizeof(ph))
			return -1;
		if (ph.p_type == PT_LOAD && addr >= ph.p_vaddr && addr < ph.p_vaddr + ph.p_filesz)
			return ph.p_offset + (addr - ph.p_vaddr);
	}
	return -1;
}

/* What the kernel wrote into the dump of device pages is what was in them. */
static int check_core(struct worker *w, const char *path, uint64_t key)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret = 0;
	unsigned int page;
	uint64_t val;
	off_t off;

	if (fd < 0)
		return -EAGAIN;
	off = core_offset(fd, w->lane);
	for (page = 0; page < HMMT_PMD_PAGES && off >= 0 && !ret; page++) {
		if (pread(fd, &val, sizeof(val), off + page * HMMT_PAGE_SIZE + 8) != sizeof(val))
			break;
		atomic_fetch_add_explicit(&w->sh->checked[ORACLE_SLOT], 1, memory_order_relaxed);
		val ^= bust_answer(w, "word");
		if (val == lane_word(w, key, page))
			continue;
		fail_add(w->sh, ORACLE_SLOT, "wrong slot: core dump",
			 "page %u: %#llx, expected %#llx", page, (unsigned long long)val,
			 (unsigned long long)lane_word(w, key, page));
		ret = -EUCLEAN;
	}
	close(fd);
	return off < 0 ? -EAGAIN : ret;
}

static int coredump(struct worker *w)
{
	uint64_t key = lane_key(w);
	char path[64];
	int status, ret;

	status = child_run(w, core_child, &key);
	if (status < 0)
		return status;
	/* core_pattern has the name of the thread that forked, see guest.c */
	snprintf(path, sizeof(path), "/tmp/core.torture-%u", w->idx);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		return status ? child_result(w, status, "core dump") : -ENOMEM;
	ret = check_core(w, path, key);
	unlink(path);
	return ret;
}

/* A tracer's words, in and out of a stopped process whose pages are in a device. */
static int trace_child(struct worker *w, void *arg)
{
	uint64_t key = *(uint64_t *)arg, val;
	void *p = only_block(w, key);
	unsigned int page, i;
	unsigned long addr;
	int status, bad = 0;
	pid_t pid;

	if (!p)
		return 0;
	pid = fork();
	if (pid < 0)
		return 0;
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		child_reopen(w);
		if (hmmt_is_open(&w->r->dev[0]))
			hmmt_migrate(&w->r->dev[0], (unsigned long)p, HMMT_PMD_SIZE, 0, NULL);
		raise(SIGSTOP);
		/* what the tracer wrote is in its memory now */
		_exit(lane_check(w, p, 0, HMMT_PMD_PAGES, key, VIA_CPU, "traced") == -EUCLEAN);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return 1;
	for (i = 0; i < 16 && !bad; i++) {
		page = hmmt_rng_below(&w->rng, HMMT_PMD_PAGES);
		addr = (unsigned long)p + page * HMMT_PAGE_SIZE + 8;
		errno = 0;
		val = ptrace(PTRACE_PEEKDATA, pid, addr, NULL);
		if (errno)
			break;
		atomic_fetch_add(&w->sh->checked[ORACLE_SLOT], 1);
		val ^= bust_answer(w, "word");
		bad = val != lane_word(w, key, page);
		if (bad)
			fail_add(w->sh, ORACLE_SLOT, "wrong slot: read by ptrace",
				 "page %u: %#llx, expected %#llx", page, (unsigned long long)val,
				 (unsigned long long)lane_word(w, key, page));
		/* the word before it is nobody's */
		ptrace(PTRACE_POKEDATA, pid, addr - 8, val);
	}
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	waitpid(pid, &status, 0);
	return bad || status;
}

static int trace(struct worker *w)
{
	uint64_t key = lane_key(w);

	return child_result(w, child_run(w, trace_child, &key), "ptrace");
}

const struct op ops_process[] = {
	{ "exit_child", "a child exits or is killed in mid-migration", 0, OP_PROCESS, 1,
	  exit_child },
	{ "exec_child", "... execs", 0, OP_PROCESS, 1, exec_child },
	{ "vfork", "vfork, then exec or exit", 0, OP_PROCESS, 1, vfork_exec },
	{ "fork_chain", "generations that share one THP", 0, OP_PROCESS, 1, fork_chain },
	{ "coredump", "a child dumps core, which is read", NEED_GUEST | NEED_CORE, OP_PROCESS, 1,
	  coredump },
	{ "ptrace", "a tracer reads and writes a child", 0, OP_PROCESS, 1, trace },
	OP_TABLE_END
};
