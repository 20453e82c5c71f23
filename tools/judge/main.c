// SPDX-License-Identifier: GPL-2.0
/* hmmt-judge: the sub-commands. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "judge.h"

struct args {
	const char *dir, *known, *title;
	size_t last;
	bool each;
};

struct command {
	const char *name, *args, *what;
	int (*run)(const struct args *a, const struct hmmt_known_list *known);
};

static int fail(const char *what, int err)
{
	fprintf(stderr, "hmmt-judge: %s: %s\n", what, strerror(-err));
	return HMMT_EXIT_NONE;
}

/* Judges and writes verdict.json; the JSON is the caller's, NULL on error. */
static json_t *judge(const char *dir, const struct hmmt_known_list *known)
{
	struct hmmt_judgement *j = malloc(sizeof(*j));
	char path[4096];
	json_t *v = NULL;
	int err = -ENOMEM;

	if (!j)
		goto out;
	err = hmmt_judge_run(dir, known, j);
	if (!err)
		v = hmmt_judgement_json(j);
	hmmt_judgement_free(j);
	free(j);
	if (!err)
		err = hmmt_path(path, sizeof(path), "%s/verdict.json", dir);
	if (!err)
		err = hmmt_json_write(path, v);
out:
	if (!err)
		return v;
	fail(dir, err);
	json_decref(v);
	return NULL;
}

/* program.txt of a run that failed, if its journal has it. */
static void write_program(const char *dir, const char *title)
{
	char path[4096], *text = NULL;
	size_t size = 0;
	FILE *mem, *f = NULL;
	int err;

	if (hmmt_path(path, sizeof(path), "%s/journal.bin", dir))
		return;
	mem = open_memstream(&text, &size);
	if (!mem)
		return;
	fprintf(mem, "# %s\n", title);
	err = hmmt_program_write(path, mem);
	if (fclose(mem) || err || hmmt_path(path, sizeof(path), "%s/program.txt", dir))
		goto free;
	f = hmmt_atomic_begin(path);
	if (!f)
		goto free;
	fwrite(text, 1, size, f);
	if (hmmt_atomic_end(f, path))
		fail(path, -EIO);
free:
	free(text);
}

static int cmd_run(const struct args *a, const struct hmmt_known_list *known)
{
	json_t *v = judge(a->dir, known);
	int rc;

	if (!v)
		return HMMT_EXIT_NONE;
	hmmt_print_run(a->dir, v, stdout);
	if (json_array_size(json_object_get(v, "failures")))
		write_program(a->dir, hmmt_json_str(v, "title", ""));
	rc = (int)hmmt_json_int(v, "exit", HMMT_EXIT_NONE);
	json_decref(v);
	return rc;
}

static int cmd_sum(const struct args *a, const struct hmmt_known_list *known)
{
	enum hmmt_verdict v = HMMT_LOST;
	int err = hmmt_sum(a->dir, known, &v);

	return err ? fail(a->dir, err) : hmmt_verdict_exit(v);
}

/* A word for what a journal may lack. */
static const char *journal_error(int err)
{
	switch (err) {
	case -EBADMSG:
		return "no journal was written there";
	case -ENODATA:
		return "no round is in it";
	case -EOVERFLOW:
		return "the round was longer than the journal, its beginning is gone";
	case -ENOMSG:
		return "no calls were traced";
	default:
		return strerror(-err);
	}
}

static int cmd_journal(const struct args *a, const struct hmmt_known_list *known)
{
	char path[4096];
	int err = hmmt_path(path, sizeof(path), "%s/journal.bin", a->dir);

	(void)known;
	if (!err)
		err = hmmt_journal_print(path, a->last, stdout);
	if (!err)
		return 0;
	fprintf(stderr, "hmmt-judge: %s: %s\n", path, journal_error(err));
	return HMMT_EXIT_NONE;
}

static int cmd_program(const struct args *a, const struct hmmt_known_list *known)
{
	char path[4096];
	int err = hmmt_path(path, sizeof(path), "%s/journal.bin", a->dir);

	(void)known;
	if (!err)
		err = hmmt_program_write(path, stdout);
	if (!err)
		return 0;
	fprintf(stderr, "hmmt-judge: %s: %s\n", path, journal_error(err));
	return HMMT_EXIT_NONE;
}

static int cmd_ctest(const struct args *a, const struct hmmt_known_list *known)
{
	json_t *v = judge(a->dir, known);
	char path[4096];
	int err = hmmt_path(path, sizeof(path), "%s/journal.bin", a->dir);

	if (!err)
		err = hmmt_ctest_write(path, hmmt_json_str(v, "title", ""), stdout);
	json_decref(v);
	if (!err)
		return 0;
	fprintf(stderr, "hmmt-judge: %s: %s\n", path, journal_error(err));
	return HMMT_EXIT_NONE;
}

static int cmd_match(const struct args *a, const struct hmmt_known_list *known)
{
	char want[HMMT_TITLE_MAX];
	json_t *v, *f;
	const char *verdict;
	size_t i;
	int rc;

	hmmt_title_normalise(a->title, want, sizeof(want));
	v = judge(a->dir, known);
	if (!v)
		return HMMT_EXIT_NONE;
	verdict = hmmt_json_str(v, "verdict", "LOST");
	rc = strcmp(verdict, "PASS") ? HMMT_EXIT_NONE : HMMT_EXIT_FAIL;
	json_array_foreach(json_object_get(v, "failures"), i, f)
		if (!strcmp(hmmt_json_str(f, "title", ""), want))
			rc = 0;
	if (a->each) {
		hmmt_print_each(v, want, rc == 0, stdout);
		json_decref(v);
		return rc;
	}
	printf("%s: %s\n", rc == 0 ? "same" : rc == HMMT_EXIT_FAIL ? "passed" :
	       strcmp(verdict, "FAIL") && strcmp(verdict, "KNOWN") ? "no verdict" : "other",
	       hmmt_json_str(v, "title", ""));
	json_decref(v);
	return rc;
}

/*
 * Is all that is not known in the kernel's own code, by its own word? On a
 * stock kernel that is a finding; anything else may be a bug of ours.
 */
static int cmd_news(const struct args *a, const struct hmmt_known_list *known)
{
	json_t *v = judge(a->dir, known), *f;
	size_t i, news = 0, ours = 0;
	const char *title = "";

	if (!v)
		return HMMT_EXIT_NONE;
	json_array_foreach(json_object_get(v, "failures"), i, f) {
		if (json_object_get(f, "known"))
			continue;
		if (strcmp(hmmt_json_str(f, "source", ""), "console"))
			ours++;
		else if (!news++)
			title = hmmt_json_str(f, "title", "");
	}
	if (news && !ours)
		printf("%s\n", title);
	json_decref(v);
	return news && !ours ? 0 : HMMT_EXIT_FAIL;
}

static const struct command commands[] = {
	{ "run", "RUNDIR [--known DIR]", "verdict of one run", cmd_run },
	{ "sum", "RESULTSDIR [--known DIR]", "one verdict of many runs, KTAP and JUnit", cmd_sum },
	{ "journal", "RUNDIR [--last N]", "what the guest did last, as text", cmd_journal },
	{ "program", "RUNDIR", "its round as a program, see docs/programs.md", cmd_program },
	{ "ctest", "RUNDIR", "a traced round as a test for hmm-tests.c", cmd_ctest },
	{ "match", "RUNDIR --title TITLE [--each]",
	  "0 failed with this title, 1 passed, 3 failed otherwise or no verdict", cmd_match },
	{ "news", "RUNDIR [--known DIR]",
	  "0 the kernel's own reports only, one is not known; else 1", cmd_news },
};

static int usage(FILE *out, const char *why)
{
	size_t i;

	if (why)
		fprintf(out, "hmmt-judge: %s\n", why);
	for (i = 0; i < HMMT_NELEM(commands); i++)
		fprintf(out, "%s hmmt-judge %-7s %-25s %s\n", i ? "      " : "usage:",
			commands[i].name, commands[i].args, commands[i].what);
	return why ? HMMT_EXIT_USAGE : 0;
}

/* The reason why the arguments are none, or NULL. */
static const char *parse(int argc, char **argv, const struct command *c, struct args *a)
{
	char *end;
	int i;

	for (i = 2; i < argc; i++) {
		const char *opt = argv[i];

		if (opt[0] != '-') {
			if (a->dir)
				return "one directory only";
			a->dir = opt;
			continue;
		}
		if (!strcmp(opt, "--each") && !strcmp(c->name, "match")) {
			a->each = true;
			continue;
		}
		if (i + 1 == argc)
			return "an option is unknown or without its value";
		if (!strcmp(opt, "--known") && strcmp(c->name, "journal")) {
			a->known = argv[++i];
		} else if (!strcmp(opt, "--title") && !strcmp(c->name, "match")) {
			a->title = argv[++i];
		} else if (!strcmp(opt, "--last") && !strcmp(c->name, "journal")) {
			a->last = strtoul(argv[++i], &end, 10);
			if (*end || end == argv[i] || !a->last || argv[i][0] == '-')
				return "--last needs a number above 0";
		} else {
			return "unknown option";
		}
	}
	if (!a->dir)
		return "which directory?";
	if (!strcmp(c->name, "match") && !a->title)
		return "match needs --title";
	return NULL;
}

int main(int argc, char **argv)
{
	struct hmmt_known_list known = { 0 };
	struct args a = { 0 };
	const struct command *c = NULL;
	const char *why;
	struct stat st;
	size_t i;
	int rc;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
		return usage(stdout, NULL);
	for (i = 0; argc > 1 && i < HMMT_NELEM(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			c = &commands[i];
	if (!c)
		return usage(stderr, argc > 1 ? "unknown command" : "no command");
	why = parse(argc, argv, c, &a);
	if (why)
		return usage(stderr, why);
	if (stat(a.dir, &st) || !S_ISDIR(st.st_mode)) {
		fprintf(stderr, "hmmt-judge: %s: no such directory\n", a.dir);
		return HMMT_EXIT_USAGE;
	}
	if (a.known && hmmt_known_read(a.known, &known)) {
		hmmt_known_free(&known);
		return HMMT_EXIT_USAGE;
	}
	rc = c->run(&a, &known);
	hmmt_known_free(&known);
	return rc;
}
