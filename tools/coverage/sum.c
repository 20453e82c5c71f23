// SPDX-License-Identifier: GPL-2.0
/* The counts of all runs, added up by file, line and branch. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "coverage.h"

static int bad_config(const char *path, unsigned int n, const char *what)
{
	fprintf(stderr, "hmmt-coverage: %s:%u: %s\n", path, n, what);
	return 1;
}

static int aim(const char *s)
{
	return *s == '-' ? -1 : atoi(s);
}

int sum_config(struct coverage *cov, const char *path, const char *ksrc)
{
	char *text = NULL, name[64], a[512], b[16];
	unsigned int n = 0, i;
	FILE *in = fopen(path, "re");
	size_t size = 0;
	int ret = 0, words;

	if (!in) {
		fprintf(stderr, "hmmt-coverage: %s: %s\n", path, strerror(errno));
		return 1;
	}
	while (!ret && getline(&text, &size, in) > 0) {
		n++;
		words = sscanf(text, "%63s %511s %15s", name, a, b);
		if (words < 1 || *name == '#')
			continue;
		if (words == 2 && !strcmp(name, "match")) {
			ret = regcomp(&cov->match, a, REG_EXTENDED | REG_NOSUB);
			cov->have_match = !ret;
		} else if (words == 2 && !strcmp(name, "assert")) {
			ret = regcomp(&cov->assertion, a, REG_EXTENDED | REG_NOSUB);
			cov->have_assertion = !ret;
		} else if (words == 3 && cov->nr_files < MAX_FILES) {
			strcpy(cov->file[cov->nr_files].name, name);
			cov->file[cov->nr_files].aim_lines = aim(a);
			cov->file[cov->nr_files++].aim_branches = aim(b);
		} else {
			ret = 1;
		}
		if (ret)
			bad_config(path, n, "neither match nor assert nor FILE LINES BRANCHES");
	}
	free(text);
	fclose(in);
	for (i = 0; !ret && i < cov->nr_files; i++)
		ret = source_read(cov, &cov->file[i], ksrc);
	return ret;
}

/* Is @path that file of the tree, wherever the tree is? */
static struct source_file *file_of(struct coverage *cov, const char *path)
{
	unsigned int i;

	for (i = 0; i < cov->nr_files; i++) {
		size_t len = strlen(cov->file[i].name), all = strlen(path);

		if (all >= len && !strcmp(path + all - len, cov->file[i].name) &&
		    (all == len || path[all - len - 1] == '/'))
			return &cov->file[i];
	}
	return NULL;
}

static void sum_line(struct source_file *f, const json_t *line)
{
	json_int_t n = json_integer_value(json_object_get(line, "line_number"));
	struct source_line *l;
	const json_t *branch;
	size_t i;

	if (n < 1 || n > f->nr_lines)
		return;
	l = &f->line[n];
	l->code = true;
	l->runs += json_integer_value(json_object_get(line, "count"));
	json_array_foreach(json_object_get(line, "branches"), i, branch) {
		if (i >= MAX_BRANCHES)
			break;
		if (i >= l->nr_branches)
			l->nr_branches = i + 1;
		l->taken[i] += json_integer_value(json_object_get(branch, "count"));
	}
}

int sum_json(struct coverage *cov, FILE *in)
{
	const json_t *file, *line;
	json_error_t err;
	struct source_file *f;
	unsigned int docs = 0;
	size_t i, j;
	json_t *doc;

	while ((doc = json_loadf(in, JSON_DISABLE_EOF_CHECK, &err))) {
		docs++;
		json_array_foreach(json_object_get(doc, "files"), i, file) {
			f = file_of(cov, json_string_value(json_object_get(file, "file")) ?: "");
			if (!f)
				continue;
			f->seen = true;
			json_array_foreach(json_object_get(file, "lines"), j, line)
				sum_line(f, line);
		}
		json_decref(doc);
	}
	if (!docs || !feof(in)) {
		fprintf(stderr, "hmmt-coverage: not what gcov prints: %s\n", err.text);
		return 1;
	}
	return 0;
}
