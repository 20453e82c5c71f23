// SPDX-License-Identifier: GPL-2.0
/*
 * hmmt-matrix DIR KNOWN: what the guests below DIR say of each row of
 * DIR/rows.tsv (id, guest, promise, where: hmm-validate --list). Each guest was
 * judged. KNOWN is the directory of known issues.
 *
 * Prints the matrix and writes matrix.tsv, results.ktap and verdict.json. Exit
 * as run.sh: 0 pass or known, 1 a row failed, 3 rows without a result.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "judge.h"

#define ROWS_MAX	1024
#define PREFIX		"validate."

enum state { NONE, PASS, SKIP, KNOWN, FAIL };

static const char * const state_names[] = { "NONE", "PASS", "SKIP", "KNOWN", "FAIL" };

struct row {
	char *id, *guest, *promise, *where;
	enum state state;
	char seen[512];
	char known[64];
};

static struct row rows[ROWS_MAX];
static unsigned int nr_rows;
static struct hmmt_known_list known_issues;

static struct row *find_row(const char *id)
{
	unsigned int i;

	for (i = 0; i < nr_rows; i++)
		if (!strcmp(rows[i].id, id))
			return &rows[i];
	return NULL;
}

static char *take(char **rest)
{
	char *s = strsep(rest, "\t");

	return strdup(s ? s : "");
}

static int read_rows(const char *dir)
{
	struct hmmt_lines l;
	char path[4096], *s;
	int err;

	err = hmmt_path(path, sizeof(path), "%s/rows.tsv", dir);
	if (!err)
		err = hmmt_lines_open(&l, path, HMMT_LINE_MAX);
	if (err)
		return err;
	while (nr_rows < ROWS_MAX && (s = hmmt_lines_next(&l))) {
		struct row *row = &rows[nr_rows++];

		row->id = take(&s);
		row->guest = take(&s);
		row->promise = take(&s);
		row->where = take(&s);
		hmmt_copy(row->seen, sizeof(row->seen), "was not run");
	}
	hmmt_lines_close(&l);
	return 0;
}

/* A result, unless the row has a worse one already */
static void set(struct row *row, enum state state, const char *seen, const char *known)
{
	char *p;

	if (row->state > state)
		return;
	row->state = state;
	hmmt_copy(row->seen, sizeof(row->seen), seen);
	for (p = row->seen; *p; p++)
		if (*p == '\t' || *p == '\n')
			*p = ' ';
	hmmt_copy(row->known, sizeof(row->known), known ? known : "");
}

/* The row that had begun when the guest ended: it has a marker, but no result */
static void last_begun(const char *path, char *id, size_t size)
{
	struct hmmt_lines l;
	char *s;

	*id = '\0';
	if (hmmt_lines_open(&l, path, HMMT_LINE_MAX))
		return;
	while ((s = hmmt_lines_next(&l))) {
		if (!strncmp(s, "# row ", 6))
			hmmt_copy(id, size, s + 6);
		else if (!strncmp(s, "ok ", 3) || !strncmp(s, "not ok ", 7))
			*id = '\0';
	}
	hmmt_lines_close(&l);
}

/* The known issue that explains that the test @name failed, or NULL */
static const char *known_as(const json_t *verdict, const char *name)
{
	const json_t *run = json_object_get(verdict, "run");
	const struct hmmt_known *k;
	char title[HMMT_TITLE_MAX];

	snprintf(title, sizeof(title), "test %s failed", name);
	k = hmmt_known_match(&known_issues, title, run, NULL);
	return k ? k->name : NULL;
}

/* The last line of the diagnostics; before it may be a stack */
static const char *what_was_seen(const json_t *test)
{
	const char *s = hmmt_json_str(test, "detail", ""), *last = strrchr(s, '\n');

	if (last)
		s = last + 1;
	return *s ? s : "failed, without a word";
}

static void add_tests(const struct hmmt_results *res, const json_t *verdict)
{
	const char *name, *status;
	struct row *row;
	const json_t *t;
	size_t i;

	json_array_foreach(res->tests, i, t) {
		name = hmmt_json_str(t, "name", "");
		status = hmmt_json_str(t, "status", "");
		if (strncmp(name, PREFIX, strlen(PREFIX)))
			continue;
		row = find_row(name + strlen(PREFIX));
		if (!row)
			continue;
		if (!strcmp(status, "pass")) {
			set(row, PASS, "", NULL);
		} else if (!strcmp(status, "skip")) {
			set(row, SKIP, hmmt_json_str(t, "why", ""), NULL);
		} else {
			const char *known;

			known = known_as(verdict, name);
			set(row, known ? KNOWN : FAIL, what_was_seen(t), known);
		}
	}
}

/* Where nothing tells the row, the guest is a row of its own */
static struct row *row_of_guest(const char *guest)
{
	struct row *row = find_row(guest);

	if (row || nr_rows == ROWS_MAX)
		return row ?: &rows[ROWS_MAX - 1];
	row = &rows[nr_rows++];
	row->id = strdup(guest);
	row->guest = strdup("");
	row->promise = strdup("the kernel has no complaints");
	row->where = strdup("its log");
	return row;
}

/*
 * What the console or the end of the guest says belongs to the row that was
 * under way.
 */
static void add_guest(const char *guest, const char *begun, const json_t *verdict)
{
	const char *v = hmmt_json_str(verdict, "verdict", "LOST"), *known;
	struct row *last = *begun ? find_row(begun) : NULL, *row;
	const json_t *f, *reason;
	size_t i;

	json_array_foreach(json_object_get(verdict, "failures"), i, f) {
		if (!strcmp(hmmt_json_str(f, "source", ""), "test"))
			continue;
		row = find_row(hmmt_json_str(f, "row", "")) ?: last;
		known = hmmt_json_str(f, "known", NULL);
		set(row ?: row_of_guest(guest), known ? KNOWN : FAIL,
		    hmmt_json_str(f, "title", ""), known);
	}
	if (!last || last->state != NONE)
		return;
	reason = json_array_get(json_object_get(verdict, "reasons"), 0);
	set(last, NONE, json_is_string(reason) ? json_string_value(reason) : v, NULL);
}

static int add_run(const char *dir, const char *guest)
{
	struct hmmt_results res = { 0 };
	char path[4096], begun[128];
	json_t *verdict = NULL;
	int err;

	err = hmmt_path(path, sizeof(path), "%s/%s/verdict.json", dir, guest);
	if (!err)
		verdict = json_load_file(path, 0, NULL);
	if (!err)
		err = hmmt_path(path, sizeof(path), "%s/%s/results.log", dir, guest);
	if (!err)
		err = hmmt_results_read(path, &res);
	if (!err) {
		last_begun(path, begun, sizeof(begun));
		add_tests(&res, verdict);
		add_guest(guest, begun, verdict);
		hmmt_results_free(&res);
	}
	json_decref(verdict);
	return err;
}

static int is_guest(const struct dirent *d)
{
	return isdigit((unsigned char)d->d_name[0]);
}

static int add_runs(const char *dir)
{
	struct dirent **ent;
	int i, n = scandir(dir, &ent, is_guest, versionsort), err = 0, ret;

	if (n < 0)
		return -errno;
	for (i = 0; i < n; i++) {
		ret = add_run(dir, ent[i]->d_name);
		if (ret)
			err = ret;
		free(ent[i]);
	}
	free(ent);
	return err;
}

static void print_matrix(FILE *out)
{
	const struct row *row;

	for (row = rows; row < rows + nr_rows; row++) {
		fprintf(out, "%-5s %-28s %s\n", state_names[row->state], row->id, row->promise);
		if (row->state == PASS)
			continue;
		if (*row->known)
			fprintf(out, "%35sis known: %s\n", "", row->known);
		fprintf(out, "%35s%s: %s\n", "", row->state == SKIP ? "why" : "seen", row->seen);
		fprintf(out, "%35spromised by: %s\n", "", row->where);
	}
}

static int write_tsv(const char *dir)
{
	const struct row *row;
	char path[4096];
	FILE *f;

	if (hmmt_path(path, sizeof(path), "%s/matrix.tsv", dir))
		return -ENAMETOOLONG;
	f = hmmt_atomic_begin(path);
	if (!f)
		return -errno;
	for (row = rows; row < rows + nr_rows; row++)
		fprintf(f, "%s\t%s\t%s\t%s\t%s\t%s\n", row->id, state_names[row->state],
			row->known, row->seen, row->promise, row->where);
	return hmmt_atomic_end(f, path);
}

static int write_ktap(const char *dir)
{
	const struct row *row;
	char path[4096];
	FILE *f;

	if (hmmt_path(path, sizeof(path), "%s/results.ktap", dir))
		return -ENAMETOOLONG;
	f = hmmt_atomic_begin(path);
	if (!f)
		return -errno;
	fprintf(f, "KTAP version 1\n1..%u\n", nr_rows);
	for (row = rows; row < rows + nr_rows; row++) {
		if (*row->seen)
			fprintf(f, "# %s\n", row->seen);
		fprintf(f, "%s %u %s%s%s\n", row->state == FAIL || row->state == NONE ? "not ok" :
			"ok", (unsigned int)(row - rows) + 1, row->id,
			row->state == SKIP ? " # SKIP " : row->state == KNOWN ? " # XFAIL " : "",
			row->state == SKIP ? row->seen : row->known);
	}
	return hmmt_atomic_end(f, path);
}

/* The verdict in the words of the judge */
static int finish(const char *dir)
{
	const char *verdict = "PASS", *title = "";
	unsigned int n[FAIL + 1] = { 0 };
	const struct row *row;
	char path[4096];
	int rc = HMMT_EXIT_PASS;
	json_t *o;

	for (row = rows; row < rows + nr_rows; row++) {
		n[row->state]++;
		if (row->state == FAIL && n[FAIL] == 1)
			title = row->id;
	}
	if (n[FAIL]) {
		verdict = "FAIL";
		rc = HMMT_EXIT_FAIL;
	} else if (n[NONE]) {
		verdict = "INCONCLUSIVE";
		rc = HMMT_EXIT_NONE;
	} else if (!n[PASS] && !n[KNOWN]) {
		verdict = "SKIP";
		rc = HMMT_EXIT_NONE;
	} else if (n[KNOWN]) {
		verdict = "KNOWN";
	}
	printf("%s: %u rows: %u pass, %u known, %u fail, %u skipped, %u without a result\n",
	       verdict, nr_rows, n[PASS], n[KNOWN], n[FAIL], n[SKIP], n[NONE]);

	o = json_pack("{s:i, s:s, s:s, s:i}", "hmmtorture_verdict", 1, "verdict", verdict,
		      "title", title, "exit", rc);
	if (!o || hmmt_path(path, sizeof(path), "%s/verdict.json", dir) ||
	    hmmt_json_write(path, o))
		fprintf(stderr, "hmmt-matrix: %s: no verdict.json written\n", dir);
	json_decref(o);
	return rc;
}

int main(int argc, char **argv)
{
	int err;

	if (argc != 3 || argv[1][0] == '-') {
		fprintf(stderr, "usage: hmmt-matrix DIR KNOWN\n");
		return HMMT_EXIT_USAGE;
	}
	if (hmmt_known_read(argv[2], &known_issues))
		return HMMT_EXIT_USAGE;
	err = read_rows(argv[1]);
	if (!err && nr_rows)
		err = add_runs(argv[1]);
	if (err || !nr_rows) {
		fprintf(stderr, "hmmt-matrix: %s: %s\n", argv[1],
			err ? strerror(-err) : "no rows");
		return HMMT_EXIT_NONE;
	}
	print_matrix(stdout);
	err = write_tsv(argv[1]) ?: write_ktap(argv[1]);
	if (err)
		fprintf(stderr, "hmmt-matrix: %s: %s\n", argv[1], strerror(-err));
	hmmt_known_free(&known_issues);
	return finish(argv[1]);
}
