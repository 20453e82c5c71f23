// SPDX-License-Identifier: GPL-2.0
/* hmm-uapi: device memory that the CPU maps */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "uapi.h"

bool coherent(void)
{
	struct hmmt_dev dev2, dev3;
	struct hmmt_migrate m;
	struct hmmt_stats st;
	uint16_t s;
	int ret = hmmt_open(&dev2, 2);

	if (ret == -ENOENT) {
		skip = "no memory set aside (spm_addr_dev0)";
		return false;
	}
	WANT(!ret, "open: %s", strerror(-ret));
	TRY(fill(1, true));
	TRY(migrate(&dev2, 0, PAGES, 0, &m));
	WANT(m.migrated == PAGES, "migrated %llu", m.migrated);
	TRY(stats_of(&dev2, &st));
	WANT(st.pages_used == PAGES, "used %llu", st.pages_used);
	ret = hmmt_snapshot(&dev2, at(3), HMMT_PAGE_SIZE, &s);
	WANT(!ret && (HMMT_SNAP_PROT(s) & 0x70) == HMM_DMIRROR_PROT_DEV_COHERENT_LOCAL,
	     "snapshot %#x", s);
	/* the CPU reads and writes it where it is */
	TRY(verify(0, PAGES));
	*word(1) = 99;
	ret = hmmt_checksum(&dev2, at(1), HMMT_PAGE_SIZE, NULL, NULL);
	WANT(!ret, "checksum: %d", ret);
	*word(1) = value(1);
	TRY(verify_device(&dev2, 0, PAGES));
	TRY(stats_of(&dev2, &st));
	WANT(st.pages_used == PAGES, "moved by an access: used %llu", st.pages_used);
	/* neither memory of the system nor of another device */
	TRY(migrate(&dev0, 0, PAGES, 0, &m));
	WANT(!m.migrated, "to another device: %llu", m.migrated);
	if (!hmmt_open(&dev3, 3)) {
		TRY(migrate(&dev3, 0, PAGES, HMMT_MIGRATE_TO_SYS, &m));
		WANT(!m.migrated, "by another device: %llu", m.migrated);
		hmmt_close(&dev3);
	}
	/* a page that is to stay for long leaves the device */
	ret = hmmt_pin(&dev2, at(PAGES - 1), HMMT_PAGE_SIZE, HMMT_PIN_LONGTERM, NULL);
	WANT(!ret, "pin: %s", strerror(-ret));
	TRY(stats_of(&dev2, &st));
	WANT(st.pages_used == PAGES - 1, "used %llu", st.pages_used);
	hmmt_pin(&dev2, 0, 0, HMMT_PIN_RELEASE, NULL);
	TRY(migrate(&dev2, 0, PAGES / 2, HMMT_MIGRATE_TO_SYS, &m));
	WANT(m.migrated == PAGES / 2, "migrated %llu", m.migrated);
	TRY(verify(0, PAGES));
	munmap(area, AREA_SIZE);
	TRY(stats_of(&dev2, &st));
	WANT(!st.pages_used, "left %llu", st.pages_used);
	hmmt_close(&dev2);
	return true;
}

/* The CPU maps it, so it can be pinned where it is: then it does not go */
bool coherent_unplug(void)
{
	struct hmmt_dev dev2;
	struct hmmt_unplug u;
	struct hmmt_stats st;
	struct hmmt_pin p;
	unsigned int i, chunks;
	int ret = hmmt_open(&dev2, 2);

	if (ret == -ENOENT) {
		skip = "no memory set aside (spm_addr_dev0)";
		return false;
	}
	WANT(!ret, "open: %s", strerror(-ret));
	TRY(stats_of(&dev2, &st));
	chunks = st.pages_capacity / PAGES;
	TRY(fill(chunks, true));
	TRY(migrate(&dev2, 0, chunks * PAGES, 0, NULL));
	ret = hmmt_pin(&dev2, at(3), 2 * HMMT_PAGE_SIZE, HMMT_PIN_WRITE, &p);
	WANT(!ret, "pin: %s", strerror(-ret));
	/* all but the one that page 3 is in, with their struct pages */
	for (i = 0; i < chunks; i++) {
		ret = hmmt_unplug(&dev2, i, 0, 100, &u);
		if (ret == -EBUSY)
			break;
		WANT(!ret && u.migrated == PAGES, "chunk %u: %s, migrated %llu", i, strerror(-ret),
		     u.migrated);
	}
	WANT(ret == -EBUSY && u.left == 2, "chunk %u: %s, left %llu", i, strerror(-ret), u.left);
	TRY(verify(0, chunks * PAGES));
	WANT(!hmmt_pin(&dev2, 0, 0, HMMT_PIN_RELEASE, NULL), "release");
	for (; i < chunks; i++) {
		ret = hmmt_unplug(&dev2, i, 0, 1000, &u);
		WANT(!ret, "chunk %u: %s, left %llu", i, strerror(-ret), u.left);
	}
	TRY(verify(0, chunks * PAGES));
	TRY(stats_of(&dev2, &st));
	WANT(!st.pages_used && st.pagemaps_gone, "used %llu", st.pages_used);
	ret = hmmt_plug_all(&dev2);
	WANT(ret == (int)chunks, "plug: %d", ret);
	TRY(migrate(&dev2, 0, chunks * PAGES, 0, NULL));
	TRY(stats_of(&dev2, &st));
	WANT(st.pages_used == chunks * PAGES, "used %llu", st.pages_used);
	TRY(verify(0, chunks * PAGES));
	munmap(area, chunks * HMMT_PMD_SIZE);
	hmmt_close(&dev2);
	return true;
}
