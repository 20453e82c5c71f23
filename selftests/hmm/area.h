/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of the driver share: an area of a few PMDs, two devices */
#ifndef _AREA_H
#define _AREA_H

#include <stdbool.h>
#include <stdio.h>

#include "hmmt.h"

extern struct hmmt_dev dev0, dev1;
extern char *area;		/* PMD aligned, AREA_PMDS PMDs, unmapped between tests */
extern char why[256];
extern bool whole_thps;		/* this kernel migrates whole THPs */

#define AREA_PMDS	4
#define AREA_SIZE	(AREA_PMDS * HMMT_PMD_SIZE)

/* Leaves the test with what was seen */
#define WANT(cond, ...)							\
	do {								\
		if (!(cond)) {						\
			explain(#cond, __VA_ARGS__);			\
			return false;					\
		}							\
	} while (0)

#define TRY(x)	do { if (!(x)) return false; } while (0)

__attribute__((format(printf, 2, 3)))
void explain(const char *cond, const char *fmt, ...);

static inline unsigned long at(unsigned long page)
{
	return (unsigned long)area + page * HMMT_PAGE_SIZE;
}

bool stats_of(struct hmmt_dev *dev, struct hmmt_stats *st);
uint64_t *word(unsigned long page);
uint64_t value(unsigned long page);
bool fill(unsigned int pmds, bool thp);
bool verify(unsigned long first, unsigned long last);
bool verify_device(struct hmmt_dev *dev, unsigned long first, unsigned long last);
bool migrate(struct hmmt_dev *dev, unsigned long page, unsigned long nr,
	     unsigned int flags, struct hmmt_migrate *res);
uint16_t snap(unsigned long page);
bool in_device(unsigned long page);

/* Waits for what fork() returned, which may be no child; @status may be NULL */
bool reaped(pid_t pid, int *status);

/* A test is skipped by leaving with false and this set */
extern const char *skip;

/* The OOM killer runs because a test wants it to */
extern bool oom_planned;
/* Reports of the kernel that a test provokes: their titles as JSON strings, or NULL */
extern const char *splats_planned;

struct test {
	const char *name;
	bool (*run)(void);
};

extern unsigned int running_test;	/* its index */

/*
 * PROGRAM [--only REGEX] [--bust WHAT]: a test asks busted(WHAT) and breaks what
 * it is to notice. Exits where the arguments are wrong.
 */
extern const char *bust;
void parse_options(int argc, char **argv);
bool busted(const char *what);
bool wanted(const struct test *test);

/*
 * Begins the KTAP and opens both devices: 0, or what a program without them exits
 * with, which is kselftest's skip where there are none
 */
int open_devices(void);

/* KTAP of all, each with a check of the driver behind it; the exit status */
int run_tests(const char *program, const struct test *tests, unsigned int nr);

#endif /* _AREA_H */
