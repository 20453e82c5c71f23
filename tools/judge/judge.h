/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hmmt-judge: what a guest left behind -> verdict, title, reports.
 *
 * Everything read here was written by a guest that may have crashed at any
 * instruction, so no reader trusts a length, an order or an end of line.
 * Functions return 0 or -errno unless they are predicates.
 */
#ifndef HMMT_JUDGE_H
#define HMMT_JUDGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define HMMT_TITLE_MAX	200
#define HMMT_ROW_MAX	64
#define HMMT_LINE_MAX	4096
#define HMMT_SPLATS_MAX	256
#define HMMT_NO_TIME	INT64_MIN

#define HMMT_NELEM(a)	(sizeof(a) / sizeof((a)[0]))

enum hmmt_verdict {
	HMMT_PASS,
	HMMT_FAIL,
	HMMT_KNOWN,
	HMMT_SKIP,
	HMMT_LOST,
	HMMT_INCONCLUSIVE,
	HMMT_NR_VERDICTS,
};

/* Exit codes of the program, those of run.sh. */
enum hmmt_exit {
	HMMT_EXIT_PASS = 0,
	HMMT_EXIT_FAIL = 1,
	HMMT_EXIT_USAGE = 2,
	HMMT_EXIT_NONE = 3,
};

/* ---- title.c: names that stay the same from one run to the next ---- */

/*
 * The function named at @text ("foo.isra.0+0x1/0x2 [mod]" -> "foo").
 * False when no symbol name starts there.
 */
bool hmmt_title_symbol(const char *text, char *name, size_t size);
/* True for functions that report, lock, wait or trap for somebody else. */
bool hmmt_title_is_plumbing(const char *name);
/* True for what frees a device page for somebody else. */
bool hmmt_title_is_freeing(const char *name);
/* True for what a CPU runs that has nothing to do. */
bool hmmt_title_is_idle(const char *name);
/* Drops addresses and numbers that vary; @out may be @text. */
void hmmt_title_normalise(const char *text, char *out, size_t size);

/* ---- splats.c: the tables ---- */

/* Where the function of a title is taken from, first match wins. */
enum hmmt_splat_where {
	HMMT_WHERE_NONE,	/* the title has no function */
	HMMT_WHERE_LINE,	/* " at " or " in " of the first line, then the stack */
	HMMT_WHERE_RIP,		/* the RIP line, then the stack */
	HMMT_WHERE_STACK,	/* the first frame that is not plumbing */
	HMMT_WHERE_AT,		/* ", at: FUNC" of a lock report, then the stack */
};

struct hmmt_splat_rule {
	const char *start;	/* what the line starts with */
	const char *has;	/* and contains behind that, or NULL */
	const char *kind;	/* short name for verdict.json */
	const char *title;	/* %s: text taken from the line, see take */
	/* Copies the part of the line that belongs into the title. */
	void (*take)(const char *rest, char *out, size_t size);
	enum hmmt_splat_where where;
	bool fatal;		/* what follows is a consequence */
};

/* The rule for which @text starts a report, before filters, or NULL. */
const struct hmmt_splat_rule *hmmt_splat_find(const char *text);
/* The reason why this line is no splat though it looks like one, or NULL. */
const char *hmmt_splat_filtered(const char *text);

/* ---- console.c ---- */

struct hmmt_splat {
	char title[HMMT_TITLE_MAX];
	const char *kind;
	unsigned long line;	/* 1 is the first */
	int64_t time_us;	/* kernel log time or HMMT_NO_TIME */
	unsigned long count;	/* same title again, first one included */
	bool fatal;
	bool folded;		/* came after a fatal one */
	bool hang;		/* the panic that our own NMI caused */
	bool driver;		/* the function is one of our module */
	char row[HMMT_ROW_MAX];	/* of the matrix, that was under way; "" if none was */
	const char *known;	/* name of the known issue that explains it */
};

struct hmmt_console {
	bool present;
	unsigned long lines, kernel_lines;
	uint64_t bytes;
	bool init_reached;
	bool nmi;		/* somebody injected an NMI */
	bool nmi_idle;		/* ... and the CPU that took it told no function */
	unsigned long oom_kills, memcg_oom_kills, alloc_failures;
	unsigned long filtered;
	char last_line[256];
	/*
	 * "torture: FAIL ORACLE: TITLE: DETAIL" lines of user space, and of that form
	 * "test_hmm: FAIL" of the driver and "hmm-validate: FAIL" of the matrix, behind
	 * "FAIL ". They tell when an oracle failed, not what the kernel did.
	 */
	struct {
		char text[HMMT_TITLE_MAX];
		int64_t time_us;
	} fail[64];
	unsigned int nr_fails;
	struct hmmt_splat splat[HMMT_SPLATS_MAX];
	unsigned int nr_splats;
	unsigned long overflow;	/* splats beyond HMMT_SPLATS_MAX */
};

int hmmt_console_read(const char *path, struct hmmt_console *con);

/* ---- results.c: KTAP and JSON records ---- */

struct hmmt_results {
	bool present;
	bool end_seen;
	long end_rc;
	unsigned long bad_records;
	unsigned long pass, fail, skip;
	unsigned long plans_open;	/* plans that were not fulfilled */
	bool bailed;
	int died_signal;		/* of a step, 0: none */
	char plan_note[256];		/* which plan was left open */
	char bail_note[256];
	char died_step[64];
	char tail[256];			/* last line, for LOST */
	json_t *tests;			/* array of {name, status, why, detail} */
	json_t *records;		/* array of the program's JSON objects */
	json_t *pressure;		/* what stress-ng beside it did, or NULL */
};

int hmmt_results_read(const char *path, struct hmmt_results *res);
void hmmt_results_free(struct hmmt_results *res);

/* ---- known.c ---- */

#define HMMT_KNOWN_TITLES	16

struct hmmt_known {
	char *name;		/* file name without .known */
	char *title[HMMT_KNOWN_TITLES];		/* NULL behind the last one */
	bool regex[HMMT_KNOWN_TITLES];
	char *kernels;		/* space separated shell patterns */
	char *reference, *evidence, *without, *row, *except, *spoils, *beside;
	bool beside_regex;
};

struct hmmt_known_list {
	struct hmmt_known *item;
	size_t nr;
};

/* Reads DIR/ *.known; complains on stderr and returns -EINVAL on a bad one. */
int hmmt_known_read(const char *dir, struct hmmt_known_list *list);
void hmmt_known_free(struct hmmt_known_list *list);
/*
 * The known issue that @title is in a run, of which @run is what run.json says; or NULL. @row: of
 * the matrix, in which it was seen; NULL where that does not matter
 */
const struct hmmt_known *hmmt_known_match(const struct hmmt_known_list *list, const char *title,
					  const json_t *run, const char *row);

/* ---- runinfo.c: run.json and the header of the journal ---- */

struct hmmt_counters {
	bool present;
	uint64_t heartbeat, elapsed_ms, total_ms, ops, thp_migrations;
	uint64_t base_migrations, cpu_faults, dev_faults, splits, checks, failures;
	char phase[64];
	char running[256];	/* ops in flight, "mremap migrate" */
};

struct hmmt_runinfo {
	json_t *json;		/* object, empty when there is no run.json */
	bool present;
	const char *engine, *accel, *kernel, *flavour, *expect, *end;
	json_int_t seed, wall_ms;
	bool config_verified;
	struct hmmt_counters live;
};

int hmmt_runinfo_read(const char *dir, struct hmmt_runinfo *info);
void hmmt_runinfo_free(struct hmmt_runinfo *info);

/* ---- journal.c ---- */

int hmmt_journal_counters(const char *path, struct hmmt_counters *out);
int hmmt_journal_print(const char *path, size_t last, FILE *out);

/* ---- program.c, ctest.c ---- */

/*
 * What @path, a journal, has of the round that matters, as a program. -ENODATA:
 * nothing, -EOVERFLOW: the ring no longer has the beginning.
 */
int hmmt_program_write(const char *path, FILE *out);
/* Its calls as a C test; also -ENOMSG: they were not traced. */
int hmmt_ctest_write(const char *path, const char *title, FILE *out);

/* ---- failures.c, verdict.c ---- */

struct hmmt_failure {
	char title[HMMT_TITLE_MAX];
	/* console, driver (the console's, in our module), oracle, test, hang, step */
	char source[16];
	char oracle[32];	/* which one, of source oracle; "" if that is not known */
	char *detail;
	int64_t time_us;
	char row[HMMT_ROW_MAX];	/* of source console and driver, see struct hmmt_splat */
	const char *known;
	const char *spoils;	/* what the known issue leaves behind, or NULL */
};

struct hmmt_judgement {
	enum hmmt_verdict verdict;
	char title[HMMT_TITLE_MAX];
	char source[16];
	json_t *reasons, *notes, *skips, *known;
	struct hmmt_failure *failure;
	size_t nr_failures;
	struct hmmt_runinfo run;
	struct hmmt_console con;
	struct hmmt_results res;
};

/*
 * The issue that explains @what because another of the @nr failures is known as it, which does not
 * come more than a second later; or NULL
 */
const struct hmmt_known *hmmt_known_beside(const struct hmmt_known_list *list,
					   const struct hmmt_failure *what,
					   const struct hmmt_failure *f, size_t nr);
/* The failure of this source and title, made where there is none; NULL: no memory. */
struct hmmt_failure *hmmt_add_failure(struct hmmt_judgement *j, const char *source,
				      const char *title, const char *detail, int64_t time_us);
/* Did the guest's init come to run? */
bool hmmt_started(const struct hmmt_judgement *j);
/* Fills failure[] from what was read into con, res and run. */
void hmmt_collect_failures(struct hmmt_judgement *j);
/* The first in time; with @known unset, of those that no known issue explains */
const struct hmmt_failure *hmmt_first_failure(const struct hmmt_judgement *j, bool known);

const char *hmmt_verdict_name(enum hmmt_verdict v);
int hmmt_verdict_parse(const char *name, enum hmmt_verdict *v);
int hmmt_verdict_exit(enum hmmt_verdict v);
/* Larger is what a combination of runs is called after. */
int hmmt_verdict_rank(enum hmmt_verdict v);
/* @j is large: allocate it. Free with hmmt_judgement_free(), also on error. */
int hmmt_judge_run(const char *dir, const struct hmmt_known_list *known,
		   struct hmmt_judgement *j);
void hmmt_judgement_free(struct hmmt_judgement *j);

/* ---- pressure.c ---- */

void hmmt_pressure_failures(struct hmmt_judgement *j);
/* Why the run is not the one that was planned, and notes of what was done */
void hmmt_pressure_reasons(struct hmmt_judgement *j);

/* ---- verdict_json.c ---- */

json_t *hmmt_judgement_json(const struct hmmt_judgement *j);
/*
 * A line for each program that one guest ran, same, other, passed or unknown: did
 * it fail as @want? @whole: the run did.
 */
void hmmt_print_each(const json_t *verdict, const char *want, bool whole, FILE *out);
void hmmt_print_run(const char *dir, const json_t *verdict, FILE *out);

/* ---- sum.c, reports.c ---- */

int hmmt_sum(const char *dir, const struct hmmt_known_list *known,
	     enum hmmt_verdict *verdict);
/* @runs: array of {"dir": name, "path": where, "verdict": {verdict.json}} */
int hmmt_report_ktap(const char *path, json_t *runs);
int hmmt_report_junit(const char *path, const char *suite, json_t *runs);

/* ---- util.c ---- */

__attribute__((format(printf, 3, 4)))
int hmmt_path(char *buf, size_t size, const char *fmt, ...);
__attribute__((format(printf, 2, 3)))
void hmmt_json_add(json_t *array, const char *fmt, ...);
/* A JSON string of bytes that need not be UTF-8. */
json_t *hmmt_json_string(const char *text);
/* Like strlcpy, and drops control characters. */
void hmmt_copy(char *to, size_t size, const char *from);
/* Writes to a temporary sibling which end() renames over @path. */
FILE *hmmt_atomic_begin(const char *path);
int hmmt_atomic_end(FILE *f, const char *path);
int hmmt_json_write(const char *path, const json_t *json);
const char *hmmt_json_str(const json_t *o, const char *key, const char *none);
json_int_t hmmt_json_int(const json_t *o, const char *key, json_int_t none);

struct hmmt_lines {
	FILE *f;
	unsigned long nr;	/* of the line last returned */
	uint64_t bytes;
	bool cut;		/* it was longer than @max, the rest is dropped */
	size_t max;
	char *buf;
};

int hmmt_lines_open(struct hmmt_lines *l, const char *path, size_t max);
/* Next line without CR, LF and NUL, or NULL at the end. */
char *hmmt_lines_next(struct hmmt_lines *l);
void hmmt_lines_close(struct hmmt_lines *l);

#endif
