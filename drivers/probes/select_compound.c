// SPDX-License-Identifier: GPL-2.0
#include <linux/migrate.h>

unsigned long probe(void);
unsigned long probe(void)
{
	return MIGRATE_VMA_SELECT_COMPOUND | MIGRATE_PFN_COMPOUND;
}
