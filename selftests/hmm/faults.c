// SPDX-License-Identifier: GPL-2.0
/* Fault injection. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "area.h"
#include "faults.h"

bool faults_setup(void)
{
	static const char * const knobs[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
	};
	static const char * const attrs[] = {
		"failslab", "fail_page_alloc", "hmm_dmirror/fail_alloc",
	};
	char path[96];
	size_t i;

	for (i = 0; i < sizeof(knobs) / sizeof(knobs[0]); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", knobs[i][0]);
		if (hmmt_write_file(path, knobs[i][1]))
			return false;
	}
	/* a stack for each failure is more than a console can take */
	for (i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/verbose", attrs[i]);
		hmmt_write_file(path, "0");
	}
	return !access("/proc/self/fail-nth", W_OK);
}

int nth_open(void)
{
	return open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
}

bool nth_set(int fd, unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	WANT(pwrite(fd, text, n, 0) == n, "fail-nth: %s", strerror(errno));
	return true;
}

bool nth_left(int fd, unsigned int *left)
{
	char text[16] = "";

	WANT(pread(fd, text, sizeof(text) - 1, 0) > 0, "fail-nth: %s", strerror(errno));
	*left = atol(text);
	return true;
}
