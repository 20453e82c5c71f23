// SPDX-License-Identifier: GPL-2.0
/* hmmt-coverage: the command line. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "coverage.h"

static const char usage[] =
"usage: hmmt-coverage unpack COUNTS.BIN DIR\n"
"       hmmt-coverage table CONFIG REASONS KSRC [LIST] <JSON\n"
"\n"
"unpack writes the .gcda files that a guest left below DIR and says their\n"
"names; table adds up what gcov --json-format --stdout made of them, and writes\n"
"what was never run to LIST, each with its reason of the list REASONS.\n";

static int table(char **argv, int argc)
{
	static struct coverage cov;
	FILE *list = NULL;

	if (sum_config(&cov, argv[0], argv[2]) || sum_json(&cov, stdin) ||
	    reasons_read(&cov, argv[1]))
		return 1;
	if (argc == 4) {
		list = fopen(argv[3], "we");
		if (!list) {
			fprintf(stderr, "hmmt-coverage: %s: %s\n", argv[3], strerror(errno));
			return 1;
		}
	}
	table_print(&cov, list);
	if (list && fclose(list)) {
		fprintf(stderr, "hmmt-coverage: %s: %s\n", argv[3], strerror(errno));
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "unpack"))
		return unpack(argv[2], argv[3]);
	if ((argc == 5 || argc == 6) && !strcmp(argv[1], "table"))
		return table(argv + 2, argc - 2);
	fputs(usage, stderr);
	return 2;
}
