/* SPDX-License-Identifier: GPL-2.0 */
/* Writing the journal; its layout is in journal.h. */
#ifndef _TORTURE_RECORD_H
#define _TORTURE_RECORD_H

#include <stdint.h>

#include "journal.h"

#define JOURNAL_NAMES_OFF	HMMT_JOURNAL_HEADER
#define JOURNAL_RECORDS_OFF	16384
#define JOURNAL_RUNNING		INT64_MIN

/*
 * An open journal. @next is in ordinary shared memory, because locked
 * instructions on a device's BAR are slow or worse; the header gets a copy.
 */
struct journal {
	struct hmmt_journal_header *hdr;
	struct hmmt_journal_record *rec;
	uint64_t nr;
	_Atomic uint64_t *next;
};

/*
 * Map the journal: @path, or the guest's ivshmem device, or an anonymous one of
 * 1 MiB where there is none. @next must be shared by all processes that record.
 */
int journal_open(struct journal *j, const char *path, _Atomic uint64_t *next);
/* Publish the op names; ENOSPC if they do not fit. */
int journal_names(struct journal *j, const char *const *names, unsigned int n);
/* Returns the record's index, for journal_arg() and journal_end(). */
uint64_t journal_begin(struct journal *j, unsigned int op, unsigned int worker,
		       uint32_t pid, uint64_t time_ns, uint64_t seed);
void journal_arg(struct journal *j, uint64_t idx, unsigned int n, uint64_t val);
void journal_end(struct journal *j, uint64_t idx, int64_t ret);

#endif
