/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hmm-findings: the smallest programs for docs/findings/. Each states what a
 * kernel should do: "ok" means that the bug is not there.
 */
#ifndef _FINDINGS_H
#define _FINDINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hmmt.h"

struct finding {
	const char *name;
	bool (*run)(void);	/* the process has only this one to run */
};

/* One table a file, ended by an empty row */
extern const struct finding hmm_findings[];
extern const struct finding migrate_findings[];
extern const struct finding collect_findings[];
extern const struct finding fault_findings[];
extern const struct finding evict_findings[];
extern const struct finding proc_findings[];
extern const struct finding bits_findings[];
extern const struct finding uffd_findings[];
extern const struct finding mlock_findings[];

/* Device 0, open */
extern struct hmmt_dev dev;

/* @nr THPs that are touched, or holes when @touch is false */
char *thps(unsigned int nr, bool touch);
int to_dev(char *p, size_t len, unsigned int flags);

#endif /* _FINDINGS_H */
