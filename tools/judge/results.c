// SPDX-License-Identifier: GPL-2.0
/*
 * The results port: KTAP of one or more programs, a JSON record of each, and
 * the end marker of init. A guest that dies leaves it cut off anywhere.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "judge.h"

#define RECORD_START	"{\"hmmtorture\":1,"
#define PRESSURE_START	"{\"pressure\":1,"
#define RESULT_LINE_MAX	(1024 * 1024)
#define TESTS_MAX	20000
#define LEVELS_MAX	16
#define DIAG_MAX	1024

struct level {
	size_t indent;
	long planned;		/* -1: no plan seen */
	long seen;
	bool failed;		/* a subtest of the next result failed */
};

struct ktap {
	struct hmmt_results *res;
	struct level level[LEVELS_MAX];
	size_t depth;
	char diag[DIAG_MAX];	/* "# ..." lines since the last result */
};

static void close_level(struct ktap *k)
{
	struct level *l = &k->level[--k->depth];
	struct hmmt_results *res = k->res;

	if (k->depth)
		k->level[k->depth - 1].failed |= l->failed;
	if (l->planned == l->seen)
		return;
	res->plans_open++;
	if (*res->plan_note)
		return;
	if (l->planned < 0)
		snprintf(res->plan_note, sizeof(res->plan_note),
			 "%ld results and no plan", l->seen);
	else
		snprintf(res->plan_note, sizeof(res->plan_note),
			 "%ld results where %ld were planned", l->seen, l->planned);
}

/* The level at @indent, made if need be; what is deeper is closed. */
static struct level *level_at(struct ktap *k, size_t indent)
{
	while (k->depth && k->level[k->depth - 1].indent > indent)
		close_level(k);
	if (!k->depth || k->level[k->depth - 1].indent < indent) {
		if (k->depth == LEVELS_MAX)
			return &k->level[k->depth - 1];
		k->level[k->depth++] = (struct level){ .indent = indent, .planned = -1 };
	}
	return &k->level[k->depth - 1];
}

static void new_document(struct ktap *k, size_t indent)
{
	while (k->depth && k->level[k->depth - 1].indent >= indent)
		close_level(k);
	level_at(k, indent);
}

static bool directive(const char *s, const char *word, const char **why)
{
	size_t n = strlen(word);

	if (strncasecmp(s, word, n) || isalnum((unsigned char)s[n]))
		return false;
	for (s += n; *s == ' ' || *s == ':'; s++)
		;
	*why = s;
	return true;
}

static void add_test(struct ktap *k, const char *name, const char *status, const char *why,
		     bool derived)
{
	json_t *t;

	if (json_array_size(k->res->tests) >= TESTS_MAX)
		return;
	t = json_object();
	json_object_set_new(t, "name", hmmt_json_string(name));
	json_object_set_new(t, "status", json_string(status));
	if (*why)
		json_object_set_new(t, "why", hmmt_json_string(why));
	if (derived)
		json_object_set_new(t, "derived", json_true());
	if (!strcmp(status, "fail") && *k->diag)
		json_object_set_new(t, "detail", hmmt_json_string(k->diag));
	json_array_append_new(k->res->tests, t);
}

static void test_line(struct ktap *k, size_t indent, char *s, bool ok)
{
	struct level *l;
	const char *why = "";
	char *hash;
	bool skip = false, expected = false, derived;

	while (k->depth && k->level[k->depth - 1].indent > indent) {
		bool failed = k->level[k->depth - 1].failed;

		close_level(k);
		if (k->depth)
			k->level[k->depth - 1].failed |= failed;
	}
	/* Whether a subtest of this very result failed. */
	derived = k->depth && k->level[k->depth - 1].indent == indent &&
		  k->level[k->depth - 1].failed;
	l = level_at(k, indent);
	l->seen++;
	while (*s == ' ')
		s++;
	while (isdigit((unsigned char)*s))
		s++;
	while (*s == ' ' || *s == '-')
		s++;
	hash = strstr(s, "# ");
	if (hash) {
		skip = directive(hash + 2, "SKIP", &why);
		expected = !skip && (directive(hash + 2, "TODO", &why) ||
				     directive(hash + 2, "XFAIL", &why));
		if (skip || expected)
			*hash = '\0';
	}
	s[strcspn(s, "\t")] = '\0';
	for (hash = s + strlen(s); hash > s && hash[-1] == ' '; hash--)
		hash[-1] = '\0';
	if (skip) {
		k->res->skip++;
		add_test(k, s, "skip", why, false);
	} else if (ok || expected) {
		k->res->pass++;
		add_test(k, s, "pass", why, false);
	} else {
		k->res->fail++;
		add_test(k, s, "fail", why, derived);
	}
	/* What is remembered is for the result one level up. */
	l->failed = false;
	if (indent && !ok && !skip && !expected && k->depth > 1)
		k->level[k->depth - 2].failed = true;
	*k->diag = '\0';
}

static void diag_line(struct ktap *k, const char *s)
{
	struct hmmt_results *res = k->res;
	size_t len = strlen(k->diag);
	char name[64];
	int sig;

	for (s++; *s == ' '; s++)
		;
	if (sscanf(s, "step %63s killed by signal %d", name, &sig) == 2 && !res->died_signal) {
		res->died_signal = sig;
		hmmt_copy(res->died_step, sizeof(res->died_step), name);
	}
	if (len + 2 < sizeof(k->diag)) {
		if (len)
			strcpy(k->diag + len++, "\n");
		hmmt_copy(k->diag + len, sizeof(k->diag) - len, s);
	}
}

static void record_line(struct hmmt_results *res, const char *s)
{
	json_t *rec = json_loads(s, 0, NULL);

	if (rec && json_is_object(rec)) {
		json_array_append_new(res->records, rec);
		return;
	}
	json_decref(rec);
	res->bad_records++;
}

static void results_line(struct ktap *k, char *s)
{
	struct hmmt_results *res = k->res;
	size_t indent = strspn(s, " ");
	char *t = s + indent, *end;
	struct level *l;

	if (!strncmp(t, RECORD_START, strlen(RECORD_START))) {
		record_line(res, t);
	} else if (!strncmp(t, PRESSURE_START, strlen(PRESSURE_START))) {
		json_decref(res->pressure);
		res->pressure = json_loads(t, 0, NULL);
		res->bad_records += !res->pressure;
	} else if (!strncmp(s, "HMMT-END rc=", 12)) {
		res->end_rc = strtol(s + 12, &end, 10);
		/* Cut off behind the "=" is no end. */
		res->end_seen = end != s + 12;
	} else if (!strncmp(t, "KTAP version ", 13) || !strncmp(t, "TAP version ", 12)) {
		new_document(k, indent);
	} else if (!strncmp(t, "ok ", 3)) {
		test_line(k, indent, t + 3, true);
	} else if (!strncmp(t, "not ok ", 7)) {
		test_line(k, indent, t + 7, false);
	} else if (!strncmp(t, "1..", 3) && isdigit((unsigned char)t[3])) {
		l = level_at(k, indent);
		l->planned = strtol(t + 3, &end, 10);
	} else if (!strncmp(t, "Bail out!", 9)) {
		res->bailed = true;
		hmmt_copy(res->bail_note, sizeof(res->bail_note), t + 9);
	} else if (*t == '#') {
		diag_line(k, t);
	}
	if (*t)
		hmmt_copy(res->tail, sizeof(res->tail), s);
}

int hmmt_results_read(const char *path, struct hmmt_results *res)
{
	struct hmmt_lines l;
	struct ktap *k;
	char *s;
	int err;

	memset(res, 0, sizeof(*res));
	res->tests = json_array();
	res->records = json_array();
	k = calloc(1, sizeof(*k));
	if (!res->tests || !res->records || !k) {
		free(k);
		return -ENOMEM;
	}
	k->res = res;
	err = hmmt_lines_open(&l, path, RESULT_LINE_MAX);
	if (!err) {
		res->present = true;
		while ((s = hmmt_lines_next(&l)))
			results_line(k, s);
		hmmt_lines_close(&l);
		while (k->depth)
			close_level(k);
	}
	free(k);
	return err;
}

void hmmt_results_free(struct hmmt_results *res)
{
	json_decref(res->tests);
	json_decref(res->records);
	json_decref(res->pressure);
	res->tests = NULL;
	res->records = NULL;
	res->pressure = NULL;
}
