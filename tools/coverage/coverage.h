/* SPDX-License-Identifier: GPL-2.0 */
/* Coverage of the kernel: from what guests left to a table. */
#ifndef _COVERAGE_H
#define _COVERAGE_H

#include <regex.h>
#include <stdbool.h>
#include <stdio.h>

#define MAX_FILES	32
#define MAX_LINES	16384
#define MAX_BRANCHES	64	/* of a line; what is beyond is not looked at */

struct source_line {
	bool code;
	bool ignored;		/* an assertion: branches do not count */
	bool matched;
	unsigned int nr_branches;
	unsigned long long runs;
	unsigned long long taken[MAX_BRANCHES];
	char *text;
	const char *function;	/* "" outside of any */
	const char *reason;	/* why it is not covered, NULL: nobody knows */
};

struct source_file {
	char name[64];		/* in the kernel tree */
	int aim_lines, aim_branches;	/* percent; -1: only what matches */
	unsigned int nr_lines;
	struct source_line *line;	/* by number, 0 is not used */
	bool seen;
};

struct coverage {
	struct source_file file[MAX_FILES];
	unsigned int nr_files;
	regex_t match, assertion;
	bool have_match, have_assertion;
	unsigned int stale;	/* reasons for nothing that is missing */
};

/* 0 or 1 as the program's exit status wants it; what is wrong is said. */

/* Write the .gcda files of a counts.bin below @dir, with a link to each .gcno. */
int unpack(const char *counts, const char *dir);
/* The table of files, configs/coverage, and their sources in @ksrc. */
int sum_config(struct coverage *cov, const char *path, const char *ksrc);
/* Add documents of gcov --json-format. */
int sum_json(struct coverage *cov, FILE *in);
/* The lines of @f in @ksrc, with what is known of each before anything ran. */
int source_read(const struct coverage *cov, struct source_file *f, const char *ksrc);
/* Why what is not covered is not, configs/uncovered; the stale ones are said. */
int reasons_read(struct coverage *cov, const char *path);
/* Percent, and what is missing; @list gets the latter line by line, or NULL. */
void table_print(const struct coverage *cov, FILE *list);

/* Is the line looked at at all? */
static inline bool line_counts(const struct source_file *f, const struct source_line *l)
{
	return l->code && (f->aim_lines >= 0 || l->matched);
}

/* Branches that were never taken */
static inline unsigned int line_open(const struct source_line *l)
{
	unsigned int i, open = 0;

	for (i = 0; !l->ignored && i < l->nr_branches; i++)
		open += !l->taken[i];
	return open;
}

#endif /* _COVERAGE_H */
