// SPDX-License-Identifier: GPL-2.0
/* KTAP and JUnit of many runs, for those who read results by machine. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "judge.h"

/* A "#" in a name would start a directive. */
static void ktap_text(FILE *f, const char *s)
{
	for (; *s; s++)
		fputc(*s == '#' ? '_' : (unsigned char)*s < ' ' ? ' ' : *s, f);
}

static void ktap_tests(FILE *f, const json_t *tests, bool known)
{
	const json_t *t;
	size_t i;

	fprintf(f, "    KTAP version 1\n    1..%zu\n", json_array_size(tests));
	json_array_foreach(tests, i, t) {
		const char *status = hmmt_json_str(t, "status", "fail");
		bool fail = !strcmp(status, "fail");

		fprintf(f, "    %s %zu ", fail ? "not ok" : "ok", i + 1);
		ktap_text(f, hmmt_json_str(t, "name", ""));
		if (!strcmp(status, "skip")) {
			fputs(" # SKIP ", f);
			ktap_text(f, hmmt_json_str(t, "why", ""));
		} else if (fail && known) {
			fputs(" # XFAIL known issue", f);
		}
		fputc('\n', f);
	}
}

static void ktap_diags(FILE *f, const char *label, const json_t *list, const char *key)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v) {
		fprintf(f, "# %s: ", label);
		ktap_text(f, key ? hmmt_json_str(v, key, "") : json_string_value(v));
		fputc('\n', f);
	}
}

int hmmt_report_ktap(const char *path, json_t *runs)
{
	FILE *f = hmmt_atomic_begin(path);
	const json_t *r, *v, *tests;
	size_t i;

	if (!f)
		return -errno;
	fprintf(f, "KTAP version 1\n1..%zu\n", json_array_size(runs));
	json_array_foreach(runs, i, r) {
		enum hmmt_verdict verdict = HMMT_LOST;
		bool ok;

		v = json_object_get(r, "verdict");
		hmmt_verdict_parse(hmmt_json_str(v, "verdict", ""), &verdict);
		ok = verdict == HMMT_PASS || verdict == HMMT_SKIP || verdict == HMMT_KNOWN;
		tests = json_object_get(json_object_get(v, "tests"), "list");
		if (json_array_size(tests))
			ktap_tests(f, tests, verdict == HMMT_KNOWN);
		ktap_diags(f, "failure", json_object_get(v, "failures"), "title");
		ktap_diags(f, "reason", json_object_get(v, "reasons"), NULL);
		fprintf(f, "%s %zu ", ok ? "ok" : "not ok", i + 1);
		ktap_text(f, hmmt_json_str(r, "dir", ""));
		if (verdict == HMMT_SKIP || verdict == HMMT_KNOWN) {
			fputs(verdict == HMMT_SKIP ? " # SKIP " : " # XFAIL ", f);
			ktap_text(f, hmmt_json_str(v, "title", ""));
		} else if (!ok) {
			fprintf(f, " # %s ", hmmt_verdict_name(verdict));
			ktap_text(f, hmmt_json_str(v, "title", ""));
		}
		fputc('\n', f);
	}
	return hmmt_atomic_end(f, path);
}

/*
 * Text for an attribute or an element. XML has no way to say most control
 * characters, nor U+FFFE and U+FFFF, so these become "?".
 */
static void xml(FILE *f, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '&') {
			fputs("&amp;", f);
		} else if (c == '<') {
			fputs("&lt;", f);
		} else if (c == '>') {
			fputs("&gt;", f);
		} else if (c == '"') {
			fputs("&quot;", f);
		} else if (c == '\'') {
			fputs("&apos;", f);
		} else if (c == '\n') {
			fputs("&#10;", f);
		} else if ((c < ' ' && c != '\t') || c == 0x7f) {
			fputc('?', f);
		} else if (c == 0xef && (unsigned char)s[1] == 0xbf &&
			   (unsigned char)s[2] >= 0xbe) {
			fputc('?', f);
			s += 2;
		} else {
			fputc(c, f);
		}
	}
}

static void xml_attr(FILE *f, const char *name, const char *value)
{
	fprintf(f, " %s=\"", name);
	xml(f, value);
	fputc('"', f);
}

static void xml_property(FILE *f, const json_t *run, const char *key)
{
	const json_t *v = json_object_get(run, key);
	char num[32];

	if (!v || json_is_null(v))
		return;
	fputs("   <property", f);
	xml_attr(f, "name", key);
	if (json_is_integer(v)) {
		snprintf(num, sizeof(num), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		xml_attr(f, "value", num);
	} else {
		xml_attr(f, "value", json_is_string(v) ? json_string_value(v) :
			 json_is_true(v) ? "true" : "false");
	}
	fputs("/>\n", f);
}

static void open_case(FILE *f, const char *class, const char *name, double seconds)
{
	fputs("  <testcase", f);
	xml_attr(f, "classname", class);
	xml_attr(f, "name", name);
	fprintf(f, " time=\"%.3f\">", seconds);
}

static void outcome(FILE *f, const char *element, const char *type, const char *message,
		    const char *text)
{
	fprintf(f, "<%s", element);
	if (type)
		xml_attr(f, "type", type);
	xml_attr(f, "message", message);
	fputc('>', f);
	xml(f, text);
	fprintf(f, "</%s>", element);
}

struct tally {
	size_t tests, failures, errors, skipped;
};

static void junit_tests(FILE *f, const char *class, const json_t *tests, bool known,
			struct tally *n)
{
	const json_t *t;
	size_t i;

	json_array_foreach(tests, i, t) {
		const char *status = hmmt_json_str(t, "status", "fail");
		bool fail = !strcmp(status, "fail");

		n->tests++;
		n->failures += fail && !known;
		n->skipped += !strcmp(status, "skip") || (fail && known);
		if (!f)
			continue;
		open_case(f, class, hmmt_json_str(t, "name", ""), 0);
		if (fail && known)
			outcome(f, "skipped", NULL, "known issue", hmmt_json_str(t, "detail", ""));
		else if (fail)
			outcome(f, "failure", "test", hmmt_json_str(t, "name", ""),
				hmmt_json_str(t, "detail", ""));
		else if (!strcmp(status, "skip"))
			outcome(f, "skipped", NULL, hmmt_json_str(t, "why", ""), "");
		fputs("</testcase>\n", f);
	}
}

/* The verdict itself is a test case: what no test noticed fails there. */
static void junit_verdict(FILE *f, const char *class, const json_t *v, double seconds,
			  struct tally *n)
{
	enum hmmt_verdict verdict = HMMT_LOST;
	const char *title = hmmt_json_str(v, "title", "");
	char text[8192] = "";
	const json_t *e;
	size_t i, len;

	hmmt_verdict_parse(hmmt_json_str(v, "verdict", ""), &verdict);
	n->tests++;
	n->failures += verdict == HMMT_FAIL;
	n->errors += verdict == HMMT_LOST || verdict == HMMT_INCONCLUSIVE;
	n->skipped += verdict == HMMT_SKIP || verdict == HMMT_KNOWN;
	if (!f)
		return;
	json_array_foreach(json_object_get(v, "failures"), i, e) {
		len = strlen(text);
		snprintf(text + len, sizeof(text) - len, "%s: %s: %s\n",
			 hmmt_json_str(e, "source", ""), hmmt_json_str(e, "title", ""),
			 hmmt_json_str(e, "detail", ""));
	}
	json_array_foreach(json_object_get(v, "reasons"), i, e) {
		len = strlen(text);
		snprintf(text + len, sizeof(text) - len, "%s\n", json_string_value(e));
	}
	open_case(f, class, "verdict", seconds);
	if (verdict == HMMT_FAIL)
		outcome(f, "failure", hmmt_json_str(v, "source", ""), title, text);
	else if (verdict == HMMT_LOST || verdict == HMMT_INCONCLUSIVE)
		outcome(f, "error", hmmt_verdict_name(verdict), title, text);
	else if (verdict != HMMT_PASS)
		outcome(f, "skipped", NULL, title, text);
	fputs("</testcase>\n", f);
}

static void junit_run(FILE *f, const char *suite, const json_t *r, struct tally *n)
{
	static const char * const properties[] = {
		"seed", "kernel_release", "kernel_source", "engine", "accel", "flavour",
		"expect", "end", "qemu_version", "cmdline",
	};
	const json_t *v = json_object_get(r, "verdict"), *run = json_object_get(v, "run");
	const json_t *tests = json_object_get(json_object_get(v, "tests"), "list");
	double seconds = (double)hmmt_json_int(run, "wall_ms", 0) / 1000;
	const char *name = hmmt_json_str(r, "dir", "");
	bool known = !strcmp(hmmt_json_str(v, "verdict", ""), "KNOWN");
	char path[4096], when[32] = "1970-01-01T00:00:00", host[256] = "localhost";
	struct stat st;
	struct tm tm;
	time_t start;
	size_t i;

	junit_tests(NULL, name, tests, known, n);
	junit_verdict(NULL, name, v, seconds, n);
	if (!f)
		return;
	if (!hmmt_path(path, sizeof(path), "%s/run.json", hmmt_json_str(r, "path", ".")) &&
	    !stat(path, &st)) {
		start = st.st_mtime - (time_t)seconds;
		if (gmtime_r(&start, &tm))
			strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	}
	gethostname(host, sizeof(host) - 1);
	fputs(" <testsuite", f);
	snprintf(path, sizeof(path), "%.1000s.%.1000s", suite, name);
	xml_attr(f, "name", path);
	fprintf(f, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"%.3f\"",
		n->tests, n->failures, n->errors, n->skipped, seconds);
	xml_attr(f, "timestamp", when);
	xml_attr(f, "hostname", host);
	fputs(">\n  <properties>\n", f);
	for (i = 0; i < HMMT_NELEM(properties); i++)
		xml_property(f, run, properties[i]);
	fputs("  </properties>\n", f);
	junit_tests(f, name, tests, known, n);
	junit_verdict(f, name, v, seconds, n);
	fputs(" </testsuite>\n", f);
}

int hmmt_report_junit(const char *path, const char *suite, json_t *runs)
{
	FILE *f = hmmt_atomic_begin(path);
	struct tally all = { 0 };
	const json_t *r;
	size_t i;

	if (!f)
		return -errno;
	json_array_foreach(runs, i, r)
		junit_run(NULL, suite, r, &all);
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites", f);
	xml_attr(f, "name", suite);
	fprintf(f, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\">\n",
		all.tests, all.failures, all.errors, all.skipped);
	json_array_foreach(runs, i, r) {
		struct tally n = { 0 };

		junit_run(f, suite, r, &n);
	}
	fputs("</testsuites>\n", f);
	return hmmt_atomic_end(f, path);
}
