/* SPDX-License-Identifier: GPL-2.0 */
/* The driver's commands by io_uring */
#ifndef _RING_H
#define _RING_H

#include <liburing.h>

#include "hmmt.h"

void ring_prep(struct io_uring *ring, const struct hmmt_dev *dev, unsigned int cmd, void *arg,
	       uint64_t id);
/* Waits for @nr results, which are stored by their id; 0 or -errno of the wait */
int ring_wait(struct io_uring *ring, unsigned int nr, int *res);

#endif /* _RING_H */
