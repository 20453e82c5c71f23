// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings that are no private anonymous memory. A device may read them; a
 * migration must leave them where they are, or refuse, and nothing may happen
 * to their contents.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ops.h"

#define AREA	HMMT_PMD_PAGES

/* Pages of the area that the device says it has. */
static int count_in_device(struct worker *w, void *p)
{
	uint16_t snap[AREA];
	int i, n = 0;

	if (hmmt_snapshot(&w->r->dev[0], (unsigned long)p, HMMT_PMD_SIZE, snap))
		return -EAGAIN;
	for (i = 0; i < (int)AREA; i++)
		n += HMMT_SNAP_PROT(snap[i]) != HMM_DMIRROR_PROT_ERROR &&
		     (HMMT_SNAP_PROT(snap[i]) & 0x70) == HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL;
	return n;
}

/*
 * Try to migrate all of it, look by CPU and by device. @err: what the migration
 * has to say if anything.
 */
static int try_mapping(struct worker *w, void *p, int err, bool by_device, const char *what)
{
	uint64_t key = lane_key(w);
	struct hmmt_migrate res;
	int ret;

	ret = lane_fill(w, p, AREA, key);
	if (ret)
		return -ENOMEM;
	step_begin(w, STEP_MIGRATE, (unsigned long)p);
	ret = hmmt_migrate(&w->r->dev[0], (unsigned long)p, HMMT_PMD_SIZE,
			   hmmt_rng_chance(&w->rng, 1, 3) ? HMMT_MIGRATE_BASE : 0, &res);
	step_end(w);
	ret = bust_errno(w, ret);
	res.migrated += bust_answer(w, "migrated");
	atomic_fetch_add_explicit(&w->sh->checked[ORACLE_SNAPSHOT], 1, memory_order_relaxed);
	if (ret && ret != err && !err_transient(ret)) {
		fail_add(w->sh, ORACLE_NEGATIVE, "migrate: unexpected error", "%s: %s", what,
			 strerror(-ret));
		return -EUCLEAN;
	}
	ret = count_in_device(w, p);
	if (res.migrated || ret > 0) {
		fail_add(w->sh, ORACLE_SNAPSHOT, "migrate: a mapping that cannot be migrated was",
			 "%s: %llu pages said to be migrated, %d in the device", what,
			 (unsigned long long)res.migrated, ret);
		return -EUCLEAN;
	}
	ret = lane_check(w, p, 0, AREA, key, VIA_CPU, what);
	if (!ret && by_device)
		ret = lane_check(w, p, 0, 8, key, VIA_DEV0, what);
	return ret;
}

static int map_shared(struct worker *w, bool huge)
{
	void *p = lane_map(w, 0, AREA, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	int ret = -ENOMEM;

	if (p) {
		if (huge)
			madvise(p, HMMT_PMD_SIZE, MADV_HUGEPAGE);
		ret = try_mapping(w, p, 0, true, huge ? "shmem THP" : "shared anonymous");
	}
	lane_clear(w);
	return ret;
}

static int shared_anon(struct worker *w)
{
	return map_shared(w, false);
}

static int shared_thp(struct worker *w)
{
	return map_shared(w, true);
}

static int map_file(struct worker *w, int flags)
{
	int fd = memfd_create("mapping", MFD_CLOEXEC), ret = -ENOMEM;
	void *p = NULL;

	if (fd < 0)
		return ret;
	if (!ftruncate(fd, HMMT_PMD_SIZE))
		p = lane_map(w, 0, AREA, PROT_READ | PROT_WRITE, flags, fd);
	if (p)
		ret = try_mapping(w, p, 0, true, "file");
	lane_clear(w);
	close(fd);
	return ret;
}

static int shared_file(struct worker *w)
{
	return map_file(w, MAP_SHARED);
}

/*
 * A private mapping of a file: untouched pages are the file's, written ones
 * are anonymous and may go to the device.
 */
static int private_file(struct worker *w)
{
	int fd = memfd_create("mapping", MFD_CLOEXEC), ret = -ENOMEM;
	uint64_t own = lane_key(w), key = lane_key(w);
	unsigned int n = hmmt_rng_between(&w->rng, 1, AREA - 1), i;
	char *p = NULL;

	if (fd < 0)
		return ret;
	if (!ftruncate(fd, HMMT_PMD_SIZE))
		p = lane_map(w, 0, AREA, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	if (!p || lane_fill(w, p, AREA, key))
		goto out;
	p = lane_map(w, 0, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
	if (!p || lane_fill(w, p, n, own))
		goto out;
	ret = 0;
	for (i = 0; i < 2 && !ret; i++) {
		ops_warm(w, (unsigned long)p, HMMT_PMD_SIZE);
		ret = lane_check(w, p, 0, i ? n : min_ul(n, 8), own, i ? VIA_CPU : VIA_DEV0,
				 "private file, written");
		if (!ret)
			ret = lane_check(w, p + n * HMMT_PAGE_SIZE, n, AREA - n, key, VIA_CPU,
					 "private file, not written");
	}
out:
	lane_clear(w);
	close(fd);
	return ret;
}

/* By CPU only: see docs/findings/hugetlb-hole.md for devices. */
static int hugetlb(struct worker *w)
{
	int flags = hmmt_rng_chance(&w->rng, 1, 2) ? MAP_SHARED : MAP_PRIVATE;
	void *p = lane_map(w, 0, AREA, PROT_READ | PROT_WRITE,
			   flags | MAP_ANONYMOUS | MAP_HUGETLB, -1);
	int ret = -ENOMEM;

	if (p)
		ret = try_mapping(w, p, -EINVAL, false, "hugetlb");
	lane_clear(w);
	return ret;
}

const struct op ops_mappings[] = {
	{ "shared_anon", "shared anonymous memory stays", NEED_DEV, OP_PLACE, 1, shared_anon },
	{ "shared_thp", "... also as huge pages", NEED_DEV | NEED_SHMEM_THP, OP_PLACE, 1,
	  shared_thp },
	{ "shared_file", "a shared file mapping stays", NEED_DEV, OP_PLACE, 1, shared_file },
	{ "private_file", "a private one moves what was written", NEED_DEV, OP_PLACE, 1,
	  private_file },
	{ "hugetlb", "hugetlb is refused", NEED_DEV | NEED_HUGETLB, OP_PLACE, 1, hugetlb },
	OP_TABLE_END
};
