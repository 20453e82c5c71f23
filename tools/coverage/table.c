// SPDX-License-Identifier: GPL-2.0
/* Percent of each file, and the list of what was never run. */
#include "coverage.h"

struct tally {
	unsigned int lines, lines_run, branches, branches_taken;
	unsigned int open, unexplained;		/* lines with something that is missing */
};

static void list_line(FILE *list, const struct source_file *f, unsigned int n)
{
	const struct source_line *l = &f->line[n];
	unsigned int i;

	if (!list)
		return;
	if (!l->runs)
		fprintf(list, "%s:%u: never run: %s\n", f->name, n, l->text);
	else
		fprintf(list, "%s:%u: %u of %u branches never taken: %s\n", f->name, n,
			line_open(l), l->nr_branches, l->text);
	fprintf(list, "\t%s(): %s", l->function, l->reason ?: "NO REASON");
	for (i = 0; l->runs && i < l->nr_branches; i++)
		fprintf(list, "%s%llu", i ? " " : "; taken: ", l->taken[i]);
	putc('\n', list);
}

static struct tally tally_file(const struct source_file *f, FILE *list)
{
	struct tally t = { 0 };
	unsigned int n, open;

	for (n = 1; n <= f->nr_lines; n++) {
		const struct source_line *l = &f->line[n];

		if (!line_counts(f, l))
			continue;
		open = line_open(l);
		t.lines++;
		t.lines_run += !!l->runs;
		if (!l->ignored) {
			t.branches += l->nr_branches;
			t.branches_taken += l->nr_branches - open;
		}
		if (l->runs && !open)
			continue;
		t.open++;
		t.unexplained += !l->reason;
		list_line(list, f, n);
	}
	return t;
}

static double percent(unsigned int part, unsigned int all)
{
	return all ? 100.0 * part / all : 100;
}

/* "71.3% 189 of 265  95%": what there is, and the aim, with a mark when it is missed */
static bool print_share(unsigned int part, unsigned int all, int aim)
{
	bool met = aim < 0 || percent(part, all) >= aim;
	char text[32];

	snprintf(text, sizeof(text), "%u of %u", part, all);
	printf("  %5.1f%% %-12s", percent(part, all), text);
	if (aim < 0)
		printf("%5s ", "all");
	else
		printf("%4d%%%c", aim, met ? ' ' : '<');
	return met;
}

void table_print(const struct coverage *cov, FILE *list)
{
	unsigned int i, open = 0, unexplained = 0, missed = 0;

	printf("%-22s  %6s %-12s %4s   %8s %-10s %4s\n", "file", "lines", "", "aim", "branches",
	       "", "aim");
	for (i = 0; i < cov->nr_files; i++) {
		const struct source_file *f = &cov->file[i];
		struct tally t = tally_file(f, list);
		bool met;

		printf("%-22s", f->name);
		if (!f->seen) {
			printf("  no counts: not compiled with GCOV?\n");
			continue;
		}
		met = print_share(t.lines_run, t.lines, f->aim_lines);
		met &= print_share(t.branches_taken, t.branches, f->aim_branches);
		printf("%s\n", f->aim_lines < 0 ? "  (device-private lines)" : "");
		open += t.open;
		unexplained += t.unexplained;
		missed += !met;
	}
	printf("%u lines are not covered or not in all branches, %u of them without a reason; "
	       "%u stale reasons; %u aims are missed\n", open, unexplained, cov->stale, missed);
}
