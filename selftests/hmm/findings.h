/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hmm-findings: the smallest programs for docs/findings/. Each states what a
 * kernel should do: "ok" means that the bug is not there, "not ok" that it was seen.
 */
#ifndef _FINDINGS_H
#define _FINDINGS_H

#include <errno.h>
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

/*
 * Bails out, with errno where it is not 0. A child exits with CANNOT instead, for which
 * child_needs() of its parent looks.
 */
void cannot(const char *what) __attribute__((noreturn));
#define CANNOT	255

/*
 * Without what it needs a program says nothing of the kernel. errno is 0 behind it: what
 * failed before is not why the next one does.
 */
#define NEED(cond)							\
	do {								\
		if (!(cond))						\
			cannot(#cond);					\
		errno = 0;						\
	} while (0)

/* The same of what returns 0 or -errno */
#define NEED_OK(call)							\
	do {								\
		int ret_ = (call);					\
									\
		if (ret_) {						\
			errno = -ret_;					\
			cannot(#call);					\
		}							\
		errno = 0;						\
	} while (0)

/* Bails out if that is the status of a child that could not set up */
void child_needs(int status);
/* Waits for @pid; its status, of one that could */
int ended(pid_t pid);

/* @nr THPs that are touched, or holes when @touch is false */
char *thps(unsigned int nr, bool touch);
void touch_thps(char *p, unsigned int nr);
int to_dev(char *p, size_t len, unsigned int flags);
/* ... and all of it is there then */
void all_to_dev(char *p, size_t len);
bool soft_dirty(const char *p);

/* Waits until one more than @was has been caught. */
void wait_caught(uint64_t was);

#endif /* _FINDINGS_H */
