/* SPDX-License-Identifier: GPL-2.0 */
/* The tests of hmm-uapi that have a file of their own, and what all of them use */
#ifndef _UAPI_H
#define _UAPI_H

#include "area.h"

#define PAGES	HMMT_PMD_PAGES

/* Page 0 to 511 in device memory: one THP, where this kernel has such; base pages */
bool thp_in_device(void);
bool base_in_device(void);

/* uapi_evict.c */
bool evict_chunk(void);
bool evict_range(void);
bool evict_pfns(void);
bool evict_thp(void);
bool evict_errors(void);

/* uapi_coherent.c: skipped where no memory is set aside for it */
bool coherent(void);
bool coherent_unplug(void);

#endif /* _UAPI_H */
