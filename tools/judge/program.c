// SPDX-License-Identifier: GPL-2.0
/* The program of a run, from its journal. docs/programs.md has the format. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reader.h"

int hmmt_journal_program(const struct journal *j, struct hmmt_journal_record **out, size_t *nr,
			 const char **head)
{
	const struct hmmt_journal_program *p = j->h.failed.end ? &j->h.failed : &j->h.now;
	struct hmmt_journal_record *rec;
	uint64_t end = p->end ? p->end : UINT64_MAX;
	size_t i, n, kept = 0;
	int err;

	if (!p->head[0])
		return -ENODATA;
	err = hmmt_journal_collect(j, &rec, &n);
	if (err)
		return err;
	for (i = 0; i < n; i++)
		if (rec[i].seq > p->first && rec[i].seq <= end)
			rec[kept++] = rec[i];
	/* No record at all is good where none was begun. */
	if (kept ? rec[0].seq != p->first + 1 : j->h.next > p->first) {
		free(rec);
		return -EOVERFLOW;
	}
	*out = rec;
	*nr = kept;
	*head = p->head;
	return 0;
}

/* The draws of the op of record @i are traced behind it, by its process and worker. */
static void write_draws(const struct hmmt_journal_record *rec, size_t n, size_t i, FILE *out)
{
	const struct hmmt_journal_record *op = &rec[i];

	for (i++; i < n; i++) {
		if (rec[i].worker != op->worker || rec[i].pid != op->pid)
			continue;
		if (rec[i].op < HMMT_JOURNAL_TRACE)
			break;
		if (rec[i].op == HMMT_JOURNAL_TRACE + HMMT_TRACE_DRAW)
			fprintf(out, " %" PRIu64, (uint64_t)rec[i].arg[0]);
	}
}

void hmmt_program_line(const struct journal *j, const struct hmmt_journal_record *rec, size_t n,
		       size_t i, const char *indent, FILE *out)
{
	char name[64];

	hmmt_journal_op(j, rec[i].op, name, sizeof(name));
	fprintf(out, rec[i].seed ? "%s%u %s %#" PRIx64 : "%s%u %s %" PRIu64, indent, rec[i].worker,
		name, (uint64_t)rec[i].seed);
	write_draws(rec, n, i, out);
	fputc('\n', out);
}

int hmmt_program_write(const char *path, FILE *out)
{
	struct journal j;
	struct hmmt_journal_record *rec;
	unsigned int lines = 0;
	const char *head;
	size_t i, n;
	int err;

	err = hmmt_journal_open(path, &j);
	if (err)
		return err;
	err = hmmt_journal_program(&j, &rec, &n, &head);
	if (err)
		goto close;
	fputs(head, out);
	for (i = 0; i < n; i++) {
		if (rec[i].op >= HMMT_JOURNAL_TRACE)
			continue;
		hmmt_program_line(&j, rec, n, i, "", out);
		lines++;
	}
	fprintf(out, "end %u\n", lines);
	free(rec);
close:
	hmmt_journal_close(&j);
	return err;
}
