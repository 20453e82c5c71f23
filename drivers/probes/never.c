// SPDX-License-Identifier: GPL-2.0
/* Must compile on no tree: when it does, every answer is worthless. */
#include <linux/mm.h>

unsigned long probe(void);
unsigned long probe(void)
{
	return hmmtorture_no_kernel_has_this();
}
