/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hmm-validate: one row for each promise of THP migration of device-private
 * memory. Each runs in a process of its own, with nothing in the devices and
 * with a time limit.
 */
#ifndef _VALIDATE_H
#define _VALIDATE_H

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "area.h"

/* newer than the headers of some */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#define MADV_GUARD_REMOVE	103
#endif

#define PAGES	HMMT_PMD_PAGES

/* Stock kernels do not survive it, or not unharmed: apart from the others */
#define ROW_DEADLY	(1U << 0)

struct row {
	const char *id;		/* subject.name: no blanks, no dashes */
	const char *promise;	/* what a kernel should do */
	const char *where;	/* who says so */
	bool (*run)(unsigned long arg);
	unsigned long arg;
	unsigned int flags;	/* ROW_* */
};

/* One table a file, ended by an empty row */
extern const struct row collect_rows[];
extern const struct row split_rows[];
extern const struct row mthp_rows[];
extern const struct row fault_rows[];
extern const struct row caught_rows[];
extern const struct row held_rows[];
extern const struct row device_rows[];
extern const struct row bits_rows[];
extern const struct row vma_rows[];
extern const struct row proc_rows[];
extern const struct row tlb_rows[];

/* Where promises are written, by short names */
#define SERIES	"message of the patch that adds MIGRATE_VMA_SELECT_COMPOUND (2025-08-12)"
#define THREAD	"thread under that patch (Brost, Penttila, Singh, 2025-08-12)"
#define SETUP	"migrate_vma_setup(): comment"
#define UFFD	"Documentation/admin-guide/mm/userfaultfd.rst"

/* Counters of device 0 since the row began */
#define COUNTED(name)	(stats_now().name - stats_before.name)

extern struct hmmt_stats stats_before;
struct hmmt_stats stats_now(void);

#define SKIP(reason)	do { skip = (reason); return false; } while (0)

enum place { SYSTEM, DEVICE, NOWHERE };

/* Migrate by device 0. What --bust breaks is broken in here. */
bool move(unsigned long page, unsigned long nr, unsigned int flags,
	  struct hmmt_migrate *m);
/* @nr pages from @page on are at @place; mapped in folios of @order, -1: any */
bool placed(unsigned long page, unsigned long nr, enum place place, int order);
/* @pmds THPs with their content, and then in device 0, whole */
bool system_thps(unsigned int pmds);
bool device_thps(unsigned int pmds);
/* All content as filled, seen by the device, then by the CPU */
bool intact(unsigned long page, unsigned long nr);
/* The same for @nr pages of content @first that are at @p */
bool intact_at(const char *p, unsigned long first, unsigned long nr);
/* Make allocations at @sites fail: the @nth and each @interval-th after it */
bool inject(unsigned int sites, unsigned long nth, unsigned long interval);
/*
 * A forked child, one at a time. In it child_meet() says that it has come so far, and waits;
 * child_wait() waits for that, child_go() lets it go on. child_end() does so as well, and wants
 * that @run was true.
 */
bool child_start(bool (*run)(void));
bool child_meet(void);
bool child_wait(void);
void child_go(void);
bool child_end(void);
/* One that maps what we map until child_end(), and then finds it as at the fork */
bool child_begin(void);
/* A PMD in device 0, in base pages: the counterpart of device_thps() */
bool device_pages(void);
/* madvise() of the first PMD */
bool advise(int advice);
/* mprotect() of @nr pages from @page on; mremap() of the PMD at @from, over what is at @to */
bool set_prot(unsigned long page, unsigned long nr, int prot);
bool move_block(char *from, char *to);

static inline char *ptr(unsigned long page)
{
	return area + page * HMMT_PAGE_SIZE;
}

#endif /* _VALIDATE_H */
