/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's fault injection into the allocations of one thread: /proc/PID/fail-nth */
#ifndef _FAULTS_H
#define _FAULTS_H

#include <stdbool.h>

/* All of /sys/kernel/debug that injects faults: silent, and for any size */
bool faults_setup(void);

/* fail-nth of ourselves, or -1 */
int nth_open(void);
/* From now on the allocation number @nth fails, 0: none */
bool nth_set(int fd, unsigned int nth);
/* How many are left of those that were to pass: 0, the next one has failed */
bool nth_left(int fd, unsigned int *left);

#endif /* _FAULTS_H */
