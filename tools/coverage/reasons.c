// SPDX-License-Identifier: GPL-2.0
/*
 * configs/uncovered: why what is not covered is not. By function and text, so that
 * a line may move:
 *
 *	FILE FUNCTION
 *	= reason, which may go on
 *	= in the next line
 *	- text of a line that is never run
 *	? text of one of which a branch is never taken
 *
 * " #2" behind a text is the second line of this text in the function.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coverage.h"

struct reader {
	const char *path;
	unsigned int n;			/* line of the list */
	struct source_file *file;	/* NULL: none of those that are looked at */
	char function[128];
	char reason[1024];
	bool reason_ends;		/* the next "=" begins another one */
};

static int bad_line(const struct reader *r, const char *what)
{
	fprintf(stderr, "hmmt-coverage: %s:%u: %s\n", r->path, r->n, what);
	return 1;
}

static void stale(struct coverage *cov, const struct reader *r, const char *text, const char *why)
{
	printf("stale reason: %s:%u: %s: %s\n", r->path, r->n, why, text);
	cov->stale++;
}

static bool is_text(const struct source_line *l, const char *text)
{
	const char *s = l->text + strspn(l->text, "\t ");
	size_t len = strlen(s);

	while (len && isspace((unsigned char)s[len - 1]))
		len--;
	return strlen(text) == len && !strncmp(s, text, len);
}

/* Take a " #2" off @text; 0: there is none. */
static unsigned int take_index(char *text)
{
	char *hash = strrchr(text, '#');
	unsigned int index;

	if (!hash || hash == text || hash[-1] != ' ' || !hash[1] ||
	    hash[1 + strspn(hash + 1, "0123456789")])
		return 0;
	index = atoi(hash + 1);
	hash[-1] = 0;
	return index;
}

/* The line, or NULL, which is said. */
static struct source_line *find_line(struct coverage *cov, const struct reader *r, char *text)
{
	unsigned int n, found = 0, index = take_index(text);
	struct source_line *line = NULL;

	for (n = 1; n <= r->file->nr_lines; n++) {
		struct source_line *l = &r->file->line[n];

		if (!l->code || strcmp(l->function, r->function) || !is_text(l, text))
			continue;
		found++;
		if (!index || found == index)
			line = l;
	}
	if (!line) {
		stale(cov, r, text, "there is no such line");
	} else if (!index && found > 1) {
		stale(cov, r, text, "there are several such lines, say which");
		line = NULL;
	}
	return line;
}

static void add_reason(struct coverage *cov, struct reader *r, char *text, bool branch)
{
	struct source_line *l;

	if (!r->file->seen)
		return;
	l = find_line(cov, r, text);
	if (!l)
		return;
	if (branch ? l->runs && line_open(l) : !l->runs)
		l->reason = strdup(r->reason);
	else if (branch && !l->runs)
		stale(cov, r, text, "is never run at all");
	else
		stale(cov, r, text, "is covered");
}

static int set_function(struct coverage *cov, struct reader *r, const char *text)
{
	char name[64];
	unsigned int i;

	if (sscanf(text, "%63s %127s", name, r->function) != 2)
		return bad_line(r, "neither FILE FUNCTION nor = - ?");
	r->file = NULL;
	r->reason[0] = 0;
	for (i = 0; i < cov->nr_files; i++)
		if (!strcmp(cov->file[i].name, name))
			r->file = &cov->file[i];
	return r->file ? 0 : bad_line(r, "no file of configs/coverage");
}

static int add_text(struct reader *r, const char *text)
{
	size_t used;

	if (r->reason_ends)
		r->reason[0] = 0;
	r->reason_ends = false;
	used = strlen(r->reason);
	if ((size_t)snprintf(r->reason + used, sizeof(r->reason) - used, "%s%s", used ? " " : "",
			     text) >= sizeof(r->reason) - used)
		return bad_line(r, "too long a reason");
	return 0;
}

static int read_line(struct coverage *cov, struct reader *r, char *text)
{
	switch (*text) {
	case 0:
	case '#':
		return 0;
	case '=':
		return add_text(r, text + 1 + strspn(text + 1, " "));
	case '-':
	case '?':
		if (!r->file || !r->reason[0])
			return bad_line(r, "no function, or no reason");
		r->reason_ends = true;
		add_reason(cov, r, text + 1 + strspn(text + 1, " "), *text == '?');
		return 0;
	default:
		return set_function(cov, r, text);
	}
}

int reasons_read(struct coverage *cov, const char *path)
{
	struct reader r = { .path = path };
	FILE *in = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	int ret = 0;

	if (!in) {
		fprintf(stderr, "hmmt-coverage: %s: %s\n", path, strerror(errno));
		return 1;
	}
	while (!ret && getline(&text, &size, in) > 0) {
		r.n++;
		text[strcspn(text, "\n")] = 0;
		ret = read_line(cov, &r, text);
	}
	free(text);
	fclose(in);
	return ret;
}
