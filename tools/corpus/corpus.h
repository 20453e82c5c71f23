/* SPDX-License-Identifier: GPL-2.0 */
/* The corpus of bugs: what they are (bugs.c), what their runs found (runs.c). */
#ifndef HMMT_CORPUS_H
#define HMMT_CORPUS_H

#include <stdbool.h>
#include <stddef.h>

#include "judge.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* The head comment of a .cocci, see docs/corpus.md. NULL: not said. */
struct bug {
	char *id, *what, *why, *source, *file, *changes, *kernels, *flavour;
	char *scenario, *oracle, *budget, *class, *equivalent;
};

struct corpus {
	struct bug *bug;
	size_t nr;
};

/* Reads DIR/ *.cocci, sorted by id. Complains on stderr; 0 or -errno. */
int corpus_read(const char *dir, struct corpus *c);
void corpus_free(struct corpus *c);
const struct bug *corpus_find(const struct corpus *c, const char *id);
/* Half of the corpus that is reported apart: nobody may tune on it. */
bool bug_is_held_out(const struct bug *b);
/* Does the head say that @by, an oracle or a source of failures, may notice it? */
bool bug_expects(const struct bug *b, const char *by);

/* Titles of failures that the unmodified kernel shows, known issues apart. */
struct titles {
	char **title;
	size_t nr;
	const struct titles *and;	/* these as well, or NULL */
};

/* Adds those of the verdict.json of every run below @runs, none when it is not there */
int titles_add(const char *runs, struct titles *t);
void titles_free(struct titles *t);

struct finding {
	char title[HMMT_TITLE_MAX];	/* of the first new failure, "" if none */
	char by[32];			/* the oracle that noticed, else console, test, ... */
	char verdict[16];		/* of the run, whatever it found */
	char engine[16];
	long long seed;
	double guest_s;			/* clock of the guest, until the failure if there is one */
	double elapsed_s;		/* torture time of the whole run, or of all runs */
	double wall_s;
};

/* -ENOENT: not judged. @source: only failures from there, NULL for all. */
int finding_read(const char *run, const struct titles *not_new, const char *source,
		 struct finding *f);
/* The first finding in the runs below @dir, in the order of their names, with the
 * clocks of those before it added. @guests: how many there were.
 */
int findings_read(const char *dir, const struct titles *not_new, struct finding *f,
		  unsigned int *guests);

/* Prints the table of RESULTS and writes RESULTS/table.tsv; the exit code */
int corpus_table(const struct corpus *c, const char *results);

#endif
