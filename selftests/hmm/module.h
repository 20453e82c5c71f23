/* SPDX-License-Identifier: GPL-2.0 */
/* Loading and unloading the driver, and what is left behind by it */
#ifndef _MODULE_H
#define _MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0 or -errno */
int module_load(const char *params);
/*
 * 0 or -errno, EAGAIN: in use. ETIMEDOUT: did not come back in @ms, which
 * leaves a process behind.
 */
int module_unload(unsigned int ms);
bool module_loaded(void);
/* With other parameters; 0 or -errno */
int module_reload(const char *params);

/* Free memory in KiB when caches are empty */
uint64_t mem_free_kb(void);
/* How much of @before does not come back, 0 where it is what slabs and KASAN keep */
uint64_t mem_missing_kb(uint64_t before);

/* What was found so far is forgotten. False: this kernel has no kmemleak. */
bool leaks_forget(void);
/* How many objects nothing points to, -1: no kmemleak; @text: the first of them */
int leaks_found(char *text, size_t size);

uint64_t now_ms(void);
void sleep_ms(unsigned int ms);

#endif /* _MODULE_H */
