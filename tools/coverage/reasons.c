// SPDX-License-Identifier: GPL-2.0
/*
 * configs/uncovered: why what is not covered is not. By function and by a pattern, so that
 * a line may move:
 *
 *	FILE FUNCTION
 *	= reason, which may go on
 *	= in the next line
 *	- pattern of lines that are never run
 *	? pattern of lines of which a branch is never taken
 *
 * The first one that matches counts.
 */
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

/* Of all lines of the function that miss this, match, and have no reason yet */
static int add_reason(struct coverage *cov, struct reader *r, const char *pattern, bool branch)
{
	unsigned int n, found = 0;
	regex_t regex;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB))
		return bad_line(r, "no regular expression");
	for (n = 1; r->file->seen && n <= r->file->nr_lines; n++) {
		struct source_line *l = &r->file->line[n];

		if (!line_counts(r->file, l) || l->reason || strcmp(l->function, r->function) ||
		    !(branch ? l->runs && line_open(l) : !l->runs) ||
		    regexec(&regex, l->text, 0, NULL, 0))
			continue;
		l->reason = strdup(r->reason);
		found++;
	}
	regfree(&regex);
	if (r->file->seen && !found) {
		printf("stale reason: %s:%u: nothing that is missing matches: %s\n", r->path, r->n,
		       pattern);
		cov->stale++;
	}
	return 0;
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
		return add_reason(cov, r, text + 1 + strspn(text + 1, " "), *text == '?');
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
