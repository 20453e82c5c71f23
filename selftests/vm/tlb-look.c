// SPDX-License-Identifier: GPL-2.0
/*
 * What the guest can see of the size of its TLB, for determinism.sh: the accessed bits
 * are taken from all pages, nothing is flushed for that, and all pages are read again. Those
 * that the TLB still has get no accessed bit. Before it the TLB is used little and flushed a
 * few times, which is when QEMU makes it smaller, if it was used little for long enough.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "hmmt.h"

#define PAGES	1024U
#define FEW	32U
#define ROUNDS	100
#define FLUSHES	8

static void look(const volatile char *p, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		(void)p[i * HMMT_PAGE_SIZE];
}

int main(void)
{
	const size_t size = PAGES * HMMT_PAGE_SIZE;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i, j;
	uint64_t kb;

	if (p == MAP_FAILED || madvise(p, size, MADV_NOHUGEPAGE))
		return 1;
	memset(p, 1, size);
	for (i = 0; i < ROUNDS; i++) {
		for (j = 0; j < FLUSHES; j++) {
			look(p, FEW);
			if (mprotect(p, size, j % 2 ? PROT_READ | PROT_WRITE : PROT_READ))
				return 1;
		}
		look(p, PAGES);
		if (hmmt_write_file("/proc/self/clear_refs", "1"))
			return 1;
		look(p, PAGES);
		if (hmmt_file_field("/proc/self/smaps_rollup", "Referenced", &kb))
			return 1;
		printf("# round %u: %llu kB were read\n", i, (unsigned long long)kb);
	}
	return 0;
}
