/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's counts on their way to the host: a file of the host that the guest
 * sees as a PCI BAR, so that what it left there outlives its crash. Snapshots
 * take turns in the slots; one that is not complete has the number 0.
 * Little endian; both sides are x86-64.
 */
#ifndef _COUNTS_H
#define _COUNTS_H

#include <linux/types.h>

#define COUNTS_SIZE	(8UL << 20)	/* by which the guest finds it; boot.sh says it too */
#define COUNTS_SLOTS	2
#define COUNTS_SLOT	(COUNTS_SIZE / COUNTS_SLOTS)

/* At the begin of a slot; @len bytes of entries follow. */
struct counts_slot {
	__u64 number;		/* of the snapshot, from 1 on, stored last */
	__u64 len;
};

/* A .gcda file: its name, NUL included, then its bytes; both padded to 8 bytes */
struct counts_entry {
	__u32 name_len;
	__u32 data_len;
};

#define COUNTS_ALIGN(n)	(((n) + 7UL) & ~7UL)

#endif /* _COUNTS_H */
