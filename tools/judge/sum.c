// SPDX-License-Identifier: GPL-2.0
/* Many runs, one verdict. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "judge.h"

#define DEPTH_MAX	4

static int load_run(const char *dir, const char *name, const struct hmmt_known_list *known,
		    json_t *runs)
{
	struct hmmt_judgement *j;
	char path[4096];
	json_t *v, *r;
	int err;

	err = hmmt_path(path, sizeof(path), "%s/verdict.json", dir);
	if (err)
		return err;
	j = malloc(sizeof(*j));
	if (!j)
		return -ENOMEM;
	/* Judged again: what is known may have changed since. */
	err = hmmt_judge_run(dir, known, j);
	if (!err) {
		v = hmmt_judgement_json(j);
		err = hmmt_json_write(path, v);
		r = json_pack("{s:o, s:o, s:o}", "dir", hmmt_json_string(name),
			      "path", hmmt_json_string(dir), "verdict", v);
		if (r)
			json_array_append_new(runs, r);
	}
	hmmt_judgement_free(j);
	free(j);
	return err;
}

static int want(const struct dirent *d)
{
	/* A run that was cut off and repeated is kept in cut/, but does not count. */
	return d->d_name[0] != '.' && strcmp(d->d_name, "cut") && strcmp(d->d_name, "bundle");
}

/* @name is the path of @dir below the results directory, "" for itself. */
static int scan(const char *dir, const char *name, unsigned int depth,
		const struct hmmt_known_list *known, json_t *runs)
{
	struct dirent **ent;
	char path[4096], sub[4096];
	struct stat st;
	int i, n, err;

	err = hmmt_path(path, sizeof(path), "%s/run.json", dir);
	if (!err && !access(path, F_OK))
		return load_run(dir, *name ? name : "run", known, runs);
	if (err || depth == DEPTH_MAX)
		return err;
	n = scandir(dir, &ent, want, alphasort);
	if (n < 0)
		return -errno;
	for (i = 0; i < n; i++) {
		if (!err)
			err = hmmt_path(path, sizeof(path), "%s/%s", dir, ent[i]->d_name);
		if (!err)
			err = hmmt_path(sub, sizeof(sub), "%s%s%s", name, *name ? "/" : "",
					ent[i]->d_name);
		if (!err && !lstat(path, &st) && S_ISDIR(st.st_mode))
			err = scan(path, sub, depth + 1, known, runs);
		free(ent[i]);
	}
	free(ent);
	return err;
}

static enum hmmt_verdict run_verdict(const json_t *run)
{
	enum hmmt_verdict v;

	if (hmmt_verdict_parse(hmmt_json_str(json_object_get(run, "verdict"), "verdict", ""), &v))
		return HMMT_LOST;
	return v;
}

static void add_counters(json_t *engines, const json_t *v)
{
	const char *engine = hmmt_json_str(json_object_get(v, "run"), "engine", "unknown"), *key;
	json_t *e = json_object_get(engines, engine);
	const json_t *c;

	if (!e) {
		e = json_pack("{s:i}", "runs", 0);
		json_object_set_new(engines, engine, e);
	}
	json_object_set_new(e, "runs", json_integer(hmmt_json_int(e, "runs", 0) + 1));
	json_object_foreach(json_object_get(v, "counters"), key, c)
		if (json_is_integer(c))
			json_object_set_new(e, key, json_integer(hmmt_json_int(e, key, 0) +
								  json_integer_value(c)));
}

/* The same for each kernel, of which a campaign may have several. */
static void add_kernel(json_t *kernels, const json_t *v)
{
	const char *release = hmmt_json_str(json_object_get(v, "run"), "kernel_release", "unknown");
	json_t *engines = json_object_get(kernels, release);

	if (!engines) {
		engines = json_object();
		json_object_set_new(kernels, release, engines);
	}
	add_counters(engines, v);
}

static void add_title(json_t *titles, const char *title, const char *verdict, const char *dir)
{
	json_t *t;
	size_t i;

	json_array_foreach(titles, i, t)
		if (!strcmp(hmmt_json_str(t, "title", ""), title)) {
			json_array_append_new(json_object_get(t, "runs"), hmmt_json_string(dir));
			return;
		}
	json_array_append_new(titles, json_pack("{s:s, s:s, s:[s]}", "title", title, "verdict",
						verdict, "runs", dir));
}

static json_t *sum_json(json_t *runs, enum hmmt_verdict *worst)
{
	json_t *o = json_object(), *list = json_array(), *counts = json_object();
	json_t *titles = json_array(), *engines = json_object(), *kernels = json_object();
	json_t *v, *r;
	const char *title = json_array_size(runs) ? "" : "no run was found";
	size_t i;

	*worst = json_array_size(runs) ? HMMT_SKIP : HMMT_LOST;
	json_array_foreach(runs, i, r) {
		enum hmmt_verdict rv = run_verdict(r);
		const char *name = hmmt_verdict_name(rv), *dir = hmmt_json_str(r, "dir", "");

		v = json_object_get(r, "verdict");
		if (hmmt_verdict_rank(rv) > hmmt_verdict_rank(*worst) || !i) {
			*worst = rv;
			title = hmmt_json_str(v, "title", "");
		}
		json_object_set_new(counts, name, json_integer(hmmt_json_int(counts, name, 0) + 1));
		if (*hmmt_json_str(v, "title", ""))
			add_title(titles, hmmt_json_str(v, "title", ""), name, dir);
		add_counters(engines, v);
		add_kernel(kernels, v);
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:O?}", "dir", dir, "verdict",
						      name, "title", hmmt_json_str(v, "title", ""),
						      "run", json_object_get(v, "run")));
	}
	json_object_set_new(o, "hmmtorture_verdict", json_integer(1));
	json_object_set_new(o, "verdict", json_string(hmmt_verdict_name(*worst)));
	json_object_set_new(o, "title", json_string(title));
	json_object_set_new(o, "exit", json_integer(hmmt_verdict_exit(*worst)));
	json_object_set_new(o, "counts", counts);
	json_object_set_new(o, "titles", titles);
	json_object_set_new(o, "engines", engines);
	json_object_set_new(o, "kernels", kernels);
	json_object_set_new(o, "runs", list);
	return o;
}

static void print_engines(const json_t *engines, const char *release)
{
	const json_t *e;
	const char *key;

	json_object_foreach((json_t *)engines, key, e) {
		json_int_t both = hmmt_json_int(e, "thp_migrations", 0);

		printf("  %-8s %s%s%3" JSON_INTEGER_FORMAT " runs: THPs %" JSON_INTEGER_FORMAT
		       " to device, %" JSON_INTEGER_FORMAT " to system",
		       key, release, *release ? " " : "", hmmt_json_int(e, "runs", 0),
		       hmmt_json_int(e, "to_dev_thp", 0), hmmt_json_int(e, "to_sys_thp", 0));
		if (both)
			printf(" (and %" JSON_INTEGER_FORMAT " in runs without a record)", both);
		printf("; %" JSON_INTEGER_FORMAT " splits, %" JSON_INTEGER_FORMAT
		       " CPU faults, %" JSON_INTEGER_FORMAT " device faults, %"
		       JSON_INTEGER_FORMAT " oracle checks\n",
		       hmmt_json_int(e, "split_folio", 0), hmmt_json_int(e, "cpu_faults", 0),
		       hmmt_json_int(e, "dev_faults", 0), hmmt_json_int(e, "checks", 0));
	}
}

static void print_sum(const char *dir, const json_t *o)
{
	const char *title = hmmt_json_str(o, "title", ""), *key;
	const json_t *r, *v, *kernels;
	size_t i;

	json_array_foreach(json_object_get(o, "runs"), i, r)
		printf("%-12s %-28s %s\n", hmmt_json_str(r, "verdict", ""),
		       hmmt_json_str(r, "dir", ""), hmmt_json_str(r, "title", ""));
	printf("%s%s%s\n", hmmt_json_str(o, "verdict", ""), *title ? ": " : "", title);
	printf("  %-8s %zu:", "runs", json_array_size(json_object_get(o, "runs")));
	json_object_foreach(json_object_get(o, "counts"), key, v)
		printf(" %" JSON_INTEGER_FORMAT " %s", json_integer_value(v), key);
	putchar('\n');
	kernels = json_object_get(o, "kernels");
	if (json_object_size(kernels) == 1)
		print_engines(json_object_get(o, "engines"), "");
	else
		json_object_foreach((json_t *)kernels, key, v)
			print_engines(v, key);
	printf("  %-8s %s/{verdict.json,results.ktap,junit.xml}\n", "look at", dir);
}

int hmmt_sum(const char *dir, const struct hmmt_known_list *known, enum hmmt_verdict *verdict)
{
	json_t *runs = json_array(), *o = NULL;
	char path[4096], real[4096];
	const char *base;
	int err;

	err = scan(dir, "", 0, known, runs);
	if (err)
		goto put;
	o = sum_json(runs, verdict);
	err = hmmt_path(path, sizeof(path), "%s/verdict.json", dir);
	/* A results directory that is a run has its verdict already. */
	if (!err && strcmp(hmmt_json_str(json_array_get(runs, 0), "dir", ""), "run"))
		err = hmmt_json_write(path, o);
	if (!err)
		err = hmmt_path(path, sizeof(path), "%s/results.ktap", dir);
	if (!err)
		err = hmmt_report_ktap(path, runs);
	if (!err)
		err = hmmt_path(path, sizeof(path), "%s/junit.xml", dir);
	if (!err) {
		base = realpath(dir, real) ? strrchr(real, '/') : NULL;
		err = hmmt_report_junit(path, base ? base + 1 : "hmmtorture", runs);
	}
	if (!err)
		print_sum(dir, o);
put:
	json_decref(o);
	json_decref(runs);
	return err;
}
