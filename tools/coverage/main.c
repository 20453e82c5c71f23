// SPDX-License-Identifier: GPL-2.0
/* hmmt-coverage: the command line. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "coverage.h"

static const char usage[] =
"usage: hmmt-coverage unpack RESULTS.LOG DIR\n"
"       hmmt-coverage table CONFIG KSRC [LIST] <JSON\n"
"\n"
"unpack writes the .gcda files that a guest printed below DIR and says their\n"
"names; table adds up what gcov --json-format --stdout made of them, and writes\n"
"what was never run to LIST.\n";

int main(int argc, char **argv)
{
	static struct coverage cov;
	FILE *list = NULL;
	int ret;

	if (argc == 4 && !strcmp(argv[1], "unpack"))
		return unpack(argv[2], argv[3]);
	if ((argc != 4 && argc != 5) || strcmp(argv[1], "table")) {
		fputs(usage, stderr);
		return 2;
	}
	if (sum_config(&cov, argv[2], argv[3]) || sum_json(&cov, stdin))
		return 1;
	if (argc == 5) {
		list = fopen(argv[4], "we");
		if (!list) {
			fprintf(stderr, "hmmt-coverage: %s: %s\n", argv[4], strerror(errno));
			return 1;
		}
	}
	ret = table_print(&cov, list);
	if (list && fclose(list)) {
		fprintf(stderr, "hmmt-coverage: %s: %s\n", argv[4], strerror(errno));
		return 1;
	}
	return ret;
}
