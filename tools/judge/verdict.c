// SPDX-License-Identifier: GPL-2.0
/* The rules: docs/verdicts.md says them in words. */
#include <errno.h>
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

/* Each reason why this run, though nothing failed, proves nothing. */
static enum hmmt_verdict lost_reasons(struct hmmt_judgement *j)
{
	const char *end = j->run.end;
	size_t before = json_array_size(j->reasons);

	if (!j->run.present)
		hmmt_json_add(j->reasons, "no readable run.json");
	/* Written by the campaign when no guest came to be. */
	if (!*end && hmmt_json_int(j->run.json, "boot_exit", 0))
		hmmt_json_add(j->reasons, "no guest was started (exit %" JSON_INTEGER_FORMAT ")",
			      hmmt_json_int(j->run.json, "boot_exit", 0));
	else if (!*end)
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
	if (!j->con.present)
		hmmt_json_add(j->reasons, "no console.log");
	else if (j->run.present && !hmmt_started(j))
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
				hmmt_json_add(j->reasons, "planned oracle %.60s checked nothing",
					      key);
		}
	}
	if (torture && !planned)
		hmmt_json_add(j->reasons, "no oracle was planned");
}

/* Waits that were to widen the races, and of which none came */
static void perturb_reasons(struct hmmt_judgement *j)
{
	const json_t *rec, *sets, *s;
	const char *key;
	size_t i;

	json_array_foreach(j->res.records, i, rec) {
		sets = json_object_get(json_object_get(rec, "perturb"), "sets");
		json_object_foreach((json_t *)sets, key, s)
			if (json_is_true(json_object_get(s, "planned")) &&
			    hmmt_json_int(s, "waited", 0) <= 0)
				hmmt_json_add(j->reasons, "planned perturbation %.60s never waited",
					      key);
	}
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
	if (j->res.bailed)
		hmmt_json_add(j->reasons, "the tests bailed out:%s", j->res.bail_note);
	if (j->res.plans_open)
		hmmt_json_add(j->reasons, "the test plan was not completed: %s", j->res.plan_note);
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
	perturb_reasons(j);
	hmmt_pressure_reasons(j);
	return json_array_size(j->reasons) > before ? HMMT_INCONCLUSIVE : HMMT_PASS;
}

/* @f is the known issue @k, if that is not NULL */
static void is_known(struct hmmt_judgement *j, struct hmmt_failure *f, const struct hmmt_known *k)
{
	json_t *o;

	if (!k)
		return;
	f->known = k->name;
	f->spoils = k->spoils;
	o = json_object();
	json_object_set_new(o, "name", hmmt_json_string(k->name));
	json_object_set_new(o, "title", hmmt_json_string(f->title));
	json_object_set_new(o, "reference", hmmt_json_string(k->reference));
	json_array_append_new(j->known, o);
}

/* True when every failure is a known issue; names them. */
static bool all_known(struct hmmt_judgement *j, const struct hmmt_known_list *list)
{
	bool all = true, from_console;
	struct hmmt_failure *f;
	size_t i;

	for (i = 0; i < j->nr_failures; i++) {
		f = &j->failure[i];
		from_console = !strcmp(f->source, "console") || !strcmp(f->source, "driver");
		is_known(j, f, hmmt_known_match(list, f->title, j->run.json,
						from_console ? f->row : NULL));
	}
	for (i = 0; i < j->nr_failures; i++) {
		f = &j->failure[i];
		if (!f->known)
			is_known(j, f, hmmt_known_beside(list, f, j->failure, j->nr_failures));
		all &= !!f->known;
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
		if (j->con.splat[i].fatal && !j->con.splat[i].hang)
			return true;
	return !strcmp(j->run.end, "stalled");
}

static void decide(struct hmmt_judgement *j, const struct hmmt_known_list *list)
{
	bool known = all_known(j, list);
	/* what there is an explanation for is no title of what there is none for */
	const struct hmmt_failure *f = hmmt_first_failure(j, known);
	enum hmmt_verdict v;

	v = lost_reasons(j);
	if (v == HMMT_PASS)
		v = inconclusive_reasons(j);
	if (f) {
		hmmt_copy(j->title, sizeof(j->title), f->title);
		hmmt_copy(j->source, sizeof(j->source), f->source);
		if (!known)
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

	hmmt_collect_failures(j);
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
