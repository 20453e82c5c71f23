// SPDX-License-Identifier: GPL-2.0
/* hmmt-corpus: what the shell of the verb "corpus" must not parse itself. */
#include <errno.h>
#include <string.h>

#include "corpus.h"

static const char usage[] =
"usage: hmmt-corpus bugs DIR [ID...]          a line for each bug, for the runner\n"
"       hmmt-corpus list DIR [ID...]          the same for people\n"
"       hmmt-corpus new RUNDIR [CONTROL]      seconds tortured; the first new failure\n"
"       hmmt-corpus table DIR RESULTS         the table of a corpus run\n"
"DIR holds the .cocci files. Exit: 0; new: 0 there is one, 1 none; table: 0 all\n"
"caught, 1 some not, 3 not all run; 2 usage or a bad .cocci.\n";

static void print_bug(const struct bug *b, bool people)
{
	if (people)
		printf("%-22s %-5s %-5s %s%s\n", b->id, b->class,
		       bug_is_held_out(b) ? "held" : "tuned", b->what,
		       b->equivalent ? " (equivalent)" : "");
	else
		printf("%s\t%s\t%s\t%s\t%.*s\t%s\t%s\t%s\n", b->id, b->file, b->changes,
		       b->flavour, (int)strlen(b->budget) - 1, b->budget, b->class,
		       bug_is_held_out(b) ? "held" : "tuned",
		       b->equivalent ? "equivalent" : "bug");
}

static int print_bugs(const struct corpus *c, char **id, int n, bool people)
{
	const struct bug *b;
	size_t i;
	int k;

	for (i = 0; !n && i < c->nr; i++)
		print_bug(&c->bug[i], people);
	for (k = 0; k < n; k++) {
		b = corpus_find(c, id[k]);
		if (!b) {
			fprintf(stderr, "no bug '%s'; --list names them\n", id[k]);
			return 2;
		}
		print_bug(b, people);
	}
	return 0;
}

/* @control: NULL for a run of the control itself */
static int print_new(const char *run, const char *control)
{
	struct titles t = { 0 };
	struct finding f;
	int err = 0;

	if (control)
		err = titles_add(control, &t);
	if (!err)
		err = finding_read(run, &t, NULL, &f);
	titles_free(&t);
	if (err) {
		printf("0\n");
		return 1;
	}
	printf("%.0f\t%s\n", f.elapsed_s, f.title);
	return f.title[0] ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct corpus c;
	int ret = 2;

	if ((argc == 3 || argc == 4) && !strcmp(argv[1], "new"))
		return print_new(argv[2], argv[3]);
	if (argc < 3 || (strcmp(argv[1], "bugs") && strcmp(argv[1], "list") &&
			 (strcmp(argv[1], "table") || argc != 4))) {
		fputs(usage, stderr);
		return 2;
	}
	if (corpus_read(argv[2], &c))
		fprintf(stderr, "hmmt-corpus: %s cannot be used\n", argv[2]);
	else if (!strcmp(argv[1], "table"))
		ret = corpus_table(&c, argv[3]);
	else
		ret = print_bugs(&c, argv + 3, argc - 3, !strcmp(argv[1], "list"));
	corpus_free(&c);
	return ret;
}
