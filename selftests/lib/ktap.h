/* SPDX-License-Identifier: GPL-2.0 */
/* Unit tests in C: named checks, KTAP out, exit 0 or 1. */
#ifndef _SELFTESTS_LIB_KTAP_H
#define _SELFTESTS_LIB_KTAP_H

#include <stdio.h>

struct ktap_case {
	const char *name;
	void (*run)(void);
};

static unsigned int ktap_bad;

#define CHECK(cond) do {						\
	if (!(cond)) {							\
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);	\
		ktap_bad++;						\
	}								\
} while (0)

static inline int ktap_run(const struct ktap_case *cases, unsigned int n)
{
	unsigned int i, failed = 0;

	printf("KTAP version 1\n1..%u\n", n);
	for (i = 0; i < n; i++) {
		ktap_bad = 0;
		cases[i].run();
		printf("%s %u %s\n", ktap_bad ? "not ok" : "ok", i + 1, cases[i].name);
		failed += !!ktap_bad;
	}
	return failed ? 1 : 0;
}

#endif
