// SPDX-License-Identifier: GPL-2.0
/*
 * What runs found that is new. A failure is new when it is no known issue and
 * the unmodified kernel did not show its title either (docs/corpus.md).
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "corpus.h"

#define SPOILT_US	1000000

static json_t *read_verdict(const char *run)
{
	char path[4096];

	if (hmmt_path(path, sizeof(path), "%s/verdict.json", run))
		return NULL;
	return json_load_file(path, 0, NULL);
}

static int is_run(const struct dirent *e)
{
	return e->d_name[0] >= '0' && e->d_name[0] <= '9';
}

static bool has_title(const struct titles *t, const char *title)
{
	size_t i;

	for (; t; t = t->and)
		for (i = 0; i < t->nr; i++)
			if (!strcmp(t->title[i], title))
				return true;
	return false;
}

static int add_title(struct titles *t, const char *title)
{
	char **more;

	if (has_title(t, title))
		return 0;
	more = realloc(t->title, (t->nr + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	t->title = more;
	t->title[t->nr] = strdup(title);
	if (!t->title[t->nr])
		return -ENOMEM;
	t->nr++;
	return 0;
}

static int add_titles(struct titles *t, const json_t *verdict)
{
	const json_t *f;
	int err = 0;
	size_t i;

	json_array_foreach(json_object_get(verdict, "failures"), i, f)
		if (!err && !json_object_get(f, "known"))
			err = add_title(t, hmmt_json_str(f, "title", ""));
	return err;
}

int titles_add(const char *runs, struct titles *t)
{
	struct dirent **names;
	char path[4096];
	json_t *verdict;
	int i, n, err = 0;

	n = scandir(runs, &names, NULL, alphasort);
	if (n < 0)
		return errno == ENOENT ? 0 : -errno;
	for (i = 0; i < n; i++) {
		if (!err && names[i]->d_name[0] != '.')
			err = hmmt_path(path, sizeof(path), "%s/%s", runs, names[i]->d_name);
		if (!err && names[i]->d_name[0] != '.') {
			verdict = read_verdict(path);
			err = add_titles(t, verdict);
			json_decref(verdict);
		}
		free(names[i]);
	}
	free(names);
	return err;
}

void titles_free(struct titles *t)
{
	while (t->nr)
		free(t->title[--t->nr]);
	free(t->title);
}

/* The guest's clock when it ended: of programs that keep no journal */
static double last_stamp(const json_t *verdict)
{
	double s;

	return sscanf(hmmt_json_str(json_object_get(verdict, "console"), "last_line", ""),
		      "[%lf]", &s) == 1 ? s : 0;
}

/*
 * Does the console tell of a known issue that spoils locks or counts, before @time_us or just
 * after it? They are noticed by others as well, later and sooner.
 */
static bool is_spoilt(const json_t *verdict, json_int_t time_us)
{
	const json_t *e;
	json_int_t t;
	size_t i;

	json_array_foreach(json_object_get(verdict, "failures"), i, e) {
		t = hmmt_json_int(e, "time_us", -1);
		if (json_object_get(e, "spoils") && t >= 0 && t - time_us < SPOILT_US &&
		    !strcmp(hmmt_json_str(e, "source", ""), "console"))
			return true;
	}
	return false;
}

int finding_read(const char *run, const struct titles *not_new, const char *source,
		 struct finding *f)
{
	const json_t *info, *e;
	json_t *verdict = read_verdict(run);
	const char *from = "";
	json_int_t us = -1;
	size_t i;

	memset(f, 0, sizeof(*f));
	if (!verdict)
		return -ENOENT;
	info = json_object_get(verdict, "run");
	hmmt_copy(f->verdict, sizeof(f->verdict), hmmt_json_str(verdict, "verdict", ""));
	hmmt_copy(f->engine, sizeof(f->engine), hmmt_json_str(info, "engine", ""));
	f->seed = hmmt_json_int(info, "seed", 0);
	f->wall_s = hmmt_json_int(info, "wall_ms", 0) / 1e3;
	json_array_foreach(json_object_get(verdict, "failures"), i, e) {
		from = hmmt_json_str(e, "source", "");
		us = hmmt_json_int(e, "time_us", -1);
		if (json_object_get(e, "known") ||
		    has_title(not_new, hmmt_json_str(e, "title", "")) ||
		    (!strcmp(from, "console") && is_spoilt(verdict, us)) ||
		    (source && strcmp(source, from)))
			continue;
		hmmt_copy(f->title, sizeof(f->title), hmmt_json_str(e, "title", ""));
		hmmt_copy(f->by, sizeof(f->by), hmmt_json_str(e, "oracle", from));
		break;
	}
	if (!f->title[0])
		us = -1;
	f->elapsed_s = hmmt_json_int(json_object_get(verdict, "journal"), "elapsed_ms", 0) / 1e3;
	if (!f->elapsed_s)
		f->elapsed_s = last_stamp(verdict);
	f->guest_s = us >= 0 ? us / 1e6 : f->elapsed_s;
	/* The stamp of a user's line is that of the kernel's line before it. */
	if (strcmp(from, "console") && f->guest_s < f->elapsed_s)
		f->guest_s = f->elapsed_s;
	json_decref(verdict);
	return 0;
}

int findings_read(const char *dir, const struct titles *not_new, struct finding *f,
		  unsigned int *guests)
{
	double guest_s = 0, wall_s = 0, elapsed_s = 0;
	struct dirent **names;
	struct finding one;
	char path[4096];
	int i, n;

	memset(f, 0, sizeof(*f));
	*guests = 0;
	n = scandir(dir, &names, is_run, alphasort);
	if (n < 0)
		return -errno;
	for (i = 0; i < n; i++) {
		if (!f->title[0] &&
		    !hmmt_path(path, sizeof(path), "%s/%s", dir, names[i]->d_name) &&
		    !finding_read(path, not_new, NULL, &one)) {
			one.guest_s += guest_s;
			one.wall_s += wall_s;
			guest_s = one.guest_s;
			wall_s = one.wall_s;
			elapsed_s += one.elapsed_s;
			*f = one;
			f->elapsed_s = elapsed_s;
			++*guests;
		}
		free(names[i]);
	}
	free(names);
	return *guests ? 0 : -ENOENT;
}
