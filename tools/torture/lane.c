// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of one op's own. What the arena cannot hold, since the model has one
 * kind of mapping, is done here in the worker's lane: nobody else knows the
 * addresses, so each word is known exactly, while all else goes on beside it.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "torture.h"

static const unsigned int word_at[] = { 8, HMMT_PAGE_SIZE - 8 };

uint64_t lane_key(struct worker *w)
{
	return (uint64_t)(w->idx + 1) << 32 | ++w->lane_serial;
}

uint64_t lane_word(struct worker *w, uint64_t key, unsigned int page)
{
	return key ? hmmt_mix64(w->m->seed ^ (key << 16) ^ page) | 1 : 0;
}

void *lane_map(struct worker *w, unsigned int page, unsigned int n, int prot, int flags, int fd)
{
	void *p;

	step_begin(w, STEP_MMAP, w->lane + page * HMMT_PAGE_SIZE);
	p = mmap((void *)(w->lane + page * HMMT_PAGE_SIZE), n * HMMT_PAGE_SIZE, prot,
		 flags | MAP_FIXED, fd, 0);
	step_end(w);
	return p == MAP_FAILED ? NULL : p;
}

int lane_fill(struct worker *w, void *at, unsigned int n, uint64_t key)
{
	unsigned int page, i;
	int ret;

	for (page = 0; page < n; page++)
		for (i = 0; i < ARRAY_SIZE(word_at); i++) {
			ret = do_store(w, (unsigned long)at + page * HMMT_PAGE_SIZE + word_at[i],
				       VIA_CPU, lane_word(w, key, page));
			if (ret)
				return ret;
		}
	return 0;
}

/* For want of memory a device's page cannot come back: SIGBUS, or an error. */
bool lane_excused(struct worker *w, int ret)
{
	struct hmmt_stats st;

	return err_transient(ret) ||
	       (!hmmt_stats(&w->r->dev[0], &st) && st.nomem_sys);
}

int lane_check(struct worker *w, void *at, unsigned int first, unsigned int n, uint64_t key,
	       enum via via, const char *what)
{
	unsigned int page, i;
	unsigned long addr;
	uint64_t val, want;
	int ret;

	for (page = first; page < first + n; page++) {
		want = lane_word(w, key, page);
		for (i = 0; i < ARRAY_SIZE(word_at); i++) {
			addr = (unsigned long)at + (page - first) * HMMT_PAGE_SIZE + word_at[i];
			val = 0;
			ret = do_load(w, addr, via, &val);
			atomic_fetch_add_explicit(&w->sh->checked[ORACLE_SLOT], 1,
						  memory_order_relaxed);
			if (!ret && val == want)
				continue;
			if (ret && lane_excused(w, ret))
				return ret;
			if (ret)
				fail_add(w->sh, ORACLE_NEGATIVE, "negative: allowed read refused",
					 "%s: %#lx, page %u of %u, way %u: %s", what, addr, page,
					 n, via, strerror(-ret));
			else
				fail_add(w->sh, ORACLE_SLOT, val ? "wrong slot: garbage" :
					 "wrong slot: lost page (zeros)",
					 "%s: %#lx, page %u, way %u: %#llx, expected %#llx", what,
					 addr, page, via, (unsigned long long)val,
					 (unsigned long long)want);
			return -EUCLEAN;
		}
	}
	return 0;
}
