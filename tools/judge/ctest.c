// SPDX-License-Identifier: GPL-2.0
/*
 * The calls of a traced program as a C test for the tree's hmm-tests: a TEST_F of
 * the fixture hmm that needs nothing of ours, neither driver nor library.
 *
 * Values get names that a reader can follow: each run of stores counts from a
 * round number of its own. What a load must give is what the model said.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/hmmt.h"
#include "reader.h"
#include "tools/torture/model.h"

#define RUNNING		INT64_MIN
#define NO_WORKER	UINT32_MAX

struct value {
	uint64_t was, is;
};

struct ctest {
	FILE *out;
	const struct hmmt_journal_record *rec;
	size_t n;
	bool checked;		/* the order is that of the run: loads have a value */
	struct value *value;
	size_t nr_values;
	unsigned int runs;	/* of stores so far */
	unsigned int depth;	/* of children */
};

static void line(struct ctest *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void line(struct ctest *t, const char *fmt, ...)
{
	unsigned int i;
	va_list ap;

	for (i = 0; i <= t->depth; i++)
		fputc('\t', t->out);
	va_start(ap, fmt);
	vfprintf(t->out, fmt, ap);
	va_end(ap);
	fputc('\n', t->out);
}

/* An address as the test says it */
static const char *at(uint64_t addr, char *buf, size_t size)
{
	if (addr >= ARENA_BASE)
		snprintf(buf, size, "B + %#llx", (unsigned long long)(addr - ARENA_BASE));
	else
		snprintf(buf, size, "%#llxUL", (unsigned long long)addr);
	return buf;
}

static enum hmmt_trace kind(const struct hmmt_journal_record *r)
{
	return r->op >= HMMT_JOURNAL_TRACE && r->op < HMMT_JOURNAL_TRACE + HMMT_NR_TRACES ?
		r->op - HMMT_JOURNAL_TRACE : HMMT_NR_TRACES;
}

/* The next record of the same thread, or n. */
static size_t next_of(const struct ctest *t, size_t i)
{
	const struct hmmt_journal_record *r = &t->rec[i];

	for (i++; i < t->n; i++)
		if (t->rec[i].pid == r->pid && t->rec[i].worker == r->worker)
			break;
	return i;
}

struct expected {
	bool allowed, refused, value;
	uint64_t val;
};

/* What is said of the access at @i; returns what comes behind that. */
static size_t expected_of(const struct ctest *t, size_t i, struct expected *e)
{
	*e = (struct expected){ 0 };
	for (i = next_of(t, i); i < t->n && kind(&t->rec[i]) == HMMT_TRACE_EXPECT;
	     i = next_of(t, i)) {
		const struct hmmt_journal_record *r = &t->rec[i];

		e->allowed |= t->checked && r->arg[2] == 1;
		e->refused |= t->checked && r->arg[2] == 2;
		e->value |= t->checked && !r->arg[2] && r->arg[0] == r->arg[1];
		e->val = r->arg[0];
	}
	return i;
}

static void remember(struct ctest *t, uint64_t was, uint64_t is)
{
	if (t->nr_values % 1024 == 0) {
		t->value = realloc(t->value, (t->nr_values + 1024) * sizeof(*t->value));
		if (!t->value)
			exit(HMMT_EXIT_NONE);
	}
	t->value[t->nr_values++] = (struct value){ was, is };
}

static uint64_t named(const struct ctest *t, uint64_t was)
{
	size_t i;

	for (i = t->nr_values; was && i-- > 0;)
		if (t->value[i].was == was)
			return t->value[i].is;
	return was;
}

/* The first value of the next run of stores */
static uint64_t new_run(struct ctest *t)
{
	t->runs++;
	return (uint64_t)t->runs << 16;
}

/* Stores into a row of pages are one line; returns the last of them. */
static size_t emit_stores(struct ctest *t, size_t i)
{
	const struct hmmt_journal_record *r = &t->rec[i];
	uint64_t base = new_run(t);
	size_t last = i, j, n = 0;
	struct expected e, other;
	char a[40];

	expected_of(t, i, &e);
	for (j = i; j < t->n; j = expected_of(t, j, &other)) {
		const struct hmmt_journal_record *s = &t->rec[j];

		if (kind(s) != HMMT_TRACE_STORE || s->arg[0] != r->arg[0] + n * HMMT_PAGE_SIZE ||
		    s->ret != r->ret)
			break;
		remember(t, s->arg[1], base + n++);
		last = j;
	}
	if (e.allowed || e.refused)
		line(t, "HMMT_CHECK(hmmt_store(%s, %zu, %#llx) == %s);",
		     at(r->arg[0], a, sizeof(a)), n, (unsigned long long)base,
		     e.allowed ? "0" : "-EFAULT");
	else
		line(t, "hmmt_store(%s, %zu, %#llx);", at(r->arg[0], a, sizeof(a)), n,
		     (unsigned long long)base);
	return last;
}

static void emit_load(struct ctest *t, size_t i, const char *call)
{
	struct expected e;

	expected_of(t, i, &e);
	if (e.refused)
		line(t, "HMMT_CHECK(%s == -EFAULT);", call);
	else if (e.value)
		line(t, "HMMT_CHECK(!%s && val == %#llx);", call,
		     (unsigned long long)named(t, e.val));
	else if (e.allowed)
		line(t, "HMMT_CHECK(!%s);", call);
	else
		line(t, "%s;", call);
}

static void emit_access(struct ctest *t, size_t i)
{
	const struct hmmt_journal_record *r = &t->rec[i];
	unsigned int dev = r->arg[3];
	struct expected e;
	char call[120], a[40];

	at(r->arg[0], a, sizeof(a));
	if (!(r->arg[2] & HMMT_ACCESS_WRITE)) {
		snprintf(call, sizeof(call), "hmmt_dev_load(%u, %s, &val)", dev, a);
		emit_load(t, i, call);
		return;
	}
	expected_of(t, i, &e);
	remember(t, r->arg[1], new_run(t));
	snprintf(call, sizeof(call), "hmmt_dev_store(%u, %s, %#x)", dev, a, t->runs << 16);
	if (e.allowed)
		line(t, "HMMT_CHECK(!%s);", call);
	else
		line(t, "%s;", call);
}

static void emit_migrate(struct ctest *t, const struct hmmt_journal_record *r)
{
	unsigned int rest = r->arg[2] & ~HMMT_MIGRATE_TO_SYS;
	char a[40];

	if (rest)
		line(t, "/* with flags %#x, which the stock driver does not have */", rest);
	line(t, "hmmt_dev(%u, HMM_DMIRROR_MIGRATE_TO_%s, %s, %#llx);", (unsigned int)r->arg[3],
	     r->arg[2] & HMMT_MIGRATE_TO_SYS ? "SYS" : "DEV", at(r->arg[0], a, sizeof(a)),
	     (unsigned long long)r->arg[1]);
}

static const char *madvise_name(uint64_t advice, char *buf, size_t size)
{
	switch (advice) {
	case MADV_HUGEPAGE:
		return "MADV_HUGEPAGE";
	case MADV_NOHUGEPAGE:
		return "MADV_NOHUGEPAGE";
	case MADV_DONTNEED:
		return "MADV_DONTNEED";
	default:
		snprintf(buf, size, "%llu", (unsigned long long)advice);
		return buf;
	}
}

static const char *mremap_name(uint64_t flags, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s%s%s", flags ? "" : "0",
		 flags & MREMAP_MAYMOVE ? "MREMAP_MAYMOVE" : "",
		 flags & MREMAP_FIXED ? " | MREMAP_FIXED" : "", flags & 4 ? " | MREMAP_DONTUNMAP" : "");
	return buf;
}

static const char *prot_name(uint64_t prot)
{
	return prot & PROT_WRITE ? "PROT_READ | PROT_WRITE" : prot & PROT_READ ? "PROT_READ" :
		"PROT_NONE";
}

/* What gave an address then has to give one again. */
static void emit_mapping(struct ctest *t, const struct hmmt_journal_record *r, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void emit_mapping(struct ctest *t, const struct hmmt_journal_record *r, const char *fmt, ...)
{
	char call[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(call, sizeof(call), fmt, ap);
	va_end(ap);
	if (r->ret < 0)
		line(t, "%s;", call);
	else
		line(t, "HMMT_CHECK(%s != MAP_FAILED);", call);
}

static void emit_process(struct ctest *t, uint32_t pid, uint32_t worker, size_t from, size_t to);

static void emit_fork(struct ctest *t, size_t i)
{
	uint32_t pid = t->rec[i].ret > 0 ? t->rec[i].ret : 0;

	line(t, "p%u = fork();", pid);
	line(t, "if (!p%u) {", pid);
	t->depth++;
	line(t, "hmmt_bad = 0;");
	line(t, "hmmt_open_devices();");
	if (pid)
		emit_process(t, pid, NO_WORKER, i, t->n);
	line(t, "_exit(hmmt_bad);");
	t->depth--;
	line(t, "}");
}

/* The statements of record @i; returns the last record that went into them. */
static size_t emit(struct ctest *t, size_t i)
{
	const struct hmmt_journal_record *r = &t->rec[i];
	unsigned long long len = r->arg[1];
	char a[40], b[40], c[80], call[160];

	if (r->ret == RUNNING && kind(r) != HMMT_NR_TRACES)
		line(t, "/* the run did not come back from this */");
	at(r->arg[0], a, sizeof(a));
	call[0] = '\0';
	switch (kind(r)) {
	case HMMT_TRACE_STORE:
		return emit_stores(t, i);
	case HMMT_TRACE_LOAD:
		snprintf(call, sizeof(call), "hmmt_load(%s, &val)", a);
		emit_load(t, i, call);
		return i;
	case HMMT_TRACE_ACCESS:
		emit_access(t, i);
		return i;
	case HMMT_TRACE_MMAP:
		if (r->arg[3] != (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED))
			line(t, "/* in the run its flags were %#llx */",
			     (unsigned long long)r->arg[3]);
		emit_mapping(t, r,
			     "mmap((void *)(%s), %#llx, %s, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)",
			     a, len, prot_name(r->arg[2]));
		return i;
	case HMMT_TRACE_MUNMAP:
		snprintf(call, sizeof(call), "munmap((void *)(%s), %#llx)", a, len);
		break;
	case HMMT_TRACE_MPROTECT:
		snprintf(call, sizeof(call), "mprotect((void *)(%s), %#llx, %s)", a, len,
			 prot_name(r->arg[2]));
		break;
	case HMMT_TRACE_MADVISE:
		snprintf(call, sizeof(call), "madvise((void *)(%s), %#llx, %s)", a, len,
			 madvise_name(r->arg[2], b, sizeof(b)));
		break;
	case HMMT_TRACE_MREMAP:
		emit_mapping(t, r, "mremap((void *)(%s), %#llx, %#llx, %s, %s)", a, len,
			     (unsigned long long)r->arg[2], mremap_name(r->seed, c, sizeof(c)),
			     at(r->arg[3], b, sizeof(b)));
		return i;
	case HMMT_TRACE_MIGRATE:
		emit_migrate(t, r);
		return i;
	case HMMT_TRACE_EVICT:
		line(t, "hmmt_dev(%u, HMM_DMIRROR_RELEASE, 0, 0);", (unsigned int)r->arg[3]);
		return i;
	case HMMT_TRACE_SNAPSHOT:
		line(t, "hmmt_dev(%u, HMM_DMIRROR_SNAPSHOT, %s, %#llx);",
		     (unsigned int)r->arg[3], a, len);
		return i;
	case HMMT_TRACE_COMMAND:
		line(t, "/* ioctl %#llx, which the stock driver does not have */",
		     (unsigned long long)r->arg[0]);
		return i;
	case HMMT_TRACE_FORK:
		emit_fork(t, i);
		return i;
	case HMMT_TRACE_WAIT:
		line(t, "waitpid(p%llu, &status, 0);", (unsigned long long)r->arg[0]);
		line(t, "HMMT_CHECK(!status);");
		return i;
	default:
		return i;
	}
	/* What failed then may do so again. */
	if (r->ret)
		line(t, "%s;", call);
	else
		line(t, "HMMT_CHECK(!%s);", call);
	return i;
}

/* Records @from to @to of one process, of one of its workers if there is one. */
static void emit_process(struct ctest *t, uint32_t pid, uint32_t worker, size_t from, size_t to)
{
	size_t i;

	for (i = from; i < to; i++)
		if (t->rec[i].pid == pid && (worker == NO_WORKER || t->rec[i].worker == worker))
			i = emit(t, i);
}

/* The children's pids in the run are the names of the variables. */
static void declare(struct ctest *t, uint32_t worker)
{
	size_t i;

	line(t, "uint64_t val __attribute__((unused)) = 0;");
	line(t, "int status __attribute__((unused)) = 0;");
	for (i = 0; i < t->n; i++)
		if (kind(&t->rec[i]) == HMMT_TRACE_FORK &&
		    (worker == NO_WORKER || t->rec[i].worker == worker))
			line(t, "pid_t p%u = 0;", t->rec[i].ret > 0 ? (uint32_t)t->rec[i].ret : 0);
	fputc('\n', t->out);
}

static void emit_threads(struct ctest *t, uint32_t pid, size_t setup, unsigned int workers)
{
	unsigned int w;

	for (w = 0; w < workers; w++) {
		fprintf(t->out, "static void *hmmt_worker%u(void *arg)\n{\n", w);
		declare(t, w);
		emit_process(t, pid, w, setup, t->n);
		line(t, "return arg;");
		fputs("}\n\n", t->out);
	}
}

static void emit_test(struct ctest *t, uint32_t pid, size_t setup, unsigned int workers)
{
	unsigned int w;

	fputs("TEST_F(hmm, hmmtorture_program)\n{\n", t->out);
	if (workers > 1)
		line(t, "pthread_t thread[%u];", workers);
	declare(t, NO_WORKER);
	line(t, "signal(SIGSEGV, hmmt_fault);");
	line(t, "signal(SIGBUS, hmmt_fault);");
	line(t, "hmmt_open_devices();");
	emit_process(t, pid, NO_WORKER, 0, workers > 1 ? setup : t->n);
	for (w = 0; workers > 1 && w < workers; w++)
		line(t, "ASSERT_EQ(pthread_create(&thread[%u], NULL, hmmt_worker%u, NULL), 0);", w,
		     w);
	for (w = 0; workers > 1 && w < workers; w++)
		line(t, "pthread_join(thread[%u], NULL);", w);
	line(t, "EXPECT_EQ(hmmt_bad, 0);");
	fputs("}\n", t->out);
}

static unsigned int workers_of(const char *head)
{
	const char *s = strstr(head, "\nworkers ");
	unsigned int n = s ? strtoul(s + 9, NULL, 10) : 1;

	return strstr(head, "\norder serial\n") || n < 1 || n > MAX_WORKERS ? 1 : n;
}

static void comment(FILE *out, const char *title, const char *head)
{
	fprintf(out, "\n/*\n * Made by hmmtorture from a program that failed with\n *\t%s\n *\n",
		title);
	fputs(" * ", out);
	for (; *head; head++) {
		fputc(*head, out);
		if (*head == '\n' && head[1])
			fputs(" * ", out);
	}
}

int hmmt_ctest_write(const char *path, const char *title, FILE *out)
{
	struct journal j;
	struct ctest t = { .out = out };
	struct hmmt_journal_record *rec;
	unsigned int workers;
	const char *head;
	size_t i, setup;
	bool calls = false;
	int err;

	err = hmmt_journal_open(path, &j);
	if (err)
		return err;
	err = hmmt_journal_program(&j, &rec, &t.n, &head);
	if (err)
		goto close;
	t.rec = rec;
	for (setup = 0; setup < t.n && rec[setup].op >= HMMT_JOURNAL_TRACE; setup++)
		;
	for (i = 0; i < t.n; i++)
		calls |= kind(&rec[i]) != HMMT_NR_TRACES && kind(&rec[i]) != HMMT_TRACE_DRAW;
	if (!calls) {
		err = -ENOMSG;
		goto free_rec;
	}
	workers = workers_of(head);
	t.checked = workers == 1;
	comment(out, title, head);
	for (i = 0; i < t.n; i++)
		if (rec[i].op < HMMT_JOURNAL_TRACE)
			hmmt_program_line(&j, rec, t.n, i, " * ", out);
	fprintf(out, " *\n * %s\n */\n", t.checked ?
		"One op at a time: every load has a value that it must give." :
		"Threads: what a load gives depends on their order and is not checked.");
	fputs(hmmt_ctest_text, out);
	if (workers > 1)
		emit_threads(&t, rec[0].pid, setup, workers);
	emit_test(&t, rec[0].pid, setup, workers);
	free(t.value);
free_rec:
	free(rec);
close:
	hmmt_journal_close(&j);
	return err;
}
