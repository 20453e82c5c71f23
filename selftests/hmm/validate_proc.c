// SPDX-License-Identifier: GPL-2.0
/* What /proc and mincore() say of device memory */
#include "validate.h"

struct smaps {
	uint64_t rss, pss, shared_clean, shared_dirty, private_clean, private_dirty;
	uint64_t anon, huge, swap;
};

/* The mapping that begins at the area */
static bool read_smaps(struct smaps *s)
{
	static char text[1 << 17];
	const struct {
		const char *key;
		uint64_t *val;
	} fields[] = {
		{ "Rss", &s->rss }, { "Pss", &s->pss },
		{ "Shared_Clean", &s->shared_clean }, { "Shared_Dirty", &s->shared_dirty },
		{ "Private_Clean", &s->private_clean }, { "Private_Dirty", &s->private_dirty },
		{ "Anonymous", &s->anon }, { "AnonHugePages", &s->huge }, { "Swap", &s->swap },
	};
	char start[32], *vma;
	unsigned int i;

	WANT(hmmt_read_file("/proc/self/smaps", text, sizeof(text)) > 0, "smaps");
	snprintf(start, sizeof(start), "\n%lx-", (unsigned long)area);
	vma = strstr(text, start);
	WANT(vma, "no line %s", start + 1);
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		WANT(!hmmt_parse_field(vma + 1, fields[i].key, fields[i].val), "no %s",
		     fields[i].key);
	return true;
}

#define KB(x)	((unsigned long long)(x))

static bool smaps_size(unsigned long thp)
{
	struct smaps s;

	TRY(fill(1, thp));
	TRY(move(0, PAGES, 0, NULL));
	TRY(placed(0, PAGES, DEVICE, thp ? 9 : 0));
	TRY(read_smaps(&s));
	WANT(s.rss == 2048 && s.anon == 2048, "Rss %llu kB, Anonymous %llu kB", KB(s.rss),
	     KB(s.anon));
	WANT(s.huge == (thp ? 2048 : 0), "AnonHugePages %llu kB", KB(s.huge));
	WANT(!s.swap, "Swap %llu kB", KB(s.swap));
	return intact(0, PAGES);
}

static bool smaps_private(unsigned long thp)
{
	struct smaps s;

	TRY(fill(1, thp));
	TRY(move(0, PAGES, 0, NULL));
	TRY(read_smaps(&s));
	WANT(s.private_clean + s.private_dirty == 2048,
	     "Private %llu kB, Shared %llu kB of memory that nobody shares",
	     KB(s.private_clean + s.private_dirty), KB(s.shared_clean + s.shared_dirty));
	return intact(0, PAGES);
}

static bool smaps_shared(unsigned long thp)
{
	struct smaps s;

	TRY(fill(1, thp));
	TRY(move(0, PAGES, 0, NULL));
	TRY(child_begin());
	TRY(read_smaps(&s));
	WANT(s.shared_clean + s.shared_dirty == 2048, "Shared %llu kB, Private %llu kB",
	     KB(s.shared_clean + s.shared_dirty), KB(s.private_clean + s.private_dirty));
	WANT(s.pss == 1024, "Pss %llu kB of 2048 kB that two share", KB(s.pss));
	TRY(child_end());
	return intact(0, PAGES);
}

static bool rss(unsigned long thp)
{
	uint64_t before, now;

	hmmt_file_field("/proc/self/status", "RssAnon", &before);
	TRY(fill(1, thp));
	TRY(move(0, PAGES, 0, NULL));
	hmmt_file_field("/proc/self/status", "RssAnon", &now);
	WANT(now >= before + 2048 && now < before + 2048 + 512, "RssAnon %llu kB, then %llu",
	     KB(before), KB(now));
	munmap(area, HMMT_PMD_SIZE);
	hmmt_file_field("/proc/self/status", "RssAnon", &now);
	WANT(now < before + 512, "RssAnon %llu kB, unmapped %llu", KB(before), KB(now));
	return true;
}

static bool pagemap(unsigned long thp)
{
	struct hmmt_pagemap e;
	uint64_t map[PAGES];
	unsigned int i;

	TRY(fill(1, thp));
	TRY(move(0, PAGES, 0, NULL));
	WANT(!hmmt_pagemap_read(getpid(), at(0), PAGES, map), "pagemap");
	for (i = 0; i < PAGES; i++) {
		e = hmmt_pagemap_decode(map[i]);
		WANT(!e.present && e.swap, "page %u: entry %#llx", i, KB(map[i]));
		WANT(!thp || map[i] == map[0] + ((uint64_t)i << 5),
		     "page %u: entry %#llx, the head's is %#llx", i, KB(map[i]), KB(map[0]));
		WANT(!e.file_or_shared, "page %u: not anonymous", i);
	}
	/* asked for from the middle on, the same */
	WANT(!hmmt_pagemap_read(getpid(), at(77), 1, map + 1), "pagemap");
	WANT(!thp || map[1] == map[0] + (77 << 5), "page 77 alone: %#llx", KB(map[1]));
	TRY(placed(0, PAGES, DEVICE, thp ? 9 : 0));
	return intact(0, PAGES);
}

static bool in_core(unsigned long thp)
{
	unsigned char vec[PAGES];
	unsigned int i, n = 0;

	TRY(fill(1, thp));
	TRY(move(0, PAGES, 0, NULL));
	WANT(!mincore(area, HMMT_PMD_SIZE, vec), "%s", strerror(errno));
	for (i = 0; i < PAGES; i++)
		n += vec[i] & 1;
	WANT(n == PAGES, "%u of 512 pages in core", n);
	WANT(!mincore(ptr(100), 3 * HMMT_PAGE_SIZE, vec) && vec[0] & vec[1] & vec[2] & 1,
	     "a part of it");
	TRY(placed(0, PAGES, DEVICE, thp ? 9 : 0));
	return intact(0, PAGES);
}

static bool folios(unsigned long unused)
{
	uint64_t before, now;

	hmmt_mthp_stat(2048, "nr_anon", &before);
	TRY(device_thps(1));
	WANT(!hmmt_mthp_stat(2048, "nr_anon", &now) && now == before + 1,
	     "nr_anon %llu, in the device %llu", KB(before), KB(now));
	TRY(move(0, PAGES, HMMT_MIGRATE_TO_SYS, NULL));
	WANT(!hmmt_mthp_stat(2048, "nr_anon", &now) && now == before + 1,
	     "nr_anon %llu, and back %llu", KB(before), KB(now));
	TRY(move(0, PAGES, HMMT_MIGRATE_SPLIT, NULL));
	WANT(!hmmt_mthp_stat(2048, "nr_anon", &now) && now == before,
	     "nr_anon %llu, split %llu", KB(before), KB(now));
	munmap(area, HMMT_PMD_SIZE);
	WANT(!hmmt_mthp_stat(2048, "nr_anon", &now) && now == before,
	     "nr_anon %llu, unmapped %llu", KB(before), KB(now));
	return true;
}

static bool read_all(unsigned long unused)
{
	static const char * const files[] = {
		"/proc/self/smaps", "/proc/self/smaps_rollup", "/proc/self/numa_maps",
		"/proc/self/maps", "/proc/self/status",
	};
	static char text[1 << 17];
	unsigned int i;

	TRY(device_thps(1));
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		hmmt_read_file(files[i], text, sizeof(text));
	WANT(!hmmt_write_file("/proc/self/clear_refs", "1"), "clear_refs");
	TRY(placed(0, PAGES, DEVICE, 9));
	return intact(0, PAGES);
}

#define SMAPS_RST "Documentation/filesystems/proc.rst, smaps"
#define ACCOUNT	"smaps_account(): device private entries are fake-present; " SMAPS_RST

const struct row proc_rows[] = {
	{ "proc.smaps", "a device THP is in Rss, Anonymous and AnonHugePages", SMAPS_RST,
	  smaps_size, 1, 0 },
	{ "proc.smaps_base", "device base pages are in Rss and Anonymous", SMAPS_RST,
	  smaps_size, 0, 0 },
	{ "proc.smaps_private", "a device THP of one process is private", ACCOUNT,
	  smaps_private, 1, 0 },
	{ "proc.smaps_private_base", "the same of base pages", ACCOUNT, smaps_private, 0, 0 },
	{ "proc.smaps_shared", "a device THP of two counts half in the Pss of each", ACCOUNT,
	  smaps_shared, 1, 0 },
	{ "proc.smaps_shared_base", "the same of base pages", ACCOUNT, smaps_shared, 0, 0 },
	{ "proc.rss", "a device THP is in RssAnon until it is unmapped", "zap_huge_pmd_folio()",
	  rss, 1, 0 },
	{ "proc.rss_base", "the same of base pages", "zap_nonpresent_ptes()", rss, 0, 0 },
	{ "proc.pagemap", "pagemap has an entry for each page of a device THP",
	  "Documentation/admin-guide/mm/pagemap.rst", pagemap, 1, 0 },
	{ "proc.pagemap_base", "the same of base pages",
	  "Documentation/admin-guide/mm/pagemap.rst", pagemap, 0, 0 },
	{ "proc.mincore", "device THPs are in core", "mincore_pte_range()", in_core, 1, 0 },
	{ "proc.mincore_base", "the same of base pages", "mincore_swap()", in_core, 0, 0 },
	{ "proc.nr_anon", "nr_anon counts device THPs as long as they are THPs",
	  "Documentation/admin-guide/mm/transhuge.rst: nr_anon", folios, 0, 0 },
	{ "proc.read_all", "to read /proc moves nothing", "Documentation/filesystems/proc.rst",
	  read_all, 0, 0 },
	{}
};
