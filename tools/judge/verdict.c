// SPDX-License-Identifier: GPL-2.0
/* The rules: docs/verdicts.md says them in words. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "judge.h"

static const char * const names[HMMT_NR_VERDICTS] = {
	[HMMT_PASS] = "PASS", [HMMT_FAIL] = "FAIL", [HMMT_KNOWN] = "KNOWN",
	[HMMT_SKIP] = "SKIP", [HMMT_LOST] = "LOST", [HMMT_INCONCLUSIVE] = "INCONCLUSIVE",
};

const char *hmmt_verdict_name(enum hmmt_verdict v)
{
	return names[v];
}

int hmmt_verdict_parse(const char *name, enum hmmt_verdict *v)
{
	unsigned int i;

	for (i = 0; i < HMMT_NR_VERDICTS; i++)
		if (!strcmp(name, names[i])) {
			*v = i;
			return 0;
		}
	return -EINVAL;
}

int hmmt_verdict_exit(enum hmmt_verdict v)
{
	switch (v) {
	case HMMT_PASS:
	case HMMT_KNOWN:
		return HMMT_EXIT_PASS;
	case HMMT_FAIL:
		return HMMT_EXIT_FAIL;
	default:
		return HMMT_EXIT_NONE;
	}
}

int hmmt_verdict_rank(enum hmmt_verdict v)
{
	/* A bug that was found wins; then whatever makes the sum no proof. */
	static const int rank[HMMT_NR_VERDICTS] = {
		[HMMT_SKIP] = 0, [HMMT_PASS] = 1, [HMMT_KNOWN] = 2,
		[HMMT_INCONCLUSIVE] = 3, [HMMT_LOST] = 4, [HMMT_FAIL] = 5,
	};

	return rank[v];
}

static struct hmmt_failure *add_failure(struct hmmt_judgement *j, const char *source,
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

static bool started(const struct hmmt_judgement *j)
{
	return j->con.init_reached || json_array_size(j->res.tests) ||
	       json_array_size(j->res.records) || j->res.end_seen;
}

static void console_failures(struct hmmt_judgement *j)
{
	const struct hmmt_splat *s;
	char where[64];
	unsigned int i;

	for (i = 0; i < j->con.nr_splats; i++) {
		s = &j->con.splat[i];
		if (s->folded || s->hang)
			continue;
		if (!strcmp(s->kind, "panic") && !started(j)) {
			hmmt_json_add(j->notes, "panic before init: %s", s->title);
			continue;
		}
		snprintf(where, sizeof(where), "console.log line %lu", s->line);
		add_failure(j, "console", s->title, where, s->time_us);
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
		oracle = hmmt_json_str(f, "oracle", "unknown");
		ms = hmmt_json_int(f, "time_ms", -1);
		t = ms >= 0 ? (int64_t)ms * 1000 :
		    fail_time(j, oracle, hmmt_json_str(f, "title", ""));
		snprintf(title, sizeof(title), "%s", hmmt_json_str(f, "title", "oracle failed"));
		add_failure(j, "oracle", title, hmmt_json_str(f, "detail", ""), t);
	}
	if (i)
		return;
	json_object_foreach((json_t *)json_object_get(rec, "oracles"), key, o) {
		if (hmmt_json_int(o, "failed", 0) <= 0)
			continue;
		snprintf(title, sizeof(title), "oracle %.100s failed", key);
		add_failure(j, "oracle", title, NULL, HMMT_NO_TIME);
	}
	json_array_foreach(json_object_get(rec, "scenarios"), i, o) {
		if (hmmt_json_int(o, "failures", 0) <= 0 || j->nr_failures)
			continue;
		snprintf(title, sizeof(title), "scenario %.100s failed",
			 hmmt_json_str(o, "name", "unknown"));
		add_failure(j, "oracle", title, NULL, HMMT_NO_TIME);
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
		if (!title)
			continue;
		title += 2;
		/* "area: what: detail"; those of the progress oracle have no area */
		end = strstr(title, ": ");
		if (end && strncmp(buf, "progress:", 9))
			end = strstr(end + 2, ": ");
		if (end)
			*end = '\0';
		add_failure(j, "oracle", title, j->con.fail[i].text, j->con.fail[i].time_us);
	}
}

static void test_failures(struct hmmt_judgement *j)
{
	const json_t *t;
	const char *name;
	char title[HMMT_TITLE_MAX];
	bool explained = j->nr_failures != 0;
	size_t i;

	json_array_foreach(j->res.tests, i, t) {
		name = hmmt_json_str(t, "name", "");
		if (strcmp(hmmt_json_str(t, "status", ""), "fail") ||
		    json_object_get(t, "derived"))
			continue;
		/* The torture program's results repeat what its oracles say. */
		if (explained && !strncmp(name, "torture.", 8) && json_array_size(j->res.records))
			continue;
		snprintf(title, sizeof(title), "test %.150s failed", name);
		add_failure(j, "test", title, hmmt_json_str(t, "detail", ""), HMMT_NO_TIME);
	}
}

static void step_failures(struct hmmt_judgement *j)
{
	static const struct {
		int sig;
		const char *name;
	} crash[] = {
		{ 4, "SIGILL" }, { 5, "SIGTRAP" }, { 7, "SIGBUS" }, { 8, "SIGFPE" }, { 11, "SIGSEGV" },
	};
	char title[HMMT_TITLE_MAX];
	size_t i;

	for (i = 0; i < HMMT_NELEM(crash); i++) {
		if (j->res.died_signal != crash[i].sig)
			continue;
		snprintf(title, sizeof(title), "step %s killed by %s", j->res.died_step,
			 crash[i].name);
		add_failure(j, "step", title, NULL, HMMT_NO_TIME);
		return;
	}
	if (j->res.died_signal)
		hmmt_json_add(j->notes, "step %s killed by signal %d", j->res.died_step,
			      j->res.died_signal);
}

static bool hang_has_name(const struct hmmt_judgement *j)
{
	static const char * const kinds[] = {
		"hung-task", "soft-lockup", "hard-lockup", "rcu-stall", "workqueue",
	};
	unsigned int i;
	size_t k;

	for (i = 0; i < j->con.nr_splats; i++)
		for (k = 0; k < HMMT_NELEM(kinds); k++)
			if (!strcmp(j->con.splat[i].kind, kinds[k]))
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
	if (!hang && (strcmp(j->run.end, "stalled") || !started(j)))
		return;
	if (hang_has_name(j)) {
		hmmt_json_add(j->notes, "the guest made no progress after that and was stopped");
		return;
	}
	snprintf(title, sizeof(title), "%s", hang ? hang->title : "hang");
	if ((!hang || j->con.nmi_idle) && *j->run.live.running)
		snprintf(title, sizeof(title), "hang in op %s", j->run.live.running);
	add_failure(j, "hang", title, *j->run.live.running ? j->run.live.running : NULL,
		    hang ? hang->time_us : HMMT_NO_TIME);
}

/* The first in time if known, else in the order console, oracle, test, hang. */
static const struct hmmt_failure *first_failure(const struct hmmt_judgement *j)
{
	const struct hmmt_failure *f, *best = NULL;
	bool hang, best_hang;
	size_t i;

	for (i = 0; i < j->nr_failures; i++) {
		f = &j->failure[i];
		/* Our NMI is the last thing that happens, whatever its time says. */
		hang = !strcmp(f->source, "hang");
		best_hang = best && !strcmp(best->source, "hang");
		if (!best || (best_hang && !hang) ||
		    (hang == best_hang && f->time_us != HMMT_NO_TIME &&
		     best->time_us != HMMT_NO_TIME && f->time_us < best->time_us))
			best = f;
	}
	return best;
}

/* Each reason why this run, though nothing failed, proves nothing. */
static enum hmmt_verdict lost_reasons(struct hmmt_judgement *j)
{
	const char *end = j->run.end;
	size_t before = json_array_size(j->reasons);

	if (!j->run.present)
		hmmt_json_add(j->reasons, "no readable run.json");
	if (!j->con.present)
		hmmt_json_add(j->reasons, "no console.log");
	if (!*end)
		hmmt_json_add(j->reasons, "the run was killed before its guest ended");
	else if (!strcmp(end, "killed"))
		hmmt_json_add(j->reasons, "the guest was killed");
	else if (!strcmp(end, "interrupted"))
		hmmt_json_add(j->reasons, "interrupted");
	else if (!strcmp(end, "timeout"))
		hmmt_json_add(j->reasons, "slow guest: time limit reached%s",
			      j->run.live.present && !j->run.live.heartbeat ?
			      ", no heartbeat was seen" : "");
	else if (strcmp(end, "exit") && strcmp(end, "stalled"))
		hmmt_json_add(j->reasons, "unknown end of the guest: %.100s", end);
	if (j->run.present && !started(j))
		hmmt_json_add(j->reasons, "the kernel never reached init; last console line: %s",
			      *j->con.last_line ? j->con.last_line : "(none)");
	else if (!j->res.end_seen && !strcmp(end, "exit"))
		hmmt_json_add(j->reasons, "the guest ended without its end marker; last result: %s",
			      *j->res.tail ? j->res.tail : "(none)");
	return json_array_size(j->reasons) > before ? HMMT_LOST : HMMT_PASS;
}

static size_t collect_skips(struct hmmt_judgement *j, size_t *all)
{
	const json_t *rec, *s, *t;
	const char *why;
	size_t i, k, skipped = 0, torture = 0;

	*all = 0;
	json_array_foreach(j->res.records, i, rec) {
		json_array_foreach(json_object_get(rec, "scenarios"), k, s) {
			torture++;
			why = hmmt_json_str(s, "skip", NULL);
			if (!why)
				continue;
			skipped++;
			hmmt_json_add(j->skips, "%s: %s", hmmt_json_str(s, "name", "?"), why);
		}
	}
	json_array_foreach(j->res.tests, i, t) {
		if (torture && !strncmp(hmmt_json_str(t, "name", ""), "torture.", 8))
			continue;
		(*all)++;
		if (strcmp(hmmt_json_str(t, "status", ""), "skip"))
			continue;
		skipped++;
		hmmt_json_add(j->skips, "%s: %s", hmmt_json_str(t, "name", "?"),
			      hmmt_json_str(t, "why", "no reason given"));
	}
	*all += torture;
	return skipped;
}

static void oracle_reasons(struct hmmt_judgement *j, bool torture)
{
	const json_t *rec, *o, *oracles;
	const char *key;
	size_t i, planned = 0;

	json_array_foreach(j->res.records, i, rec) {
		oracles = json_object_get(rec, "oracles");
		json_object_foreach((json_t *)oracles, key, o) {
			if (!json_is_true(json_object_get(o, "planned")))
				continue;
			planned++;
			if (hmmt_json_int(o, "checked", 0) <= 0)
				hmmt_json_add(j->reasons, "planned oracle %.60s checked nothing", key);
		}
	}
	if (torture && !planned)
		hmmt_json_add(j->reasons, "no oracle was planned");
}

static bool oom_planned(const struct hmmt_judgement *j)
{
	const json_t *rec;
	size_t i;

	json_array_foreach(j->res.records, i, rec)
		if (json_is_true(json_object_get(rec, "oom_planned")))
			return true;
	return false;
}

static enum hmmt_verdict inconclusive_reasons(struct hmmt_judgement *j)
{
	bool torture = !strcmp(j->run.expect, "torture");
	size_t all, skipped, before = json_array_size(j->reasons);

	skipped = collect_skips(j, &all);
	if (!j->run.config_verified)
		hmmt_json_add(j->reasons, "the kernel's configuration was not verified");
	if (j->res.bad_records)
		hmmt_json_add(j->reasons, "%lu records that do not parse", j->res.bad_records);
	if (j->res.plans_open)
		hmmt_json_add(j->reasons, "the test plan was not completed: %s", j->res.plan_note);
	if (j->res.bailed)
		hmmt_json_add(j->reasons, "the tests bailed out:%s", j->res.bail_note);
	if (j->con.oom_kills && !oom_planned(j))
		hmmt_json_add(j->reasons, "the OOM killer ran %lu times, which no scenario planned",
			      j->con.oom_kills);
	if (all && skipped == all && json_array_size(j->reasons) == before)
		return HMMT_SKIP;
	if (j->res.end_seen && j->res.end_rc && !j->nr_failures)
		hmmt_json_add(j->reasons, "the guest ended with status %ld but named no failure",
			      j->res.end_rc);
	if (!all)
		hmmt_json_add(j->reasons, "no test reported");
	if (torture && !json_array_size(j->res.records))
		hmmt_json_add(j->reasons, "no record of the torture program");
	if (torture && json_array_size(j->res.records))
		oracle_reasons(j, torture);
	return json_array_size(j->reasons) > before ? HMMT_INCONCLUSIVE : HMMT_PASS;
}

/* True when every failure is a known issue; names them. */
static bool all_known(struct hmmt_judgement *j, const struct hmmt_known_list *list)
{
	const struct hmmt_known *k;
	bool all = true;
	json_t *o;
	size_t i;

	for (i = 0; i < j->nr_failures; i++) {
		k = hmmt_known_match(list, j->failure[i].title, j->run.kernel);
		if (!k) {
			all = false;
			continue;
		}
		j->failure[i].known = k->name;
		o = json_object();
		json_object_set_new(o, "name", hmmt_json_string(k->name));
		json_object_set_new(o, "title", hmmt_json_string(j->failure[i].title));
		json_object_set_new(o, "reference", hmmt_json_string(k->reference));
		json_array_append_new(j->known, o);
	}
	return all;
}

static void add_notes(struct hmmt_judgement *j)
{
	if (j->con.oom_kills)
		hmmt_json_add(j->notes, "OOM kills: %lu", j->con.oom_kills);
	if (j->con.memcg_oom_kills)
		hmmt_json_add(j->notes, "OOM kills inside of a memory cgroup: %lu",
			      j->con.memcg_oom_kills);
	if (j->con.alloc_failures)
		hmmt_json_add(j->notes, "page allocation failures logged: %lu",
			      j->con.alloc_failures);
	if (j->con.filtered)
		hmmt_json_add(j->notes, "console lines that look like a report and are none: %lu",
			      j->con.filtered);
	if (j->con.overflow)
		hmmt_json_add(j->notes, "reports beyond the first %d titles: %lu",
			      HMMT_SPLATS_MAX, j->con.overflow);
}

/* Did the guest stop because of a report, so that the rest cannot be there? */
static bool crashed(const struct hmmt_judgement *j)
{
	unsigned int i;

	for (i = 0; i < j->con.nr_splats; i++)
		if (j->con.splat[i].fatal)
			return true;
	return !strcmp(j->run.end, "stalled");
}

static void decide(struct hmmt_judgement *j, const struct hmmt_known_list *known)
{
	const struct hmmt_failure *f = first_failure(j);
	enum hmmt_verdict v;

	v = lost_reasons(j);
	if (v == HMMT_PASS)
		v = inconclusive_reasons(j);
	if (f) {
		hmmt_copy(j->title, sizeof(j->title), f->title);
		hmmt_copy(j->source, sizeof(j->source), f->source);
		if (!all_known(j, known))
			v = HMMT_FAIL;
		else if (v == HMMT_PASS || crashed(j))
			v = HMMT_KNOWN;
		/* That a dead guest did not report is no reason beside its death. */
		if (crashed(j))
			json_array_clear(j->reasons);
	}
	j->verdict = v;
	if (f || v == HMMT_PASS)
		return;
	hmmt_copy(j->source, sizeof(j->source), "run");
	hmmt_copy(j->title, sizeof(j->title),
		  json_array_size(j->reasons) ?
		  json_string_value(json_array_get(j->reasons, 0)) :
		  json_array_size(j->skips) ?
		  json_string_value(json_array_get(j->skips, 0)) : "");
}

int hmmt_judge_run(const char *dir, const struct hmmt_known_list *known,
		   struct hmmt_judgement *j)
{
	char path[4096];
	const json_t *rec;
	size_t i;
	int err;

	memset(j, 0, sizeof(*j));
	j->reasons = json_array();
	j->notes = json_array();
	j->skips = json_array();
	j->known = json_array();
	if (!j->reasons || !j->notes || !j->skips || !j->known)
		return -ENOMEM;
	/* A file that is missing or broken is the verdict's matter, not an error. */
	hmmt_runinfo_read(dir, &j->run);
	err = hmmt_path(path, sizeof(path), "%s/console.log", dir);
	if (err)
		return err;
	err = hmmt_console_read(path, &j->con);
	if (err && err != -ENOENT)
		hmmt_json_add(j->reasons, "console.log: %s", strerror(-err));
	err = hmmt_path(path, sizeof(path), "%s/results.log", dir);
	if (err)
		return err;
	err = hmmt_results_read(path, &j->res);
	if (err == -ENOMEM)
		return err;

	console_failures(j);
	json_array_foreach(j->res.records, i, rec)
		record_failures(j, rec);
	if (!json_array_size(j->res.records))
		shouted_failures(j);
	test_failures(j);
	step_failures(j);
	hang_failure(j);
	add_notes(j);
	decide(j, known);
	return 0;
}

void hmmt_judgement_free(struct hmmt_judgement *j)
{
	size_t i;

	for (i = 0; i < j->nr_failures; i++)
		free(j->failure[i].detail);
	free(j->failure);
	json_decref(j->reasons);
	json_decref(j->notes);
	json_decref(j->skips);
	json_decref(j->known);
	hmmt_runinfo_free(&j->run);
	hmmt_results_free(&j->res);
}
