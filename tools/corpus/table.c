// SPDX-License-Identifier: GPL-2.0
/*
 * The table of a corpus run. RESULTS/bugs.tsv names the bugs in its first
 * column, and their flavour in the fourth; RESULTS/ID has a file "state" (built, or why not)
 * and the runs, RESULTS/control those of the unmodified kernel, and RESULTS/stock-FLAVOUR
 * what hmm-tests do on that. Everything is read again each
 * time: what the control showed later takes back what looked new before.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "corpus.h"

enum state { WAITING, CAUGHT, SURVIVED, EQUIVALENT, NOT_APPLIED, NOT_BUILT, NR_STATES };

static const char * const state_names[] = {
	"waiting", "caught", "survived", "equivalent", "NOT APPLIED", "NOT BUILT"
};

struct row {
	const struct bug *bug;
	char flavour[32];
	enum state state;
	struct finding f;
	unsigned int guests;
	bool tested, by_tests, by_judge;	/* the tree's own hmm-tests */
};

struct count {
	unsigned int reachable, caught, tested, by_tests, by_judge;
	unsigned int as_expected, in_budget;
	double guest_s[1024], wall_s[1024];	/* of those caught */
};

static enum state build_state(const char *dir)
{
	struct hmmt_lines l;
	char path[4096], *s;
	enum state state = WAITING;

	if (hmmt_path(path, sizeof(path), "%s/state", dir) ||
	    hmmt_lines_open(&l, path, HMMT_LINE_MAX))
		return WAITING;
	s = hmmt_lines_next(&l);
	if (s && !strncmp(s, "apply", 5))
		state = NOT_APPLIED;
	else if (s && !strncmp(s, "build", 5))
		state = NOT_BUILT;
	hmmt_lines_close(&l);
	return state;
}

/* The tree's own hmm-tests, of which some fail on the unmodified kernel of one flavour only */
static void read_tests(struct row *r, const char *results, const struct titles *control)
{
	struct titles stock = { .and = control };
	char dir[4096], path[4096];
	struct finding f;

	if (hmmt_path(dir, sizeof(dir), "%s/%s/hmm-tests", results, r->bug->id) ||
	    hmmt_path(path, sizeof(path), "%s/stock-%s", results, r->flavour) ||
	    titles_add(path, &stock))
		return;
	if (!finding_read(dir, &stock, NULL, &f) && strcmp(f.verdict, "LOST")) {
		r->tested = true;
		r->by_judge = f.title[0];
		r->by_tests = !finding_read(dir, &stock, "test", &f) && f.title[0];
	}
	titles_free(&stock);
}

static void read_row(struct row *r, const char *results, const struct titles *control)
{
	char dir[4096];

	if (hmmt_path(dir, sizeof(dir), "%s/%s", results, r->bug->id))
		return;
	r->state = build_state(dir);
	if (!findings_read(dir, control, &r->f, &r->guests)) {
		if (r->f.title[0])
			r->state = CAUGHT;
		else
			r->state = r->bug->equivalent ? EQUIVALENT : SURVIVED;
	}
	read_tests(r, results, control);
}

/* Noticed by what its head says? */
static bool as_expected(const struct row *r)
{
	return bug_expects(r->bug, r->f.by);
}

static bool in_budget(const struct row *r)
{
	return r->f.guest_s <= atoi(r->bug->budget);
}

static void add(struct count *c, const struct row *r)
{
	/* One that is wrongly called equivalent counts: it is a bug. */
	if (r->state != CAUGHT && (r->state == EQUIVALENT || r->state == WAITING))
		return;
	c->reachable++;
	if (r->state == CAUGHT && c->caught < ARRAY_SIZE(c->guest_s)) {
		c->guest_s[c->caught] = r->f.guest_s;
		c->wall_s[c->caught++] = r->f.wall_s;
		c->as_expected += as_expected(r);
		c->in_budget += in_budget(r);
	}
	c->tested += r->tested;
	c->by_tests += r->by_tests;
	c->by_judge += r->by_judge;
}

static int cmp_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, unsigned int n)
{
	qsort(v, n, sizeof(*v), cmp_double);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static void print_count(const char *what, struct count *c)
{
	if (!c->reachable)
		return;
	printf("%-10s %3u of %3u caught (%.0f %%)", what, c->caught, c->reachable,
	       100.0 * c->caught / c->reachable);
	if (c->caught)
		printf(", median %.1f s of the guest, %.1f s of the host, %u by what was expected, %u in the time",
		       median(c->guest_s, c->caught), median(c->wall_s, c->caught),
		       c->as_expected, c->in_budget);
	if (c->tested)
		printf("; hmm-tests %u of %u, with our judge %u", c->by_tests, c->tested,
		       c->by_judge);
	printf("\n");
}

static const char *yes(bool v, bool known)
{
	return !known ? "-" : v ? "yes" : "no";
}

static void print_rows(FILE *out, const struct row *row, size_t nr)
{
	size_t i;

	fprintf(out, "bug\tclass\thalf\tstate\tby\ttitle\tengine\tseed\tguests\t"
		"guest_s\thost_s\thmm_tests\thmm_tests_and_judge\texpected\tas_expected\t"
		"in_budget\n");
	for (i = 0; i < nr; i++) {
		const struct row *r = &row[i];

		fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%lld\t%u\t%.1f\t%.1f\t%s\t%s\t%s\t%s\t%s\n",
			r->bug->id, r->bug->class, bug_is_held_out(r->bug) ? "held" : "tuned",
			state_names[r->state], r->f.by, r->f.title, r->f.engine, r->f.seed,
			r->guests, r->f.guest_s, r->f.wall_s, yes(r->by_tests, r->tested),
			yes(r->by_judge, r->tested), r->bug->oracle,
			yes(as_expected(r), r->state == CAUGHT),
			yes(in_budget(r), r->state == CAUGHT));
	}
}

static void print_text(const struct row *row, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		const struct row *r = &row[i];

		printf("%-22s %-5s %-5s %-11s ", r->bug->id, r->bug->class,
		       bug_is_held_out(r->bug) ? "held" : "tuned", state_names[r->state]);
		if (r->guests)
			printf("%6.1fs %6.1fs %2u %-4s", r->f.guest_s, r->f.wall_s, r->guests,
			       r->f.engine);
		if (r->f.title[0])
			printf(" %s: %s", r->f.by, r->f.title);
		else if (r->guests)
			printf(" last guest %s", r->f.verdict);
		if (r->state == CAUGHT && !as_expected(r))
			printf(" (expected: %s)", r->bug->oracle);
		if (r->state == CAUGHT && !in_budget(r))
			printf(" (later than %s)", r->bug->budget);
		if (r->tested)
			printf(" [hmm-tests %s, judged %s]", yes(r->by_tests, true),
			       yes(r->by_judge, true));
		if (r->state == CAUGHT && r->bug->equivalent)
			printf(" BUT SAID TO BE EQUIVALENT");
		printf("\n");
	}
}

static void print_sums(const struct row *row, size_t nr)
{
	static const char * const names[] = { "all", "logic", "race", "tuned", "held out" };
	static struct count sum[ARRAY_SIZE(names)];
	unsigned int states[NR_STATES] = { 0 };
	size_t i;

	for (i = 0; i < nr; i++) {
		states[row[i].state]++;
		add(&sum[0], &row[i]);
		add(&sum[strcmp(row[i].bug->class, "race") ? 1 : 2], &row[i]);
		add(&sum[bug_is_held_out(row[i].bug) ? 4 : 3], &row[i]);
	}
	for (i = 0; i < ARRAY_SIZE(names); i++)
		print_count(names[i], &sum[i]);
	for (i = 0; i < NR_STATES; i++)
		if (states[i])
			printf("%s%u %s", i && states[0] + (i > 1 ? states[1] : 0) ? ", " : "",
			       states[i], state_names[i]);
	printf("\n");
}

static size_t read_rows(const struct corpus *c, const char *results, struct row *row)
{
	struct hmmt_lines l;
	char path[4096], *s;
	size_t nr = 0;
	int i;

	if (hmmt_path(path, sizeof(path), "%s/bugs.tsv", results) ||
	    hmmt_lines_open(&l, path, HMMT_LINE_MAX))
		return 0;
	while (nr < c->nr && (s = hmmt_lines_next(&l))) {
		row[nr].bug = corpus_find(c, strsep(&s, "\t"));
		for (i = 0; s && i < 2; i++)
			strsep(&s, "\t");
		hmmt_copy(row[nr].flavour, sizeof(row[nr].flavour), s ? strsep(&s, "\t") : "");
		nr += !!row[nr].bug;
	}
	hmmt_lines_close(&l);
	return nr;
}

static void print_control(const char *results, const struct titles *t)
{
	struct finding f;
	unsigned int guests;
	char dir[4096];
	size_t i;

	/* its own titles are among @t, so this reads all of its guests */
	if (hmmt_path(dir, sizeof(dir), "%s/control", results) ||
	    findings_read(dir, t, &f, &guests))
		printf("control    not run: a title of the unmodified kernel may be among these\n");
	else
		printf("control    %u guests, %.0f s of the unmodified kernel, %zu titles do not count\n",
		       guests, f.elapsed_s, t->nr);
	for (i = 0; i < t->nr; i++)
		printf("           %s\n", t->title[i]);
}

int corpus_table(const struct corpus *c, const char *results)
{
	struct titles control = { 0 };
	struct row *row = calloc(c->nr + 1, sizeof(*row));
	char path[4096];
	int code = 0;
	size_t i, nr;
	FILE *out;

	if (!row || hmmt_path(path, sizeof(path), "%s/control", results) ||
	    titles_add(path, &control))
		return 3;
	nr = read_rows(c, results, row);
	for (i = 0; i < nr; i++) {
		read_row(&row[i], results, &control);
		if (row[i].state == WAITING)
			code = code ? code : 3;
		else if (row[i].state != CAUGHT && row[i].state != EQUIVALENT)
			code = 1;
		else if (row[i].state == CAUGHT && row[i].bug->equivalent)
			code = 1;
	}
	print_text(row, nr);
	print_sums(row, nr);
	print_control(results, &control);
	if (!hmmt_path(path, sizeof(path), "%s/table.tsv", results)) {
		out = hmmt_atomic_begin(path);
		if (out) {
			print_rows(out, row, nr);
			hmmt_atomic_end(out, path);
		}
	}
	titles_free(&control);
	free(row);
	return code;
}
