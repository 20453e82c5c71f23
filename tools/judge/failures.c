// SPDX-License-Identifier: GPL-2.0
/* What failed in a run, from all sources, and which failure it is called after. */
#include <stdlib.h>
#include <string.h>

#include "judge.h"

struct hmmt_failure *hmmt_add_failure(struct hmmt_judgement *j, const char *source,
				      const char *title, const char *detail, int64_t time_us)
{
	struct hmmt_failure *f;
	char norm[HMMT_TITLE_MAX];
	size_t i;

	hmmt_title_normalise(title, norm, sizeof(norm));
	for (i = 0; i < j->nr_failures; i++)
		if (!strcmp(j->failure[i].title, norm) && !strcmp(j->failure[i].source, source))
			return &j->failure[i];
	f = realloc(j->failure, (j->nr_failures + 1) * sizeof(*f));
	if (!f)
		return NULL;
	j->failure = f;
	f += j->nr_failures++;
	memset(f, 0, sizeof(*f));
	hmmt_copy(f->title, sizeof(f->title), norm);
	hmmt_copy(f->source, sizeof(f->source), source);
	f->detail = strdup(detail ? detail : "");
	f->time_us = time_us;
	return f;
}

static void add_oracle_failure(struct hmmt_judgement *j, const char *oracle, const char *title,
			       const char *detail, int64_t time_us)
{
	struct hmmt_failure *f = hmmt_add_failure(j, "oracle", title, detail, time_us);

	if (f && !f->oracle[0])
		hmmt_copy(f->oracle, sizeof(f->oracle), oracle);
}

bool hmmt_started(const struct hmmt_judgement *j)
{
	return j->con.init_reached || json_array_size(j->res.tests) ||
	       json_array_size(j->res.records) || j->res.end_seen;
}

/* A record says which reports its program provokes: "splats_planned", by their titles */
static bool splat_planned(const struct hmmt_judgement *j, const char *title)
{
	const json_t *rec, *planned;
	size_t i, n;

	json_array_foreach(j->res.records, i, rec)
		json_array_foreach(json_object_get(rec, "splats_planned"), n, planned)
			if (!strcmp(json_string_value(planned) ?: "", title))
				return true;
	return false;
}

/* Nothing moves any more, and the kernel says so itself. */
static bool is_watchdog(const struct hmmt_splat *s)
{
	static const char * const kinds[] = {
		"hung-task", "soft-lockup", "hard-lockup", "rcu-stall", "workqueue",
	};
	size_t k;

	for (k = 0; k < HMMT_NELEM(kinds); k++)
		if (!strcmp(s->kind, kinds[k]))
			return true;
	return false;
}

static void console_failures(struct hmmt_judgement *j)
{
	const struct hmmt_splat *s;
	struct hmmt_failure *f;
	char where[64];
	unsigned int i;

	for (i = 0; i < j->con.nr_splats; i++) {
		s = &j->con.splat[i];
		if (s->folded || s->hang)
			continue;
		if (!strcmp(s->kind, "panic") && !hmmt_started(j)) {
			hmmt_json_add(j->notes, "panic before init: %s", s->title);
			continue;
		}
		if (splat_planned(j, s->title)) {
			hmmt_json_add(j->notes, "provoked by a test: %s", s->title);
			continue;
		}
		snprintf(where, sizeof(where), "console.log line %lu", s->line);
		f = hmmt_add_failure(j, s->driver ? "driver" : "console", s->title, where,
				     s->time_us);
		if (!f)
			continue;
		hmmt_copy(f->row, sizeof(f->row), s->row);
		if (is_watchdog(s))
			hmmt_copy(f->oracle, sizeof(f->oracle), "hang");
	}
}

/* When the failure was reported on the console, if it was. */
static int64_t fail_time(const struct hmmt_judgement *j, const char *oracle, const char *title)
{
	char start[HMMT_TITLE_MAX];
	unsigned int i;

	snprintf(start, sizeof(start), "%.60s: %.120s", oracle, title);
	for (i = 0; i < j->con.nr_fails; i++)
		if (!strncmp(j->con.fail[i].text, start, strlen(start)))
			return j->con.fail[i].time_us;
	return HMMT_NO_TIME;
}

static void record_failures(struct hmmt_judgement *j, const json_t *rec)
{
	const json_t *f, *o;
	const char *key, *oracle;
	char title[HMMT_TITLE_MAX];
	json_int_t ms;
	int64_t t;
	size_t i;

	json_array_foreach(json_object_get(rec, "failures"), i, f) {
		oracle = hmmt_json_str(f, "oracle", "");
		ms = hmmt_json_int(f, "time_ms", -1);
		t = ms >= 0 ? (int64_t)ms * 1000 :
		    fail_time(j, oracle, hmmt_json_str(f, "title", ""));
		snprintf(title, sizeof(title), "%s", hmmt_json_str(f, "title", "oracle failed"));
		add_oracle_failure(j, oracle, title, hmmt_json_str(f, "detail", ""), t);
	}
	if (i)
		return;
	json_object_foreach((json_t *)json_object_get(rec, "oracles"), key, o) {
		if (hmmt_json_int(o, "failed", 0) <= 0)
			continue;
		snprintf(title, sizeof(title), "oracle %.100s failed", key);
		add_oracle_failure(j, key, title, NULL, HMMT_NO_TIME);
	}
	json_array_foreach(json_object_get(rec, "scenarios"), i, o) {
		if (hmmt_json_int(o, "failures", 0) <= 0 || j->nr_failures)
			continue;
		snprintf(title, sizeof(title), "scenario %.100s failed",
			 hmmt_json_str(o, "name", "unknown"));
		hmmt_add_failure(j, "oracle", title, NULL, HMMT_NO_TIME);
	}
}

/* No record came: what the program shouted on the console is all there is. */
static void shouted_failures(struct hmmt_judgement *j)
{
	char buf[HMMT_TITLE_MAX], *title, *end;
	unsigned int i;

	for (i = 0; i < j->con.nr_fails; i++) {
		hmmt_copy(buf, sizeof(buf), j->con.fail[i].text);
		title = strstr(buf, ": ");
		/* the results have the tests */
		if (!title || !strncmp(buf, "test: ", 6))
			continue;
		*title = '\0';
		title += 2;
		/* "area: what: detail"; those of the progress oracle have no area */
		end = strstr(title, ": ");
		if (end && strcmp(buf, "progress"))
			end = strstr(end + 2, ": ");
		if (end)
			*end = '\0';
		add_oracle_failure(j, buf, title, j->con.fail[i].text, j->con.fail[i].time_us);
	}
}

static void test_failures(struct hmmt_judgement *j)
{
	const json_t *t;
	const char *name;
	char title[HMMT_TITLE_MAX];
	bool explained = j->nr_failures != 0;
	int64_t at;
	size_t i;

	json_array_foreach(j->res.tests, i, t) {
		name = hmmt_json_str(t, "name", "");
		if (strcmp(hmmt_json_str(t, "status", ""), "fail") ||
		    json_object_get(t, "derived"))
			continue;
		/* The torture program's results repeat what its oracles say. */
		if (explained && !strncmp(name, "torture.", 8) && json_array_size(j->res.records))
			continue;
		snprintf(title, sizeof(title), "%.150s: ", name);
		at = fail_time(j, "test", title);
		snprintf(title, sizeof(title), "test %.150s failed", name);
		hmmt_add_failure(j, "test", title, hmmt_json_str(t, "detail", ""), at);
	}
}

static void step_failures(struct hmmt_judgement *j)
{
	static const struct {
		int sig;
		const char *name;
	} crash[] = {
		{ 4, "SIGILL" }, { 5, "SIGTRAP" }, { 7, "SIGBUS" }, { 8, "SIGFPE" },
		{ 11, "SIGSEGV" },
	};
	char title[HMMT_TITLE_MAX];
	size_t i;

	for (i = 0; i < HMMT_NELEM(crash); i++) {
		if (j->res.died_signal != crash[i].sig)
			continue;
		snprintf(title, sizeof(title), "step %s killed by %s", j->res.died_step,
			 crash[i].name);
		hmmt_add_failure(j, "step", title, NULL, HMMT_NO_TIME);
		return;
	}
	if (j->res.died_signal)
		hmmt_json_add(j->notes, "step %s killed by signal %d", j->res.died_step,
			      j->res.died_signal);
}

static bool hang_has_name(const struct hmmt_judgement *j)
{
	unsigned int i;
	size_t k;

	for (i = 0; i < j->con.nr_splats; i++)
		if (is_watchdog(&j->con.splat[i]))
			return true;
	for (k = 0; k < j->nr_failures; k++)
		if (!strncmp(j->failure[k].title, "livelock", 8) ||
		    !strncmp(j->failure[k].title, "hang", 4))
			return true;
	return false;
}

static void hang_failure(struct hmmt_judgement *j)
{
	const struct hmmt_splat *hang = NULL;
	char title[HMMT_TITLE_MAX * 2];
	unsigned int i;

	for (i = 0; i < j->con.nr_splats && !hang; i++)
		if (j->con.splat[i].hang)
			hang = &j->con.splat[i];
	if (!hang && (strcmp(j->run.end, "stalled") || !hmmt_started(j)))
		return;
	/* At the time limit the runner asks the same way, but something still moved. */
	if (hang && !strcmp(j->run.end, "timeout")) {
		hmmt_json_add(j->notes, "at the time limit the guest was in: %s",
			      !strncmp(hang->title, "hang in ", 8) ? hang->title + 8 :
			      *j->run.live.running ? j->run.live.running : "nothing that shows");
		return;
	}
	if (hang_has_name(j)) {
		hmmt_json_add(j->notes, "the guest made no progress after that and was stopped");
		return;
	}
	snprintf(title, sizeof(title), "%s", hang ? hang->title : "hang");
	if ((!hang || j->con.nmi_idle) && *j->run.live.running)
		snprintf(title, sizeof(title), "hang in op %s", j->run.live.running);
	hmmt_add_failure(j, "hang", title, *j->run.live.running ? j->run.live.running : NULL,
			 hang ? hang->time_us : HMMT_NO_TIME);
}

/* The first in time if known, else in the order console, oracle, test, hang. */
static bool from_console(const struct hmmt_failure *f)
{
	return !strcmp(f->source, "console") || !strcmp(f->source, "driver");
}

const struct hmmt_failure *hmmt_first_failure(const struct hmmt_judgement *j, bool known)
{
	const struct hmmt_failure *f, *best = NULL;
	bool hang, best_hang, both_console;
	size_t i;

	for (i = 0; i < j->nr_failures; i++) {
		f = &j->failure[i];
		if (f->known && !known)
			continue;
		/* Our NMI is the last thing that happens, whatever its time says. */
		hang = !strcmp(f->source, "hang");
		best_hang = best && !strcmp(best->source, "hang");
		/* The console's own are in order, though clocks of CPUs may differ. */
		both_console = best && from_console(f) && from_console(best);
		if (!best || (best_hang && !hang) ||
		    (hang == best_hang && !both_console && f->time_us != HMMT_NO_TIME &&
		     best->time_us != HMMT_NO_TIME && f->time_us < best->time_us))
			best = f;
	}
	return best;
}

void hmmt_collect_failures(struct hmmt_judgement *j)
{
	const json_t *rec;
	size_t i;

	console_failures(j);
	json_array_foreach(j->res.records, i, rec)
		record_failures(j, rec);
	if (!json_array_size(j->res.records))
		shouted_failures(j);
	test_failures(j);
	step_failures(j);
	hmmt_pressure_failures(j);
	hang_failure(j);
}
