/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A program: what the workers of one round did or are to do, as text. Also
 * read and written on the host. docs/programs.md has the format.
 */
#ifndef _TORTURE_PROGRAM_H
#define _TORTURE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PROGRAM_REGIONS		8
#define PROGRAM_CHOICES		4096

struct program_region {
	char shape[16];
	unsigned int blocks;
};

/* An op. Its draws are @choice in order, what is not there comes from @seed. */
struct program_line {
	unsigned int worker;
	char op[24];
	int number;		/* of the op, as words->op() said */
	uint32_t seed;		/* 0: draws without a choice are 0 */
	uint64_t *choice;	/* HMMT_DRAW_ANY: from the seed */
	unsigned int nr_choices;
};

struct program {
	uint64_t seed;
	char scenario[32];
	unsigned int round;
	unsigned int workers;
	unsigned int devices;
	unsigned int pauses;	/* which stream of them, 0: none */
	bool serial;		/* one op at a time, in the order of the lines */
	char without[512];
	char bust[64];
	struct program_region region[PROGRAM_REGIONS];
	unsigned int nr_regions;
	struct program_line *line;
	unsigned int nr;
};

/* The words of whoever reads: -1 or false for one that is not known. */
struct program_words {
	int (*op)(const char *name);
	bool (*shape)(const char *name);
	bool (*bust)(const char *name);
};

struct program_error {
	unsigned long line;
	char why[160];
};

/*
 * Read the next program of a file that may hold several; @line counts lines.
 * 1 got one, 0 there is no more, -errno with @err filled. @words may be NULL:
 * any word will do. program_free() also after an error.
 */
int program_read(FILE *f, unsigned long *line, const struct program_words *words,
		 struct program *p, struct program_error *err);
void program_free(struct program *p);
/* The text up to and with "ops"; -ENOSPC if it does not fit. */
int program_head(char *buf, size_t size, const struct program *p);
void program_line_write(FILE *f, const struct program_line *l);
void program_write(FILE *f, const struct program *p);

#endif
