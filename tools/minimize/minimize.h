/* SPDX-License-Identifier: GPL-2.0 */
/* hmmt-minimize: a program that fails -> a smaller one that fails the same way. */
#ifndef HMMT_MINIMIZE_H
#define HMMT_MINIMIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/torture/program.h"

#define BATCH_MAX	16	/* programs that the torture program takes at once */
#define JOBS_MAX	64

struct min {
	const char *out;	/* directory of everything that is written */
	char **command;		/* what runs a file of programs, see run.c */
	unsigned int jobs;	/* guests at once */
	unsigned int batch;	/* programs in one guest */
	bool live;		/* the same program may pass and fail */
	unsigned int tries;	/* of a candidate before it is given up */
	uint64_t end_ns;	/* when to stop, 0: never */
	unsigned int serial;	/* number of the next guest */
	unsigned int guests, runs;
	struct program best;	/* fails, as far as is known */
};

uint64_t clock_ns(void);
bool time_is_up(const struct min *m);
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A copy of its own; program_free() it. -ENOMEM ends the process. */
void copy_program(struct program *to, const struct program *from);

/* --- run.c: candidates in guests ------------------------------------------- */

/*
 * Run the @n candidates until it is known which is the first that fails the
 * same way; its index, or -1. With @same, until it is known of each. In det, where
 * a second run would be the same, each run of a program of several workers has
 * other pauses: what failed gets those with which it did.
 */
int first_same(struct min *m, struct program *p, unsigned int n, bool *same);
/* Of @runs runs of @p alone, as it is, how many failed the same way? */
unsigned int count_same(struct min *m, struct program *p, unsigned int runs);
/* Run @p alone; if it fails the same way, read what it drew into @drawn. */
bool run_traced(struct min *m, struct program *p, struct program *drawn);
/* m->best onto the disk. */
int save_best(const struct min *m);

/* --- shrink.c: the candidates ----------------------------------------------- */

/* Make m->best smaller until nothing helps or the time is up. */
void shrink(struct min *m);

#endif
