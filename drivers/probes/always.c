// SPDX-License-Identifier: GPL-2.0
/* Must compile on every tree: when it does not, the probing is broken. */
#include <linux/mm.h>

unsigned long probe(void);
unsigned long probe(void)
{
	return PAGE_SIZE;
}
