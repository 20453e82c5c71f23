// SPDX-License-Identifier: GPL-2.0
/*
 * Readers of page tables: pagemap, smaps, numa_maps, mincore, and clear_refs,
 * which writes to them. Where pages are changes while they look, but not what is
 * mapped, and what was written is somewhere: present, in a device, on its way or
 * in swap. Each entry is counted once, under its lock.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ops.h"

static void checked(struct worker *w)
{
	atomic_fetch_add_explicit(&w->sh->checked[ORACLE_READER], 1, memory_order_relaxed);
}

#define MAX_LOOK	(3 * HMMT_PMD_PAGES)

/* Locked pages, and which of them were written to before the reader looked. */
struct look {
	struct span s;
	uint64_t blocks;
	bool written[MAX_LOOK];
};

static bool written(struct worker *w, uint64_t word)
{
	unsigned int slot;

	if (!word_mapped(word))
		return false;
	for (slot = 0; slot < w->r->nr_workers; slot++)
		if (seq_of(atomic_load(&w->m->seq[word_cell(word)][slot].done), word_gen(word)))
			return true;
	return false;
}

static void look_begin(struct worker *w, struct look *l, struct span s)
{
	unsigned int i;

	l->s = s;
	op_arg(w, (uint64_t)s.first << 32 | s.n);
	l->blocks = model_lock(w->m, &s, 1);
	for (i = 0; i < s.n; i++)
		l->written[i] = written(w, atomic_load(&w->m->page[s.first + i].word));
	step_begin(w, STEP_READER, page_addr(s.first));
}

/* What one page is, by a reader's word, under the model's word. */
static int judge_page(struct worker *w, const struct look *l, unsigned int i, const char *who,
		      bool there, bool file)
{
	uint64_t word = atomic_load(&w->m->page[l->s.first + i].word);
	const char *wrong = NULL;
	char title[96];

	checked(w);
	if (there && !word_mapped(word))
		wrong = "a page where nothing is mapped";
	else if (!there && l->written[i])
		wrong = "written page is nowhere";
	else if (file && l->written[i])
		wrong = "anonymous page of a file";
	if (!wrong)
		return 0;
	snprintf(title, sizeof(title), "%s: %s", who, wrong);
	fail_add(w->sh, ORACLE_READER, title, "%#lx, the model's word %#llx",
		 page_addr(l->s.first + i), (unsigned long long)word);
	return -EUCLEAN;
}

int readers_look(struct worker *w, struct span s)
{
	uint64_t entry[HMMT_PMD_PAGES];
	struct hmmt_pagemap pm;
	struct look l;
	unsigned int i;
	int ret;

	look_begin(w, &l, s);
	ret = hmmt_pagemap_read(getpid(), page_addr(l.s.first), l.s.n, entry);
	step_end(w);
	for (i = 0; i < l.s.n && !ret; i++) {
		pm = hmmt_pagemap_decode(entry[i]);
		pm.present |= bust_answer(w, "there");
		pm.file_or_shared |= bust_answer(w, "file");
		if (bust_answer(w, "nowhere"))
			pm.present = pm.swap = false;
		ret = judge_page(w, &l, i, "pagemap", pm.present || pm.swap, pm.file_or_shared);
	}
	model_unlock(w->m, l.blocks);
	return ret;
}

static int read_pagemap(struct worker *w)
{
	return readers_look(w, pick_block_or_part(w));
}

static int scan_pagemap(struct worker *w)
{
	struct hmmt_region reg[HMMT_PMD_PAGES];
	unsigned int i = 0, r, first, end;
	struct look l;
	int n, ret = 0;

	look_begin(w, &l, pick_block_or_part(w));
	n = hmmt_pagemap_regions(page_addr(l.s.first), l.s.n * HMMT_PAGE_SIZE,
				 HMMT_PAGE_PRESENT | HMMT_PAGE_SWAPPED,
				 HMMT_PAGE_PRESENT | HMMT_PAGE_SWAPPED | HMMT_PAGE_FILE,
				 reg, ARRAY_SIZE(reg));
	step_end(w);
	if (n < 0)
		ret = n == -ENOTTY ? -EAGAIN : n;
	if (n > 0 && bust_answer(w, "nowhere"))
		n = 0;
	if (n > 0 && bust_answer(w, "file"))
		reg[0].categories |= HMMT_PAGE_FILE;
	for (r = 0; (int)r < n && !ret; r++) {
		first = (reg[r].start - page_addr(l.s.first)) >> HMMT_PAGE_SHIFT;
		end = (reg[r].end - page_addr(l.s.first)) >> HMMT_PAGE_SHIFT;
		for (; i < first && !ret; i++)
			ret = judge_page(w, &l, i, "PAGEMAP_SCAN", false, false);
		for (; i < end && !ret; i++)
			ret = judge_page(w, &l, i, "PAGEMAP_SCAN", true,
					 reg[r].categories & HMMT_PAGE_FILE);
	}
	for (; i < l.s.n && !ret; i++)
		ret = judge_page(w, &l, i, "PAGEMAP_SCAN", false, false);
	model_unlock(w->m, l.blocks);
	return ret;
}

/* One mapping's fields of smaps, in kB. */
struct smap {
	unsigned long start, end;
	uint64_t size, rss, pss, clean_shared, dirty_shared, clean_private, dirty_private;
	uint64_t anon, thp, swap;
};

static bool smap_line(struct smap *m, const char *line)
{
	static const struct {
		const char *name;
		size_t off;
	} fields[] = {
		{ "Size:", offsetof(struct smap, size) },
		{ "Rss:", offsetof(struct smap, rss) },
		{ "Pss:", offsetof(struct smap, pss) },
		{ "Shared_Clean:", offsetof(struct smap, clean_shared) },
		{ "Shared_Dirty:", offsetof(struct smap, dirty_shared) },
		{ "Private_Clean:", offsetof(struct smap, clean_private) },
		{ "Private_Dirty:", offsetof(struct smap, dirty_private) },
		{ "Anonymous:", offsetof(struct smap, anon) },
		{ "AnonHugePages:", offsetof(struct smap, thp) },
		{ "Swap:", offsetof(struct smap, swap) },
	};
	unsigned long start, end;
	unsigned long long val;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		if (!strncmp(line, fields[i].name, strlen(fields[i].name)) &&
		    sscanf(line + strlen(fields[i].name), "%llu", &val) == 1)
			*(uint64_t *)((char *)m + fields[i].off) = val;
	if (sscanf(line, "%lx-%lx ", &start, &end) == 2) {
		memset(m, 0, sizeof(*m));
		m->start = start;
		m->end = end;
	}
	return !strncmp(line, "VmFlags:", 8);
}

static const char *smap_wrong(const struct smap *m)
{
	if (m->rss + m->swap > m->size)
		return "smaps: more than the mapping holds";
	if (m->pss > m->rss)
		return "smaps: Pss above Rss";
	if (m->anon > m->rss)
		return "smaps: Anonymous above Rss";
	if (m->thp > m->anon)
		return "smaps: AnonHugePages above Anonymous";
	if (m->clean_shared + m->dirty_shared + m->clean_private + m->dirty_private != m->rss)
		return "smaps: shared and private do not make up Rss";
	return NULL;
}

/* Figures that do not go together, each by its name in --bust. */
static void smap_bust(struct worker *w, struct smap *m)
{
	if (bust_answer(w, "size"))
		m->rss = m->size + 4;
	if (bust_answer(w, "pss"))
		m->pss = m->rss + 4;
	if (bust_answer(w, "anon"))
		m->anon = m->rss + 4;
	if (bust_answer(w, "thp"))
		m->thp = m->anon + 4;
	if (bust_answer(w, "shared"))
		m->clean_shared += 4;
	if (bust_answer(w, "less"))
		memset(&m->rss, 0, sizeof(*m) - offsetof(struct smap, rss));
}

/* How much of a mapping within the locked pages must be there. */
static uint64_t written_kb(const struct smap *m, const struct look *l)
{
	unsigned long base = page_addr(l->s.first), at;
	unsigned int n = 0;

	if (m->start < base || m->end > page_addr(l->s.first + l->s.n))
		return 0;
	for (at = m->start; at < m->end; at += HMMT_PAGE_SIZE)
		n += l->written[(at - base) >> HMMT_PAGE_SHIFT];
	return n * (HMMT_PAGE_SIZE / 1024);
}

static int read_smaps(struct worker *w)
{
	const char *wrong = NULL;
	struct smap m = { 0 };
	struct look l;
	uint64_t least;
	char line[256];
	FILE *f;

	f = fopen("/proc/self/smaps", "re");
	if (!f)
		return -EAGAIN;
	look_begin(w, &l, pick_multi(w));
	while (!wrong && fgets(line, sizeof(line), f)) {
		if (!smap_line(&m, line) || m.start < ARENA_BASE ||
		    m.end > page_addr(w->m->nr_pages))
			continue;
		checked(w);
		smap_bust(w, &m);
		wrong = smap_wrong(&m);
		least = written_kb(&m, &l);
		if (!wrong && m.rss + m.swap < least)
			wrong = "smaps: less than was written";
		if (wrong)
			fail_add(w->sh, ORACLE_READER, wrong,
				 "%#lx-%#lx: size %llu rss %llu pss %llu shared %llu private %llu anonymous %llu huge %llu swap %llu kB, written at least %llu",
				 m.start, m.end, (unsigned long long)m.size,
				 (unsigned long long)m.rss, (unsigned long long)m.pss,
				 (unsigned long long)(m.clean_shared + m.dirty_shared),
				 (unsigned long long)(m.clean_private + m.dirty_private),
				 (unsigned long long)m.anon, (unsigned long long)m.thp,
				 (unsigned long long)m.swap, (unsigned long long)least);
	}
	step_end(w);
	model_unlock(w->m, l.blocks);
	fclose(f);
	return wrong ? -EUCLEAN : 0;
}

static int read_rollup(struct worker *w)
{
	struct smap m = { 0 };
	const char *wrong;
	char buf[4096], *line, *save = NULL;
	ssize_t len;

	step_begin(w, STEP_READER, 0);
	len = hmmt_read_file("/proc/self/smaps_rollup", buf, sizeof(buf));
	step_end(w);
	if (len <= 0)
		return -EAGAIN;
	for (line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		smap_line(&m, line);
	m.size = UINT64_MAX;	/* it does not say */
	smap_bust(w, &m);
	checked(w);
	wrong = smap_wrong(&m);
	if (!wrong)
		return 0;
	fail_add(w->sh, ORACLE_READER, wrong, "smaps_rollup: rss %llu pss %llu anonymous %llu",
		 (unsigned long long)m.rss, (unsigned long long)m.pss,
		 (unsigned long long)m.anon);
	return -EUCLEAN;
}

/* The first mapping of smaps that starts at @start. */
static bool find_smap(unsigned long start, struct smap *m)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	bool found = false;
	char line[256];

	while (f && !found && fgets(line, sizeof(line), f))
		found = smap_line(m, line) && m->start == start;
	if (f)
		fclose(f);
	return found;
}

/* A device THP is counted by other code than its base pages. */
static const char * const divided_titles[2][2] = {
	{ "smaps: pages of one process counted as shared",
	  "smaps: Pss of shared pages not divided" },
	{ "smaps: base pages of one process counted as shared",
	  "smaps: Pss of shared base pages not divided" },
};

struct divided {
	unsigned long start;	/* of the mapping */
	bool base;		/* in the device are base pages */
};

/*
 * How the pages of the mapping are divided among @nr processes, or more when somebody
 * forks just now; NULL: rightly.
 */
static const char *divided_wrong(struct worker *w, const struct divided *d, unsigned int nr,
				 struct smap *m)
{
	bool wrong;

	if (!find_smap(d->start, m) || m->rss < HMMT_PMD_SIZE / 1024)
		return NULL;
	if (bust_answer(w, nr == 1 ? "shared" : "undivided")) {
		m->clean_shared = m->rss;
		m->pss = m->rss;
	}
	if (nr == 1)
		wrong = m->clean_shared + m->dirty_shared > 64 && m->pss + 64 > m->rss;
	else
		wrong = m->pss > m->rss / nr + 64;
	return wrong ? divided_titles[d->base][nr > 1] : NULL;
}

#define DIVIDED_MS	1500

/*
 * A migration entry counts as shared and undivided for as long as its migration takes: what
 * is wrong has to stay so.
 */
static int check_divided(struct worker *w, const struct divided *d, unsigned int nr)
{
	uint64_t end = now_ns() + DIVIDED_MS * 1000000ULL;
	const char *wrong;
	struct smap m;

	do {
		memset(&m, 0, sizeof(m));
		checked(w);
		step_begin(w, STEP_READER, d->start);
		wrong = divided_wrong(w, d, nr, &m);
		step_end(w);
		if (!wrong)
			return 0;
		nap_ms(2);
	} while (now_ns() < end);
	fail_add(w->sh, ORACLE_READER, wrong,
		 "%u processes: rss %llu pss %llu shared %llu private %llu huge %llu kB", nr,
		 (unsigned long long)m.rss, (unsigned long long)m.pss,
		 (unsigned long long)(m.clean_shared + m.dirty_shared),
		 (unsigned long long)(m.clean_private + m.dirty_private),
		 (unsigned long long)m.thp);
	return -EUCLEAN;
}

static int shared_child(struct worker *w, void *arg)
{
	check_divided(w, arg, 2);
	return 0;
}

/* In the device, all or, as base pages, half: of one process, then shared with a child. */
static int smaps_divided(struct worker *w, bool base)
{
	void *p = lane_map(w, 0, HMMT_PMD_PAGES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1);
	struct divided d = { (unsigned long)p, base };
	int ret = -ENOMEM;

	if (p) {
		madvise(p, HMMT_PMD_SIZE, MADV_HUGEPAGE);
		ret = lane_fill(w, p, HMMT_PMD_PAGES, lane_key(w));
	}
	if (!ret) {
		step_begin(w, STEP_MIGRATE, d.start);
		hmmt_migrate(&w->r->dev[0], d.start, base ? HMMT_PMD_SIZE / 2 : HMMT_PMD_SIZE,
			     0, NULL);
		step_end(w);
		ret = check_divided(w, &d, 1);
	}
	if (!ret)
		ret = child_result(w, child_run(w, shared_child, &d), "smaps of shared pages");
	lane_clear(w);
	return ret;
}

static int smaps_shared(struct worker *w)
{
	return smaps_divided(w, false);
}

static int smaps_shared_base(struct worker *w)
{
	return smaps_divided(w, true);
}

/* "200000000000 default anon=512 dirty=512 N0=512 kernelpagesize_kB=4" */
static int numa_line(struct worker *w, char *line)
{
	static const char blanks[] = { ' ', '\n', 0 };
	unsigned long long addr, n, anon = 0, dirty = 0, nodes = 0;
	char *word, *save = NULL;
	unsigned int node;

	if (sscanf(line, "%llx ", &addr) != 1 || addr < ARENA_BASE ||
	    addr >= page_addr(w->m->nr_pages))
		return 0;
	for (word = strtok_r(line, blanks, &save); word; word = strtok_r(NULL, blanks, &save)) {
		if (sscanf(word, "anon=%llu", &n) == 1)
			anon = n;
		else if (sscanf(word, "dirty=%llu", &n) == 1)
			dirty = n;
		else if (sscanf(word, "N%u=%llu", &node, &n) == 2)
			nodes += n;
	}
	checked(w);
	if (bust_answer(w, "nodes"))
		anon = nodes + 1;
	if (anon <= nodes && dirty <= nodes)
		return 0;
	fail_add(w->sh, ORACLE_READER, "numa_maps: more pages than on all nodes",
		 "%#llx: anon %llu dirty %llu nodes %llu", addr, anon, dirty, nodes);
	return -EUCLEAN;
}

static int read_numa_maps(struct worker *w)
{
	FILE *f = fopen("/proc/self/numa_maps", "re");
	char line[512];
	int ret = 0;

	if (!f)
		return -EAGAIN;
	step_begin(w, STEP_READER, 0);
	while (!ret && fgets(line, sizeof(line), f))
		ret = numa_line(w, line);
	step_end(w);
	fclose(f);
	return ret;
}

/* Holes are ENOMEM, and only they. */
static int read_mincore(struct worker *w)
{
	struct span s = pick_block_or_part(w);
	unsigned char vec[HMMT_PMD_PAGES];
	uint64_t blocks;
	int ret, want;

	op_arg(w, (uint64_t)s.first << 32 | s.n);
	blocks = model_lock(w->m, &s, 1);
	want = leading_run(w, s, word_mapped).n == s.n ? 0 : -ENOMEM;
	step_begin(w, STEP_READER, page_addr(s.first));
	ret = mincore((void *)page_addr(s.first), s.n * HMMT_PAGE_SIZE, vec) ? -errno : 0;
	step_end(w);
	model_unlock(w->m, blocks);
	checked(w);
	if (bust_answer(w, "inverted"))
		ret = want ? 0 : -ENOMEM;
	if (ret == want || ret == -EAGAIN)
		return ret == want ? 0 : ret;
	fail_add(w->sh, ORACLE_READER, "mincore: wrong answer", "%#lx+%#lx: %s, expected %s",
		 page_addr(s.first), s.n * HMMT_PAGE_SIZE, strerror(-ret), strerror(-want));
	return -EUCLEAN;
}

/* Referenced bits and, where the kernel has them, soft-dirty bits. */
static int clear_refs(struct worker *w)
{
	static const char * const what[] = { "1", "2", "3", "4" };
	unsigned int i = hmmt_rng_below(&w->rng, ARRAY_SIZE(what));
	int ret;

	op_arg(w, 0);
	op_arg(w, 0);
	op_arg(w, i);
	step_begin(w, STEP_READER, 0);
	ret = bust_errno(w, softdirty_clear(what[i]));
	step_end(w);
	checked(w);
	if (!ret || err_transient(ret) || (i == 3 && ret == -EINVAL))
		return err_transient(ret) ? ret : 0;
	fail_add(w->sh, ORACLE_READER, "clear_refs: unexpected error", "%s: %s", what[i],
		 strerror(-ret));
	return -EUCLEAN;
}

const struct op ops_readers[] = {
	{ "pagemap", "where pages are", 0, OP_CHECK, 3, read_pagemap },
	{ "pagemap_scan", "... by PAGEMAP_SCAN", 0, OP_CHECK, 2, scan_pagemap },
	{ "smaps", "mappings and their pages", 0, OP_CHECK, 1, read_smaps },
	{ "smaps_shared", "... of a device THP that two processes have", NEED_DEV, OP_CHECK, 1,
	  smaps_shared },
	{ "smaps_shared_base", "... of half a THP, base pages in the device", NEED_DEV, OP_CHECK, 1,
	  smaps_shared_base },
	{ "smaps_rollup", "... summed up", 0, OP_CHECK, 1, read_rollup },
	{ "numa_maps", "pages on nodes", NEED_NODES, OP_CHECK, 1, read_numa_maps },
	{ "mincore", "what is in memory", 0, OP_CHECK, 2, read_mincore },
	{ "clear_refs", "forget referenced and soft-dirty bits", 0, OP_PLACE, 1, clear_refs },
	OP_TABLE_END
};
