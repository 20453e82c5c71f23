// SPDX-License-Identifier: GPL-2.0
/* Percent of each file, and the list of what was never run. */
#include "coverage.h"

struct tally {
	unsigned int lines, lines_run, branches, branches_taken;
};

static void list_line(FILE *list, const struct source_file *f, unsigned int n, unsigned int open)
{
	const struct source_line *l = &f->line[n];

	if (!list)
		return;
	if (!l->runs)
		fprintf(list, "%s:%u: never run: %s\n", f->name, n, l->text);
	else if (open)
		fprintf(list, "%s:%u: %u of %u branches never taken: %s\n", f->name, n, open,
			l->nr_branches, l->text);
}

static struct tally tally_file(const struct source_file *f, FILE *list)
{
	struct tally t = { 0 };
	unsigned int n, b, open;

	for (n = 1; n <= f->nr_lines; n++) {
		const struct source_line *l = &f->line[n];

		if (!l->code || (f->aim_lines < 0 && !l->matched))
			continue;
		t.lines++;
		t.lines_run += !!l->runs;
		open = 0;
		for (b = 0; !l->ignored && b < l->nr_branches; b++) {
			t.branches++;
			t.branches_taken += !!l->taken[b];
			open += !l->taken[b];
		}
		list_line(list, f, n, open);
	}
	return t;
}

static double percent(unsigned int part, unsigned int all)
{
	return all ? 100.0 * part / all : 100;
}

static void print_aim(int aim)
{
	if (aim < 0)
		printf("%6s", "all");
	else
		printf("%5d%%", aim);
}

int table_print(const struct coverage *cov, FILE *list)
{
	unsigned int i;

	printf("%-22s %6s %-13s %5s  %8s %-13s %5s\n", "file", "lines", "", "aim", "branches",
	       "", "aim");
	for (i = 0; i < cov->nr_files; i++) {
		const struct source_file *f = &cov->file[i];
		struct tally t = tally_file(f, list);
		char run[32], taken[32];

		if (!f->seen) {
			printf("%-22s no counts: not compiled with GCOV?\n", f->name);
			continue;
		}
		snprintf(run, sizeof(run), "%u of %u", t.lines_run, t.lines);
		snprintf(taken, sizeof(taken), "%u of %u", t.branches_taken, t.branches);
		printf("%-22s %5.1f%% %-13s", f->name, percent(t.lines_run, t.lines), run);
		print_aim(f->aim_lines);
		printf("   %6.1f%% %-13s", percent(t.branches_taken, t.branches), taken);
		print_aim(f->aim_branches);
		printf("%s\n", f->aim_lines < 0 ? "  (device-private lines)" : "");
	}
	return 0;
}
