/* SPDX-License-Identifier: GPL-2.0 */
/* The journal as it is read: journal.c, for what makes something of it. */
#ifndef HMMT_READER_H
#define HMMT_READER_H

#include "judge.h"
#include "tools/torture/journal.h"

#define NAMES_MAX	1024

struct journal {
	const unsigned char *map;
	size_t size;
	struct hmmt_journal_header h;
	size_t nr;		/* records that lie inside of the file */
	const char *name[NAMES_MAX];
	size_t nr_names;
};

/* -EBADMSG: not a journal */
int hmmt_journal_open(const char *path, struct journal *j);
void hmmt_journal_close(struct journal *j);
/* All good records, oldest first; free() them. */
int hmmt_journal_collect(const struct journal *j, struct hmmt_journal_record **out, size_t *nr);
void hmmt_journal_op(const struct journal *j, unsigned int op, char *out, size_t size);
/*
 * The records of the program that matters: of the first round that something
 * was wrong with, else of the last one. -ENODATA: there is none; -EOVERFLOW:
 * the ring no longer has its beginning.
 */
int hmmt_journal_program(const struct journal *j, struct hmmt_journal_record **out, size_t *nr,
			 const char **head);
/* Record @i, an op, as a line of a program, with its draws if they were traced. */
void hmmt_program_line(const struct journal *j, const struct hmmt_journal_record *rec, size_t n,
		       size_t i, const char *indent, FILE *out);

/* ctest_text.c */
extern const char hmmt_ctest_text[];

#endif
