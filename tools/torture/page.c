// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses to pages whose mapping others may be changing right now, and the
 * verdict on what they gave. docs/model.md has the argument.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "torture.h"

const char * const via_names[NR_VIAS] = {
	[VIA_CPU] = "CPU",
	[VIA_DEV0] = "device 0",
	[VIA_DEV1] = "device 1",
	[VIA_FILE] = "pread/pwrite",
	[VIA_VM] = "process_vm_readv/writev",
	[VIA_SPLICE] = "vmsplice",
	[VIA_MEM] = "/proc/self/mem",
	[VIA_URING] = "io_uring",
};
static const char * const prot_names[] = { "no access", "read-only", "writable", "?" };

static void bump(_Atomic uint64_t *c)
{
	atomic_fetch_add_explicit(c, 1, memory_order_relaxed);
}

/* The model's state of a page before an access. */
struct view {
	struct vpage *p;
	uint64_t word;
	uint32_t flux;
	bool stable;
};

/* fe first: equal to a later fb means that no change is under way. */
static void view_flux(struct worker *w, unsigned int page, struct view *v)
{
	v->p = &w->m->page[page];
	v->flux = atomic_load(&v->p->fe);
	v->stable = atomic_load(&v->p->fb) == v->flux;
}

/* /proc/PID/mem reads as a debugger does, where it may: whatever is mapped. */
static bool readable(uint64_t word, enum via via)
{
	return via == VIA_MEM && via_mem_forces() ? word_mapped(word) : word_readable(word);
}

/* Did a change overlap what was done since? */
static bool view_raced(const struct view *v)
{
	return !v->stable || atomic_load(&v->p->fb) != v->flux;
}

/* Bounds of a slot; a child's never have anything in a worker's memory. */
static uint64_t bound(struct worker *w, uint64_t word, unsigned int slot, bool hi)
{
	struct cell_seq *s;

	if (slot >= MAX_WORKERS)
		return 0;
	s = &w->m->seq[word_cell(word)][slot];
	return seq_of(atomic_load(hi ? &s->started : &s->done), word_gen(word));
}

static uint32_t tag_of(struct worker *w, uint64_t word, unsigned int slot)
{
	return slot_tag(w->m->seed, word_cell(word), word_gen(word), slot);
}

/* What a slot may hold, for the trace. */
static void expect(struct worker *w, uint64_t word, unsigned int slot, uint64_t lo, uint64_t hi)
{
	uint32_t tag = tag_of(w, word, slot);

	trace_expect(EXPECT_VALUE, lo ? slot_value(tag, lo) : 0, hi ? slot_value(tag, hi) : 0);
}

/* Whose tag is it? Fills @buf; returns the failure's title. */
static const char *identify(struct worker *w, uint64_t word, unsigned int slot,
			    uint64_t val, char *buf, size_t size)
{
	uint32_t tag = val >> SLOT_SEQ_BITS, gen = word_gen(word);
	struct model *m = w->m;
	unsigned int i;
	uint64_t other;

	for (i = 1; i < 16 && i < gen; i++)
		if (slot_tag(m->seed, word_cell(word), gen - i, slot) == tag) {
			snprintf(buf, size, "it was written before the contents were discarded");
			return "wrong slot: discarded data came back";
		}
	for (i = 0; i < NR_SLOTS; i++)
		if (i != slot && tag_of(w, word, i) == tag) {
			snprintf(buf, size, "it belongs to slot %u of this page", i);
			return "wrong slot: misplaced within the page";
		}
	for (i = 0; i < m->nr_pages; i++) {
		other = atomic_load(&m->page[i].word);
		if (word_mapped(other) && tag_of(w, other, slot) == tag) {
			snprintf(buf, size, "it belongs to what is at %#lx now (%+ld pages)",
				 page_addr(i), 0L + word_cell(other) - word_cell(word));
			return "wrong slot: foreign page";
		}
	}
	for (i = 0; i < m->nr_pages; i++) {
		/* contents that are no longer mapped; a glance without the lock */
		if (slot_tag(m->seed, i, m->gen[i], slot) == tag ||
		    (m->gen[i] && slot_tag(m->seed, i, m->gen[i] - 1, slot) == tag)) {
			snprintf(buf, size, "it belongs to contents that were unmapped");
			return "wrong slot: foreign page";
		}
	}
	snprintf(buf, size, "nobody wrote this");
	return "wrong slot: garbage";
}

/* What else happened lately to this block, from the journal. */
static void history(struct worker *w, unsigned long addr, char *buf, size_t size)
{
	uint64_t next = atomic_load(w->r->journal->next), i, found = 0;
	struct journal *j = w->r->journal;
	unsigned int page, a;
	size_t len = 0;

	buf[0] = '\0';
	if (addr < ARENA_BASE || addr >= page_addr(w->m->nr_pages))
		return;
	page = (addr - ARENA_BASE) >> HMMT_PAGE_SHIFT;
	for (i = 0; i < 2048 && i < next && found < 8; i++) {
		const struct hmmt_journal_record *r = &j->rec[(next - 1 - i) % j->nr];
		char *name = (char *)j->hdr + JOURNAL_NAMES_OFF;
		bool hit = false;

		if (r->op >= HMMT_JOURNAL_TRACE)
			continue;
		for (a = 0; a < 2; a++) {
			unsigned int first = r->arg[a] >> 32, n = (uint32_t)r->arg[a];

			hit = hit || (n && page >= first && page < first + n);
		}
		if (!hit)
			continue;
		for (a = 0; a < r->op && *name; a++)
			name += strlen(name) + 1;
		len += snprintf(buf + len, size - len,
				"%s%s(%x+%x,%x+%x)=%lld by %u", found ? "; " : "", name,
				(unsigned int)(r->arg[0] >> 32), (unsigned int)r->arg[0],
				(unsigned int)(r->arg[1] >> 32), (unsigned int)r->arg[1],
				r->ret == JOURNAL_RUNNING ? 1LL : (long long)r->ret, r->worker);
		if (len >= size)
			break;
		found++;
	}
}

void slot_fail(struct worker *w, uint64_t word, unsigned long addr, unsigned int slot,
	       uint64_t val, uint64_t lo, uint64_t hi, const char *how)
{
	const char *title = NULL;
	char who[128] = "", past[600];
	enum oracle o = ORACLE_SLOT;

	switch (slot_check(val, tag_of(w, word, slot), lo, hi)) {
	case SLOT_ZERO:
		title = "wrong slot: lost page (zeros)";
		break;
	case SLOT_STALE:
		title = "wrong slot: stale sequence";
		break;
	case SLOT_FUTURE:
		title = "wrong slot: sequence never written";
		break;
	default:
		title = identify(w, word, slot, val, who, sizeof(who));
		break;
	}
	if (slot >= MAX_WORKERS) {
		title = "fork isolation: child's write seen by parent";
		o = ORACLE_FORK;
	}
	history(w, addr, past, sizeof(past));
	fail_add(w->sh, o, title,
		 "%s by worker %u at %#lx (page %u of block %u, content %u.%u) slot %u: expected tag %06x sequence %llu..%llu, found tag %06llx sequence %llu; %s; lately: %s",
		 how, w->idx, addr,
		 (unsigned int)(addr >> HMMT_PAGE_SHIFT) % (unsigned int)HMMT_PMD_PAGES,
		 (unsigned int)((addr - ARENA_BASE) >> HMMT_PMD_SHIFT),
		 word_cell(word), word_gen(word), slot, tag_of(w, word, slot),
		 (unsigned long long)lo, (unsigned long long)hi,
		 (unsigned long long)(val >> SLOT_SEQ_BITS),
		 (unsigned long long)(val & SLOT_SEQ_MASK), who[0] ? who : "-", past);
}

/* Did a device run out of system memory, so that SIGBUS is its fair answer? */
static bool nomem_seen(struct worker *w)
{
	struct hmmt_stats st;
	unsigned int i;

	for (i = 0; i < NR_DEVS; i++)
		if (!hmmt_stats(&w->r->dev[i], &st) && st.nomem_sys)
			return true;
	return false;
}

/*
 * An access that nothing raced ended in @ret and the model says that it is
 * @allowed. Returns @ret where the value can be looked at, else an errno.
 */
static int judge_access(struct worker *w, uint64_t word, unsigned long addr,
			enum via via, bool write, bool allowed, int ret)
{
	const char *what = write ? "write" : "read";
	char past[600], title[64];

	trace_expect(allowed ? EXPECT_ALLOWED : EXPECT_REFUSED, 0, 0);
	bump(&w->sh->checked[ORACLE_NEGATIVE]);
	if (!allowed && bust_answer(w, "succeeded"))
		ret = 0;
	if (allowed && bust_answer(w, "refused"))
		ret = -EFAULT;
	if (bust_answer(w, "sigbus"))
		ret = -EIO;
	if (allowed ? !ret : ret == -EFAULT) {
		if (ret)
			tally(w->sh, TALLY_SEGV);
		return ret;
	}
	/* The kernel's own access has one answer for SIGBUS and SIGSEGV. */
	if ((ret == -EIO || (ret == -EFAULT && via >= VIA_KERNEL)) && nomem_seen(w))
		ret = -ENOMEM;
	if (err_transient(ret)) {
		tally(w->sh, TALLY_NOMEM);
		return ret;
	}
	if (!ret)
		snprintf(title, sizeof(title), "negative: forbidden %s succeeded", what);
	else if (ret == -EIO)
		snprintf(title, sizeof(title), "negative: SIGBUS on %s", what);
	else
		snprintf(title, sizeof(title), "negative: allowed %s refused", what);
	history(w, addr, past, sizeof(past));
	fail_add(w->sh, ORACLE_NEGATIVE, title,
		 "%s of %#lx by %s: %s; the model says %s; lately: %s", what, addr,
		 via_names[via], ret ? strerror(-ret) : "succeeded",
		 word_mapped(word) ? prot_names[word_prot(word)] : "not mapped", past);
	return -EUCLEAN;
}

int page_check_locked(struct worker *w, uint64_t word, unsigned long addr,
		      unsigned int slot, enum via via)
{
	uint64_t lo, hi, val = 0;
	int ret;

	lo = bound(w, word, slot, false);
	ret = do_load(w, addr + slot_offset(slot), via, &val);
	hi = bound(w, word, slot, true);
	ret = judge_access(w, word, addr, via, false, readable(word, via), ret);
	if (ret)
		return ret == -EFAULT ? 0 : ret;
	bump(&w->sh->checked[slot < MAX_WORKERS ? ORACLE_SLOT : ORACLE_FORK]);
	expect(w, word, slot, lo, hi);
	if (slot_check(val, tag_of(w, word, slot), lo, hi) != SLOT_GOOD)
		slot_fail(w, word, addr, slot, val, lo, hi, "locked read");
	return 0;
}

/* Another content's word may be there for good reason: look when it is settled. */
static int recheck(struct worker *w, unsigned int page, unsigned int slot, enum via via)
{
	struct span s = { page, 1 };
	uint64_t blocks, word;
	int ret;

	tally(w->sh, TALLY_RECHECKED);
	blocks = model_lock(w->m, &s, 1);
	word = atomic_load(&w->m->page[page].word);
	ret = page_check_locked(w, word, page_addr(page), slot, via);
	model_unlock(w->m, blocks);
	return ret;
}

void page_read_begin(struct worker *w, unsigned int page, unsigned int slot,
		     struct page_try *t)
{
	struct view v;

	view_flux(w, page, &v);
	t->page = page;
	t->slot = slot;
	t->flux = v.flux;
	t->stable = v.stable;
	t->word = atomic_load(&v.p->word);
	t->stray = model_stray_possible(w->m, slot, page, v.flux);
	t->lo = bound(w, t->word, slot, false);
}

/* Did a change overlap what was tried? */
static bool try_raced(struct worker *w, const struct page_try *t)
{
	if (t->stable && atomic_load(&w->m->page[t->page].fb) == t->flux)
		return false;
	tally(w->sh, TALLY_RACED);
	return true;
}

/* Words that are somebody's, but not what belongs here. */
static uint64_t slot_bust(struct worker *w, uint64_t word, unsigned int slot, uint64_t val)
{
	unsigned int other = (slot + 1) % MAX_WORKERS;
	uint32_t gen = word_gen(word);

	if (slot >= MAX_WORKERS || !val)
		return val;
	if (bust_answer(w, "misplaced"))
		return slot_value(tag_of(w, word, other), val & SLOT_SEQ_MASK);
	if (gen > 1 && bust_answer(w, "discarded"))
		return slot_value(slot_tag(w->m->seed, word_cell(word), gen - 1, slot),
				  val & SLOT_SEQ_MASK);
	return bust_answer(w, "future") ? val + 1000 : val;
}

int page_read_end(struct worker *w, struct page_try *t, enum via via, int ret, uint64_t val)
{
	unsigned int slot = t->slot;
	unsigned long addr = page_addr(t->page);
	uint64_t hi = bound(w, t->word, slot, true);

	if (try_raced(w, t))
		return 0;
	ret = judge_access(w, t->word, addr, via, false, readable(t->word, via), ret);
	if (ret)
		return ret == -EFAULT ? 0 : ret;
	bump(&w->sh->checked[slot < MAX_WORKERS ? ORACLE_SLOT : ORACLE_FORK]);
	expect(w, t->word, slot, t->lo, hi);
	val = slot_bust(w, t->word, slot, val);
	if (slot_check(val, tag_of(w, t->word, slot), t->lo, hi) == SLOT_GOOD) {
		/* Seen once, a write that was in doubt must not vanish again. */
		if (slot == w->idx && (val & SLOT_SEQ_MASK) > t->lo)
			atomic_store(&w->m->seq[word_cell(t->word)][slot].done,
				     seq_pack(word_gen(t->word), val & SLOT_SEQ_MASK));
		return 0;
	}
	if (t->stray)
		return recheck(w, t->page, slot, via);
	slot_fail(w, t->word, addr, slot, val, t->lo, hi, via_names[via]);
	return -EUCLEAN;
}

int page_read(struct worker *w, unsigned int page, unsigned int slot, enum via via)
{
	struct page_try t;
	uint64_t val = 0;
	int ret;

	page_read_begin(w, page, slot, &t);
	ret = do_load(w, page_addr(page) + slot_offset(slot), via, &val);
	return page_read_end(w, &t, via, ret, val);
}

/* The next value of the worker's slot in content @word; announces it. */
static uint64_t next_value(struct worker *w, uint64_t word, uint64_t *seq)
{
	struct cell_seq *s = &w->m->seq[word_cell(word)][w->idx];
	uint32_t gen = word_gen(word);

	*seq = seq_of(atomic_load(&s->started), gen) + 1;
	atomic_store(&s->started, seq_pack(gen, *seq));
	return slot_value(tag_of(w, word, w->idx), *seq);
}

static void value_done(struct worker *w, uint64_t word, uint64_t seq)
{
	atomic_store(&w->m->seq[word_cell(word)][w->idx].done,
		     seq_pack(word_gen(word), seq));
}

/*
 * The store of @val, meant for content @meant, overlapped a change of the
 * page. If it went into the content that is there now, put that right.
 */
static void resolve(struct worker *w, unsigned int page, uint64_t meant, uint64_t val)
{
	unsigned long addr = page_addr(page) + slot_offset(w->idx);
	uint64_t word, now = 0, seq;
	int ret;

	tally(w->sh, TALLY_UNCERTAIN);
	model_lock_page(w->m, page);
	word = atomic_load(&w->m->page[page].word);
	if (!word_readable(word) || word_same(word, meant))
		goto unlock;
	ret = do_load(w, addr, VIA_CPU, &now);
	if (judge_access(w, word, addr, VIA_CPU, false, true, ret) || now != val)
		goto unlock;
	if (!word_writable(word)) {
		fail_add(w->sh, ORACLE_NEGATIVE, "negative: forbidden write succeeded",
			 "a write to %#lx that raced a change of the mapping is in a read-only page",
			 addr);
		goto unlock;
	}
	tally(w->sh, TALLY_STRAY);
	val = next_value(w, word, &seq);
	ret = do_store(w, addr, VIA_CPU, val);
	if (!judge_access(w, word, addr, VIA_CPU, true, true, ret))
		value_done(w, word, seq);
unlock:
	model_unlock_page(w->m, page);
}

int page_write_begin(struct worker *w, unsigned int page, struct page_try *t)
{
	_Atomic uint64_t *flight = &w->m->inflight[w->idx];
	struct view v;

	/* Announced before the flux is looked at: see model_stray_possible(). */
	atomic_store(flight, (uint64_t)(page + 1) << 32 | FLUX_UNKNOWN);
	view_flux(w, page, &v);
	atomic_store(flight, (uint64_t)(page + 1) << 32 | v.flux);
	t->page = page;
	t->slot = w->idx;
	t->flux = v.flux;
	t->stable = v.stable;
	t->word = atomic_load(&v.p->word);
	if (!word_writable(t->word)) {
		atomic_store(flight, 0);
		return -EAGAIN;
	}
	t->val = next_value(w, t->word, &t->seq);
	return 0;
}

int page_write_end(struct worker *w, struct page_try *t, enum via via, int ret)
{
	if (try_raced(w, t)) {
		resolve(w, t->page, t->word, t->val);
		ret = 0;
	} else {
		ret = judge_access(w, t->word, page_addr(t->page), via, true, true, ret);
		if (!ret)
			value_done(w, t->word, t->seq);
	}
	atomic_store(&w->m->inflight[w->idx], 0);
	return ret;
}

int page_write(struct worker *w, unsigned int page, enum via via)
{
	struct page_try t;
	int ret = page_write_begin(w, page, &t);

	if (ret)
		return ret;
	ret = do_store(w, page_addr(page) + slot_offset(w->idx), via, t.val);
	return page_write_end(w, &t, via, ret);
}

int page_probe(struct worker *w, unsigned int page, bool write, enum via via)
{
	unsigned long addr = page_addr(page) + slot_offset(SLOT_PROBE);
	uint64_t val = hmmt_rng_u64(&w->rng) | 1;	/* not 0, which is a lost page's */
	struct view v;
	int ret;

	view_flux(w, page, &v);
	v.word = atomic_load(&v.p->word);
	ret = write ? do_store(w, addr, via, val) : do_load(w, addr, via, &val);
	if (view_raced(&v)) {
		tally(w->sh, TALLY_RACED);
		return 0;
	}
	ret = judge_access(w, v.word, addr, via, write,
			   write ? word_writable(v.word) : word_readable(v.word), ret);
	return ret == -EFAULT ? 0 : ret;
}

void page_fill_locked(struct worker *w, struct span s, unsigned long base)
{
	unsigned int page;
	uint64_t word, val, seq;
	unsigned long addr;
	int ret;

	for (page = s.first; page < s.first + s.n; page++) {
		word = atomic_load(&w->m->page[page].word);
		if (!word_writable(word))
			continue;
		addr = base + (unsigned long)(page - s.first) * HMMT_PAGE_SIZE;
		val = next_value(w, word, &seq);
		step_begin(w, STEP_STORE, addr);
		ret = access_store(addr + slot_offset(w->idx), val);
		step_end(w);
		if (judge_access(w, word, addr, VIA_CPU, true, true, ret))
			break;
		value_done(w, word, seq);
	}
}
