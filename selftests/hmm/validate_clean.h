/* SPDX-License-Identifier: GPL-2.0 */
/* What must be so after every row; where it is not, why says what is wrong */
#ifndef _VALIDATE_CLEAN_H
#define _VALIDATE_CLEAN_H

#include "validate.h"

#define SETTLE_MS	1000	/* for what is freed by somebody else */

/* A line of the kernel's log; one that begins @row, for clean() to look at what is behind */
void log_write(const char *text);
void log_mark(const char *row);

/* The devices are empty and in order, and the kernel has said nothing bad */
bool clean(void);

/*
 * The system's counters: wait until they stand still, remember() them, and then what there
 * is more of. MAYBE is so little that init or the kernel may have taken it.
 */
enum leftovers { NONE, MAYBE, SURELY };

void settle(void);
void remember(void);
enum leftovers leftovers(void);

#endif /* _VALIDATE_CLEAN_H */
