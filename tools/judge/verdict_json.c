// SPDX-License-Identifier: GPL-2.0
/* verdict.json of a run, and the few lines of it that a person reads first. */
#include <inttypes.h>
#include <string.h>

#include "judge.h"

static json_t *console_json(const struct hmmt_judgement *j)
{
	json_t *o = json_object(), *list = json_array(), *e;
	const struct hmmt_splat *s;
	unsigned int i;

	json_object_set_new(o, "lines", json_integer((json_int_t)j->con.lines));
	json_object_set_new(o, "bytes", json_integer((json_int_t)j->con.bytes));
	json_object_set_new(o, "init_reached", json_boolean(j->con.init_reached));
	json_object_set_new(o, "last_line", hmmt_json_string(j->con.last_line));
	for (i = 0; i < j->con.nr_splats; i++) {
		s = &j->con.splat[i];
		e = json_object();
		json_object_set_new(e, "title", hmmt_json_string(s->title));
		json_object_set_new(e, "kind", json_string(s->kind));
		json_object_set_new(e, "line", json_integer((json_int_t)s->line));
		if (s->time_us != HMMT_NO_TIME)
			json_object_set_new(e, "time_us", json_integer(s->time_us));
		json_object_set_new(e, "count", json_integer((json_int_t)s->count));
		if (s->folded)
			json_object_set_new(e, "consequence", json_true());
		json_array_append_new(list, e);
	}
	json_object_set_new(o, "splats", list);
	json_object_set_new(o, "splats_not_listed", json_integer((json_int_t)j->con.overflow));
	json_object_set_new(o, "oom_kills", json_integer((json_int_t)j->con.oom_kills));
	return o;
}

static json_t *failures_json(const struct hmmt_judgement *j)
{
	json_t *list = json_array(), *e;
	const struct hmmt_failure *f;
	size_t i;

	for (i = 0; i < j->nr_failures; i++) {
		f = &j->failure[i];
		e = json_object();
		json_object_set_new(e, "title", hmmt_json_string(f->title));
		json_object_set_new(e, "source", json_string(f->source));
		if (f->oracle[0])
			json_object_set_new(e, "oracle", hmmt_json_string(f->oracle));
		json_object_set_new(e, "detail", hmmt_json_string(f->detail ? f->detail : ""));
		if (f->time_us != HMMT_NO_TIME)
			json_object_set_new(e, "time_us", json_integer(f->time_us));
		if (f->row[0])
			json_object_set_new(e, "row", hmmt_json_string(f->row));
		if (f->known)
			json_object_set_new(e, "known", hmmt_json_string(f->known));
		if (f->spoils)
			json_object_set_new(e, "spoils", hmmt_json_string(f->spoils));
		json_array_append_new(list, e);
	}
	return list;
}

static void add_int(json_t *to, const char *key, json_int_t v)
{
	json_object_set_new(to, key, json_integer(hmmt_json_int(to, key, 0) + v));
}

/* Sums of all programs' records; of the journal where no record came. */
static json_t *counters_json(const struct hmmt_judgement *j)
{
	json_t *c = json_object();
	const json_t *rec, *v;
	const struct hmmt_counters *live = &j->run.live;
	const char *key;
	size_t i;

	json_array_foreach(j->res.records, i, rec) {
		json_object_foreach((json_t *)json_object_get(rec, "counters"), key, v)
			if (json_is_number(v))
				add_int(c, key, (json_int_t)json_number_value(v));
		json_object_foreach((json_t *)json_object_get(rec, "oracles"), key, v)
			add_int(c, "checks", hmmt_json_int(v, "checked", 0));
	}
	if (json_object_size(c) || !live->present)
		return c;
	json_object_set_new(c, "from_journal", json_true());
	add_int(c, "thp_migrations", (json_int_t)live->thp_migrations);
	add_int(c, "base_migrations", (json_int_t)live->base_migrations);
	add_int(c, "split_folio", (json_int_t)live->splits);
	add_int(c, "cpu_faults", (json_int_t)live->cpu_faults);
	add_int(c, "dev_faults", (json_int_t)live->dev_faults);
	add_int(c, "checks", (json_int_t)live->checks);
	return c;
}

static json_t *oracles_json(const struct hmmt_judgement *j)
{
	json_t *all = json_object(), *sum;
	const json_t *rec, *o;
	const char *key;
	size_t i;

	json_array_foreach(j->res.records, i, rec)
		json_object_foreach((json_t *)json_object_get(rec, "oracles"), key, o) {
			sum = json_object_get(all, key);
			if (!sum) {
				sum = json_object();
				json_object_set_new(sum, "planned", json_false());
				json_object_set_new(all, key, sum);
			}
			if (json_is_true(json_object_get(o, "planned")))
				json_object_set_new(sum, "planned", json_true());
			add_int(sum, "checked", hmmt_json_int(o, "checked", 0));
			add_int(sum, "failed", hmmt_json_int(o, "failed", 0));
		}
	return all;
}

json_t *hmmt_judgement_json(const struct hmmt_judgement *j)
{
	json_t *o = json_object(), *t = json_object();

	json_object_set_new(o, "hmmtorture_verdict", json_integer(1));
	/* verdict and title stay first, each on a line of its own: scripts read them */
	json_object_set_new(o, "verdict", json_string(hmmt_verdict_name(j->verdict)));
	json_object_set_new(o, "title", hmmt_json_string(j->title));
	json_object_set_new(o, "source", json_string(j->source));
	json_object_set_new(o, "exit", json_integer(hmmt_verdict_exit(j->verdict)));
	json_object_set(o, "reasons", j->reasons);
	json_object_set(o, "notes", j->notes);
	json_object_set(o, "skips", j->skips);
	json_object_set(o, "known", j->known);
	json_object_set_new(o, "failures", failures_json(j));
	json_object_set(o, "run", j->run.json);
	json_object_set_new(o, "console", console_json(j));
	json_object_set_new(o, "counters", counters_json(j));
	json_object_set_new(o, "oracles", oracles_json(j));
	json_object_set_new(t, "pass", json_integer((json_int_t)j->res.pass));
	json_object_set_new(t, "fail", json_integer((json_int_t)j->res.fail));
	json_object_set_new(t, "skip", json_integer((json_int_t)j->res.skip));
	json_object_set_new(t, "ended", json_boolean(j->res.end_seen));
	json_object_set(t, "list", j->res.tests);
	json_object_set_new(o, "tests", t);
	if (j->run.live.present) {
		t = json_object();
		json_object_set_new(t, "heartbeat",
				    json_integer((json_int_t)j->run.live.heartbeat));
		json_object_set_new(t, "elapsed_ms",
				    json_integer((json_int_t)j->run.live.elapsed_ms));
		json_object_set_new(t, "phase", hmmt_json_string(j->run.live.phase));
		json_object_set_new(t, "running", hmmt_json_string(j->run.live.running));
		json_object_set_new(o, "journal", t);
	}
	return o;
}

static void print_list(FILE *out, const char *label, const json_t *list, size_t from)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v) {
		if (i < from)
			continue;
		if (i == from + 8) {
			fprintf(out, "  %-9s ... %zu more\n", "", json_array_size(list) - i);
			break;
		}
		fprintf(out, "  %-9s %s\n", i == from ? label : "", json_string_value(v));
	}
}

static void print_counters(const json_t *v, FILE *out)
{
	const json_t *c = json_object_get(v, "counters");

	if (!json_object_size(c))
		return;
	if (json_object_get(c, "from_journal"))
		fprintf(out, "  %-9s %" JSON_INTEGER_FORMAT " THPs, %" JSON_INTEGER_FORMAT
			" base pages (as far as the guest came)\n", "migrated",
			hmmt_json_int(c, "thp_migrations", 0),
			hmmt_json_int(c, "base_migrations", 0));
	else
		fprintf(out, "  %-9s THPs %" JSON_INTEGER_FORMAT " to device, %" JSON_INTEGER_FORMAT
			" to system; base pages %" JSON_INTEGER_FORMAT " to device, %"
			JSON_INTEGER_FORMAT " to system\n", "migrated",
			hmmt_json_int(c, "to_dev_thp", 0), hmmt_json_int(c, "to_sys_thp", 0),
			hmmt_json_int(c, "to_dev_base", 0), hmmt_json_int(c, "to_sys_base", 0));
	fprintf(out, "  %-9s %" JSON_INTEGER_FORMAT " splits, %" JSON_INTEGER_FORMAT
		" CPU faults, %" JSON_INTEGER_FORMAT " device faults, %" JSON_INTEGER_FORMAT
		" oracle checks\n", "", hmmt_json_int(c, "split_folio", 0),
		hmmt_json_int(c, "cpu_faults", 0), hmmt_json_int(c, "dev_faults", 0),
		hmmt_json_int(c, "checks", 0));
}

void hmmt_print_run(const char *dir, const json_t *v, FILE *out)
{
	const json_t *run = json_object_get(v, "run"), *f, *list;
	const char *title = hmmt_json_str(v, "title", "");
	size_t i;

	fprintf(out, "%s%s%s\n", hmmt_json_str(v, "verdict", "LOST"), *title ? ": " : "", title);
	fprintf(out, "  %-9s %s (%s), kernel %s %s, seed %" JSON_INTEGER_FORMAT ", %.1f s\n", "run",
		hmmt_json_str(run, "engine", "unknown engine"), hmmt_json_str(run, "accel", "?"),
		hmmt_json_str(run, "kernel_release", "unknown"), hmmt_json_str(run, "flavour", ""),
		hmmt_json_int(run, "seed", -1), (double)hmmt_json_int(run, "wall_ms", 0) / 1000);
	list = json_object_get(v, "failures");
	json_array_foreach(list, i, f) {
		const char *detail = hmmt_json_str(f, "detail", "");
		const char *known = hmmt_json_str(f, "known", "");

		if (i == 8) {
			fprintf(out, "  %-9s ... %zu more\n", "", json_array_size(list) - i);
			break;
		}
		fprintf(out, "  %-9s %s%s%s: %s%s%.300s\n", i ? "" : "failures",
			known, *known ? " (known), " : "",
			hmmt_json_str(f, "source", ""), hmmt_json_str(f, "title", ""),
			*detail ? ": " : "", detail);
	}
	/* Without a failure the first reason is the title already. */
	print_list(out, "because", json_object_get(v, "reasons"), json_array_size(list) ? 0 : 1);
	print_list(out, "skipped", json_object_get(v, "skips"), 0);
	print_list(out, "note", json_object_get(v, "notes"), 0);
	print_counters(v, out);
	fprintf(out, "  %-9s %s/{verdict.json,console.log,results.log}\n", "look at", dir);
}

/* The failures of a test of the torture program are "ORACLE: TITLE" lines. */
static bool test_failed_so(const json_t *test, const char *want)
{
	const char *s = hmmt_json_str(test, "detail", ""), *title;
	char line[HMMT_TITLE_MAX + 64], got[HMMT_TITLE_MAX];
	size_t len;

	for (; *s; s += len + (s[len] == '\n')) {
		len = strcspn(s, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)len, s);
		title = strstr(line, ": ");
		if (!title)
			continue;
		hmmt_title_normalise(title + 2, got, sizeof(got));
		if (!strcmp(got, want))
			return true;
	}
	return false;
}

void hmmt_print_each(const json_t *verdict, const char *want, bool whole, FILE *out)
{
	const char *verdict_name = hmmt_json_str(verdict, "verdict", "");
	const json_t *tests = json_object_get(verdict, "tests");
	bool ended = json_is_true(json_object_get(tests, "ended")), any = false;
	const json_t *list = json_object_get(tests, "list");
	size_t i, n = json_array_size(list);

	for (i = 0; i < n; i++) {
		const json_t *t = json_array_get(list, i);
		const char *status = hmmt_json_str(t, "status", "");
		bool same = test_failed_so(t, want);

		any |= same;
		/* What only the console says came with the last one at the latest. */
		if (same || (ended && i + 1 == n && whole && !any))
			fputs("same\n", out);
		else
			fprintf(out, "%s\n", !strcmp(status, "pass") ? "passed" :
				!strcmp(status, "fail") ? "other" : "unknown");
	}
	/* The one that the guest did not survive; a guest that got lost says nothing. */
	if (!ended && !any)
		fputs(whole ? "same\n" : !strcmp(verdict_name, "FAIL") ||
		      !strcmp(verdict_name, "KNOWN") ? "other\n" : "unknown\n", out);
}
