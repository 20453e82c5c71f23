/* SPDX-License-Identifier: GPL-2.0 */
/* Coverage of the kernel: from results.log to a table. */
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
};

/* 0 or 1 as the program's exit status wants it; what is wrong is said. */

/* Write the .gcda files of a results.log below @dir, with a link to each .gcno. */
int unpack(const char *log, const char *dir);
/* The table of files, configs/coverage, and their sources in @ksrc. */
int sum_config(struct coverage *cov, const char *path, const char *ksrc);
/* Add documents of gcov --json-format. */
int sum_json(struct coverage *cov, FILE *in);
/* Percent, and what is missing; @list gets the latter line by line, or NULL. */
int table_print(const struct coverage *cov, FILE *list);

#endif /* _COVERAGE_H */
