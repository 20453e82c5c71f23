/* SPDX-License-Identifier: GPL-2.0 */
/* vmrun: starts one QEMU, watches its guest, writes down how it ended. */
#ifndef HMMT_VMRUN_H
#define HMMT_VMRUN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/torture/journal.h"

/* What the guest shows from outside: console, results port, journal. */
struct hmmt_watch {
	const struct hmmt_journal_header *journal;	/* NULL: none mapped */
	int console, results;		/* fds, -1 until the file is there */
	const char *dir;
	uint64_t console_size, results_size;
	uint64_t splats;		/* lines of the console that look like one */
	uint64_t guest_ms;		/* the guest's own clock, 0: not seen yet */
	unsigned int lockup_s;		/* how long its watchdog says that a CPU is stuck */
	size_t line_len;		/* of the unfinished line in line[] */
	char line[256];
	uint64_t signature;		/* changes whenever the guest does something */
};

int hmmt_watch_init(struct hmmt_watch *w, const char *dir);
void hmmt_watch_exit(struct hmmt_watch *w);
/* Looks again; true when the guest has made progress since the last look. */
bool hmmt_watch_update(struct hmmt_watch *w);

/* The line shown while the guest runs. */
struct hmmt_live {
	const char *label;		/* in front, or NULL */
	const char *dir;		/* where the file "progress" is kept */
	bool quiet, tty;
	bool drawn;			/* the terminal holds an unfinished line */
	unsigned int ticks;
	uint64_t last_ms;		/* host time of the last rates */
	uint64_t ops, migrations, faults;
};

/* Once a second. wall_ms: host time since the start. */
void hmmt_live_tick(struct hmmt_live *l, const struct hmmt_watch *w, uint64_t wall_ms);
/* Ends the unfinished line, so that other text can follow. */
void hmmt_live_end(struct hmmt_live *l);

/*
 * Writes obj as DIR/run.json, complete or not at all. Returns 0 or -errno, and
 * has said why on stderr.
 */
int hmmt_runjson_write(const char *dir, const json_t *obj);
/* "key=value" as a string, an integer or a boolean, by kind 's', 'i', 'b'. */
int hmmt_runjson_set(json_t *obj, char kind, const char *assignment);

#endif /* HMMT_VMRUN_H */
