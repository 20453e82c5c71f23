// SPDX-License-Identifier: GPL-2.0
/*
 * The mirror of one address space: device page table, device faults, access.
 *
 * The device page table is filled by device faults only. Migration never
 * writes to it: MMU notifiers empty it, its next use asks hmm_range_fault().
 * So there is no window in which an entry could be installed for a page that
 * MADV_DONTNEED, say, took away after the migration had collected it.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "dmirror.h"
#include "trace.h"

/* A device fault, or an access, that does not get through in this time: EBUSY */
#define DMIRROR_FAULT_TIMEOUT	(10 * HZ)
#define DMIRROR_BOUNCE_SIZE	SZ_64K

static unsigned long dpte_pfn(unsigned long dpte, unsigned long vpn)
{
	unsigned long pfn = dpte >> DPTE_PFN_SHIFT;

	return dpte & DPTE_PMD ? pfn + (vpn & (HPAGE_PMD_NR - 1)) : pfn;
}

/* Forget everything that touches [start, end). @dmirror->lock is held. */
static void pt_clear(struct dmirror *dmirror, unsigned long start,
		     unsigned long end)
{
	XA_STATE(xas, &dmirror->pt, start >> PAGE_SHIFT);
	void *entry;

	xas_lock(&xas);
	/* an entry of PMD order goes whole, also when a part of it is hit */
	xas_for_each(&xas, entry, (end - 1) >> PAGE_SHIFT)
		xas_store(&xas, NULL);
	xas_unlock(&xas);
}

static int pt_store(struct dmirror *dmirror, unsigned long vpn,
		    unsigned int order, unsigned long dpte)
{
	XA_STATE_ORDER(xas, &dmirror->pt, vpn, order);

	if (dmirror_should_fail(dmirror->mdevice, dmirror, NULL, HMMT_SITE_PT))
		return -ENOMEM;
	xas_lock(&xas);
	xas_store(&xas, xa_mk_value(dpte));
	if (xas_error(&xas) == -ENOMEM) {
		/* under a lock that reclaim may want: no sleeping */
		xas_unlock(&xas);
		if (!xas_nomem(&xas, GFP_ATOMIC | __GFP_NOWARN))
			return -ENOMEM;
		xas_lock(&xas);
		xas_store(&xas, xa_mk_value(dpte));
	}
	xas_unlock(&xas);
	return xas_error(&xas);
}

static bool dmirror_invalidate(struct mmu_interval_notifier *notifier,
			       const struct mmu_notifier_range *range,
			       unsigned long cur_seq)
{
	struct dmirror *dmirror = container_of(notifier, struct dmirror, notifier);

	if (mmu_notifier_range_blockable(range))
		mutex_lock(&dmirror->lock);
	else if (!mutex_trylock(&dmirror->lock))
		return false;

	/* not what make_device_exclusive() says while we call it */
	if (dmirror->exclusive_task != current)
		dmirror->foreign++;
	mmu_interval_set_seq(notifier, cur_seq);
	pt_clear(dmirror, range->start, range->end);
	mutex_unlock(&dmirror->lock);
	dmirror_count(dmirror->mdevice, invalidations);
	trace_dmirror_invalidate(dmirror->mdevice->id, range->event,
				 range->start, range->end);
	return true;
}

static const struct mmu_interval_notifier_ops dmirror_notifier_ops = {
	.invalidate = dmirror_invalidate,
};

int dmirror_mirror_init(struct dmirror *dmirror, struct mm_struct *mm)
{
	mutex_init(&dmirror->lock);
	mutex_init(&dmirror->exclusive_lock);
	mutex_init(&dmirror->pin_lock);
	INIT_LIST_HEAD(&dmirror->pins);
	xa_init(&dmirror->pt);
	return mmu_interval_notifier_insert(&dmirror->notifier, mm, 0,
					    ULONG_MAX & PAGE_MASK,
					    &dmirror_notifier_ops);
}

void dmirror_mirror_exit(struct dmirror *dmirror)
{
	dmirror_pin_exit(dmirror);
	mmu_interval_notifier_remove(&dmirror->notifier);
	xa_destroy(&dmirror->pt);
}

/* Between two steps of a command: is it to end here, and how? */
int dmirror_stop(const struct dmirror_call *call)
{
	cond_resched();
	if (fatal_signal_pending(current))
		return -EINTR;
	return call->cancelled && READ_ONCE(*call->cancelled) ? -ECANCELED : 0;
}

static int range_fault(struct hmm_range *range, bool unlocked)
{
	struct mm_struct *mm = range->notifier->mm;
	int ret;

	if (unlocked)
		return dmirror_range_fault_unlocked(range, DMIRROR_FAULT_TIMEOUT);
	range->notifier_seq = mmu_interval_read_begin(range->notifier);
	mmap_read_lock(mm);
	ret = hmm_range_fault(range);
	mmap_read_unlock(mm);
	return ret;
}

/*
 * Call hmm_range_fault() until its answer is still valid with @dmirror->lock
 * held. Returns with the lock held, or an error without it.
 */
static int range_fault_locked(struct dmirror_call *call,
			      struct hmm_range *range, bool unlocked)
{
	struct dmirror *dmirror = call->dmirror;
	unsigned long timeout = jiffies + DMIRROR_FAULT_TIMEOUT;
	int ret;

	for (;;) {
		ret = dmirror_stop(call);
		if (ret)
			return ret;
		if (time_after(jiffies, timeout))
			return -EBUSY;

		dmirror_count(dmirror->mdevice, dev_faults);
		ret = range_fault(range, unlocked);
		if (ret == -EBUSY)
			continue;
		if (ret)
			return ret;

		dmirror_perturb(dmirror->mdevice);
		mutex_lock(&dmirror->lock);
		if (!mmu_interval_read_retry(range->notifier, range->notifier_seq))
			return 0;
		mutex_unlock(&dmirror->lock);
	}
}

/*
 * What is mapped by a PMD is aligned to it, virtually and physically, so the
 * pfn of a page in it follows from the address. Stock kernels give that of the
 * head for every part of a device THP (docs/findings/hmm-absent-pmd.md): count
 * it, and go on with the right one, so that other damage stays visible.
 */
static unsigned long checked_pfn(struct dmirror *dmirror, unsigned long vpn,
				 unsigned long hmm_pfn)
{
	unsigned long pfn = hmm_pfn & ~HMM_PFN_FLAGS;
	unsigned long right;

	if (hmm_pfn_to_map_order(hmm_pfn) != HPAGE_PMD_ORDER)
		return pfn;
	dmirror_count(dmirror->mdevice, hmm_checked);
	right = ALIGN_DOWN(pfn, HPAGE_PMD_NR) + (vpn & (HPAGE_PMD_NR - 1));
	if (pfn != right)
		dmirror_count(dmirror->mdevice, hmm_wrong);
	return right;
}

/* Put what hmm_range_fault() found into the device page table */
static int pt_fill(struct dmirror *dmirror, struct hmm_range *range)
{
	unsigned long vpn = range->start >> PAGE_SHIFT;
	unsigned long nr = (range->end - range->start) >> PAGE_SHIFT;
	unsigned long i, step;
	int ret;

	pt_clear(dmirror, range->start, range->end);
	for (i = 0; i < nr; i += step) {
		unsigned long hmm_pfn = range->hmm_pfns[i];
		unsigned long dpte;

		step = 1;
		if (!(hmm_pfn & HMM_PFN_VALID))
			continue;
		dpte = checked_pfn(dmirror, vpn + i, hmm_pfn) << DPTE_PFN_SHIFT;
		if (hmm_pfn & HMM_PFN_WRITE)
			dpte |= DPTE_WRITE;
		if (hmm_pfn_to_map_order(hmm_pfn) >= HPAGE_PMD_ORDER &&
		    IS_ALIGNED(vpn + i, HPAGE_PMD_NR) && i + HPAGE_PMD_NR <= nr) {
			dpte |= DPTE_PMD;
			step = HPAGE_PMD_NR;
		}
		ret = pt_store(dmirror, vpn + i, ilog2(step), dpte);
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * The first page of @range that came without the write permission asked for,
 * or its end. hmm_range_fault() is to fail instead, but stock kernels hand out
 * read-only device-private entries (docs/findings/hmm-no-write.md).
 */
static unsigned long first_read_only(struct dmirror *dmirror,
				     const struct hmm_range *range)
{
	unsigned long addr = range->start;
	unsigned long i;

	for (i = 0; addr < range->end; i++, addr += PAGE_SIZE) {
		dmirror_count(dmirror->mdevice, hmm_write_checked);
		if (!(range->hmm_pfns[i] & HMM_PFN_WRITE)) {
			dmirror_count(dmirror->mdevice, hmm_no_write);
			break;
		}
	}
	return addr;
}

/* Make the CPU take the write fault: it breaks COW, or says that it may not */
static int write_fault(struct dmirror *dmirror, unsigned long addr)
{
	struct mm_struct *mm = dmirror->notifier.mm;
	bool unlocked = false;
	int ret;

	mmap_read_lock(mm);
	ret = fixup_user_fault(mm, addr, FAULT_FLAG_WRITE | FAULT_FLAG_REMOTE,
			       &unlocked);
	mmap_read_unlock(mm);
	return ret;
}

/* An access by the device, and the arrays that it takes */
struct dmirror_io {
	struct dmirror_call	*call;
	bool			write;
	u64			end;		/* of the access */
	enum dmirror_fill	fill;
	/* does its part with @n bytes, @pos from the start; never across a page */
	void			(*move)(struct dmirror_io *io, void *mem, size_t n,
					size_t pos);
	void			*buf;		/* of a step */
	u64			sum;
	u64			faults;
	unsigned long		*hmm_pfns;
};

/* Device fault on [start, end), which is inside one PMD */
static int dmirror_fault(struct dmirror_io *io, unsigned long start,
			 unsigned long end)
{
	struct dmirror *dmirror = io->call->dmirror;
	unsigned long window = READ_ONCE(dmirror->dev_window);
	struct hmm_range range = {
		.notifier = &dmirror->notifier,
		.start = start,
		.end = window ? min(end, ALIGN(start + 1, window)) : end,
		.hmm_pfns = io->hmm_pfns,
		.dev_private_owner = dmirror->mdevice,
	};
	unsigned long addr;
	int ret;

	if (io->fill != FILL_FROM_DEVICE)
		range.default_flags = HMM_PFN_REQ_FAULT |
				      (io->write ? HMM_PFN_REQ_WRITE : 0);
	memset(io->hmm_pfns, 0, HPAGE_PMD_NR * sizeof(*io->hmm_pfns));
	ret = range_fault_locked(io->call, &range, io->fill == FILL_FAULT_UNLOCKED);
	trace_dmirror_fault(dmirror->mdevice->id, start, range.end, io->write, ret);
	if (ret)
		return ret;
	addr = io->write ? first_read_only(dmirror, &range) : range.end;
	ret = pt_fill(dmirror, &range);
	mutex_unlock(&dmirror->lock);
	if (!ret && addr != range.end)
		ret = write_fault(dmirror, addr);
	return ret;
}

static bool is_local(struct dmirror *dmirror, struct page *page)
{
	return dmirror_page_device(page) == dmirror->mdevice;
}

/*
 * Move up to @len bytes at @addr through the device page table, as far as it
 * has what is needed. Returns how many were moved. @dmirror->lock is held.
 */
static size_t pt_access(struct dmirror_io *io, unsigned long addr, size_t len,
			size_t pos)
{
	struct dmirror *dmirror = io->call->dmirror;
	size_t done, n;

	for (done = 0; done < len; done += n) {
		unsigned long vpn = (addr + done) >> PAGE_SHIFT;
		size_t offset = offset_in_page(addr + done);
		void *entry = xa_load(&dmirror->pt, vpn);
		struct page *page;
		unsigned long dpte;
		void *mem;

		if (!entry)
			break;
		dpte = xa_to_value(entry);
		if (io->write && !(dpte & DPTE_WRITE))
			break;
		page = pfn_to_page(dpte_pfn(dpte, vpn));
		if (io->fill == FILL_FROM_DEVICE &&
		    !(is_zone_device_page(page) && is_local(dmirror, page)))
			break;
		if (is_device_private_page(page))
			page = dmirror_backing(page);
		else if (io->write)
			/* as hardware: the CPU's entry may have been cleaned */
			set_page_dirty(page);

		n = min(len - done, PAGE_SIZE - offset);
		mem = kmap_local_page(page);
		io->move(io, mem + offset, n, pos + done);
		kunmap_local(mem);
	}
	return done;
}

/*
 * Move [addr, addr + len), which is inside one PMD; @done says how much was.
 * EBUSY: the faults succeed and still nothing moves. ENOENT: FILL_FROM_DEVICE,
 * and the device has it not.
 */
static int io_step(struct dmirror_io *io, unsigned long addr, size_t len,
		   size_t *done)
{
	struct dmirror *dmirror = io->call->dmirror;
	unsigned long timeout = jiffies + DMIRROR_FAULT_TIMEOUT;
	bool looked = false;
	size_t n;
	int ret;

	*done = 0;
	for (;; looked = true) {
		mutex_lock(&dmirror->lock);
		n = pt_access(io, addr + *done, len - *done, *done);
		mutex_unlock(&dmirror->lock);
		*done += n;
		if (*done == len)
			return 0;
		if (io->fill == FILL_FROM_DEVICE && looked && !n)
			return -ENOENT;
		if (time_after(jiffies, timeout))
			return -EBUSY;
		io->faults++;
		/* more than this step needs: an entry of PMD order if it can be */
		ret = dmirror_fault(io, (addr + *done) & PAGE_MASK,
				    min(PAGE_ALIGN(io->end),
					ALIGN(addr + 1, HPAGE_PMD_SIZE)));
		if (ret)
			return ret;
	}
}

static int io_begin(struct dmirror_io *io, size_t buf_size)
{
	struct dmirror *dmirror = io->call->dmirror;

	if (!mmget_not_zero(dmirror->notifier.mm))
		return -ESRCH;
	io->buf = dmirror_array(dmirror, buf_size, 1);
	io->hmm_pfns = dmirror_array(dmirror, HPAGE_PMD_NR, sizeof(*io->hmm_pfns));
	return io->buf && io->hmm_pfns ? 0 : -ENOMEM;
}

static void io_end(struct dmirror_io *io)
{
	kvfree(io->hmm_pfns);
	kvfree(io->buf);
	mmput(io->call->dmirror->notifier.mm);
}

/* Words are moved whole: a reader never sees half of one */
static void copy_words(u64 *to, const u64 *from, size_t len)
{
	for (; len; len -= sizeof(*to))
		WRITE_ONCE(*to++, READ_ONCE(*from++));
}

static void move_read(struct dmirror_io *io, void *mem, size_t n, size_t pos)
{
	copy_words(io->buf + pos, mem, n);
}

static void move_write(struct dmirror_io *io, void *mem, size_t n, size_t pos)
{
	copy_words(mem, io->buf + pos, n);
}

/* Whole pages: the range is page aligned */
static void move_sum(struct dmirror_io *io, void *mem, size_t n, size_t pos)
{
	u64 *sums = io->buf, sum = io->sum, page_sum = HMMT_CHECKSUM_INIT;
	const u64 *word = mem;

	for (; n; n -= sizeof(*word), word++) {
		u64 value = READ_ONCE(*word);

		sum = hmmt_checksum_step(sum, value);
		page_sum = hmmt_checksum_step(page_sum, value);
	}
	io->sum = sum;
	sums[pos >> PAGE_SHIFT] = page_sum;
}

/* The first @max bytes of what is left, none of it behind the PMD's end */
static size_t step_len(u64 addr, u64 end, size_t max)
{
	return min3(end - addr, (u64)max, ALIGN(addr + 1, HPAGE_PMD_SIZE) - addr);
}

int dmirror_access(struct dmirror_call *call, struct hmmt_access *access,
		   enum dmirror_fill fill)
{
	void __user *uptr = u64_to_user_ptr(access->ptr);
	size_t max = min_t(u64, access->len, DMIRROR_BOUNCE_SIZE);
	struct dmirror_io io = {
		.call = call,
		.write = access->flags & HMMT_ACCESS_WRITE,
		.end = access->addr + access->len,
		.fill = fill,
	};
	int ret;

	io.move = io.write ? move_write : move_read;
	ret = io_begin(&io, max);
	if (ret == -ESRCH)
		return ret;
	while (!ret && access->done < access->len) {
		u64 addr = access->addr + access->done;
		size_t n = step_len(addr, access->addr + access->len, max);
		size_t done;

		if (io.write && copy_from_user(io.buf, uptr + access->done, n)) {
			ret = -EFAULT;
			break;
		}
		ret = io_step(&io, addr, n, &done);
		if (!io.write && copy_to_user(uptr + access->done, io.buf, done))
			ret = -EFAULT;
		else
			access->done += done;
	}
	access->faults = io.faults;
	io_end(&io);
	return ret;
}

int dmirror_checksum(struct dmirror_call *call, struct hmmt_checksum *checksum)
{
	u64 __user *uptr = u64_to_user_ptr(checksum->ptr);
	struct dmirror_io io = {
		.call = call, .move = move_sum, .sum = HMMT_CHECKSUM_INIT,
		.end = checksum->addr + checksum->len,
	};
	int ret;

	ret = io_begin(&io, HPAGE_PMD_NR * sizeof(u64));
	if (ret == -ESRCH)
		return ret;
	while (!ret && checksum->done < checksum->len) {
		u64 addr = checksum->addr + checksum->done;
		size_t n = step_len(addr, checksum->addr + checksum->len,
				    HPAGE_PMD_SIZE);
		size_t done;

		ret = io_step(&io, addr, n, &done);
		if (checksum->ptr &&
		    copy_to_user(uptr + (checksum->done >> PAGE_SHIFT), io.buf,
				 (done >> PAGE_SHIFT) * sizeof(u64)))
			ret = -EFAULT;
		else
			checksum->done += done;
	}
	checksum->faults = io.faults;
	checksum->sum = io.sum;
	io_end(&io);
	return ret;
}

static u16 snapshot_entry(struct dmirror *dmirror, unsigned long hmm_pfn)
{
	unsigned int order = hmm_pfn_to_map_order(hmm_pfn);
	struct page *page;
	u16 prot;

	if (hmm_pfn & HMM_PFN_ERROR)
		return HMM_DMIRROR_PROT_ERROR;
	if (!(hmm_pfn & HMM_PFN_VALID))
		return HMM_DMIRROR_PROT_NONE;

	page = hmm_pfn_to_page(hmm_pfn);
	if (is_device_private_page(page))
		prot = is_local(dmirror, page) ?
			HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL :
			HMM_DMIRROR_PROT_DEV_PRIVATE_REMOTE;
	else if (is_device_coherent_page(page))
		prot = is_local(dmirror, page) ?
			HMM_DMIRROR_PROT_DEV_COHERENT_LOCAL :
			HMM_DMIRROR_PROT_DEV_COHERENT_REMOTE;
	else if (is_zero_pfn(page_to_pfn(page)))
		prot = HMM_DMIRROR_PROT_ZERO;
	else
		prot = HMM_DMIRROR_PROT_NONE;

	prot |= hmm_pfn & HMM_PFN_WRITE ? HMM_DMIRROR_PROT_WRITE :
					  HMM_DMIRROR_PROT_READ;
	if (order + PAGE_SHIFT == PMD_SHIFT)
		prot |= HMM_DMIRROR_PROT_PMD;
	else if (order + PAGE_SHIFT == PUD_SHIFT)
		prot |= HMM_DMIRROR_PROT_PUD;
	return prot | order << 8;
}

/* @stock: one byte a page without the order, as the stock command has it */
int dmirror_snapshot(struct dmirror_call *call, struct hmmt_snapshot *snap,
		     bool stock)
{
	struct dmirror *dmirror = call->dmirror;
	struct mm_struct *mm = dmirror->notifier.mm;
	void __user *uptr = u64_to_user_ptr(snap->ptr);
	unsigned long *hmm_pfns;
	u16 *out;
	int ret = -ENOMEM;

	if (!mmget_not_zero(mm))
		return -ESRCH;
	hmm_pfns = dmirror_array(dmirror, HPAGE_PMD_NR, sizeof(*hmm_pfns));
	out = dmirror_array(dmirror, HPAGE_PMD_NR, sizeof(*out));
	if (!hmm_pfns || !out)
		goto out;

	ret = 0;
	while (snap->done < snap->len) {
		unsigned long addr = snap->addr + snap->done;
		struct hmm_range range = {
			.notifier = &dmirror->notifier,
			.start = addr,
			.end = min(ALIGN(addr + 1, HPAGE_PMD_SIZE),
				   (unsigned long)(snap->addr + snap->len)),
			.hmm_pfns = hmm_pfns,
			.dev_private_owner = dmirror->mdevice,
		};
		unsigned long i, nr = (range.end - addr) >> PAGE_SHIFT;
		size_t size = stock ? nr : nr * sizeof(*out);
		u8 *bytes = (u8 *)out;

		memset(hmm_pfns, 0, HPAGE_PMD_NR * sizeof(*hmm_pfns));
		ret = range_fault_locked(call, &range, false);
		if (ret)
			break;
		for (i = 0; i < nr; i++) {
			u16 entry = snapshot_entry(dmirror, hmm_pfns[i]);

			if (stock)
				bytes[i] = HMMT_SNAP_PROT(entry);
			else
				out[i] = entry;
		}
		mutex_unlock(&dmirror->lock);

		if (copy_to_user(uptr, out, size)) {
			ret = -EFAULT;
			break;
		}
		uptr += size;
		snap->done += range.end - addr;
	}
out:
	kvfree(out);
	kvfree(hmm_pfns);
	mmput(mm);
	return ret;
}

/*
 * make_device_exclusive() itself invalidates, so the sequence of the notifier
 * cannot tell whether what it returned is still true: @foreign can. It is read
 * before invalidations that are under way are waited for.
 */
static int exclusive_page(struct dmirror *dmirror, unsigned long addr)
{
	struct mm_struct *mm = dmirror->notifier.mm;
	struct folio *folio;
	struct page *page;
	unsigned long foreign;
	bool retry;
	int ret;

	do {
		if (fatal_signal_pending(current))
			return -EINTR;
		ret = 0;
		foreign = READ_ONCE(dmirror->foreign);
		mmu_interval_read_begin(&dmirror->notifier);
		mmap_read_lock(mm);
		page = dmirror_make_exclusive(mm, addr, dmirror->mdevice, &folio);
		if (IS_ERR(page)) {
			mmap_read_unlock(mm);
			return PTR_ERR(page);
		}
		mutex_lock(&dmirror->lock);
		retry = foreign != dmirror->foreign;
		if (!retry) {
			pt_clear(dmirror, addr, addr + PAGE_SIZE);
			ret = pt_store(dmirror, addr >> PAGE_SHIFT, 0,
				       page_to_pfn(page) << DPTE_PFN_SHIFT |
				       DPTE_WRITE | DPTE_EXCLUSIVE);
		}
		mutex_unlock(&dmirror->lock);
		folio_unlock(folio);
		folio_put(folio);
		mmap_read_unlock(mm);
	} while (retry);
	return ret;
}

/* Take the pages of [start, end) for exclusive access by the device */
int dmirror_exclusive(struct dmirror *dmirror, unsigned long start,
		      unsigned long end)
{
	struct mm_struct *mm = dmirror->notifier.mm;
	unsigned long addr;
	int ret = 0;

	if (!mmget_not_zero(mm))
		return -ESRCH;
	mutex_lock(&dmirror->exclusive_lock);
	mutex_lock(&dmirror->lock);
	dmirror->exclusive_task = current;
	mutex_unlock(&dmirror->lock);

	for (addr = start; !ret && addr < end; addr += PAGE_SIZE)
		ret = exclusive_page(dmirror, addr);

	mutex_lock(&dmirror->lock);
	dmirror->exclusive_task = NULL;
	mutex_unlock(&dmirror->lock);
	mutex_unlock(&dmirror->exclusive_lock);
	mmput(mm);
	return ret;
}

bool dmirror_is_exclusive(struct dmirror *dmirror, unsigned long start,
			  unsigned long end)
{
	bool exclusive = false;
	unsigned long vpn;
	void *entry;

	mutex_lock(&dmirror->lock);
	xa_for_each_range(&dmirror->pt, vpn, entry, start >> PAGE_SHIFT,
			  (end - 1) >> PAGE_SHIFT)
		exclusive |= xa_to_value(entry) & DPTE_EXCLUSIVE;
	mutex_unlock(&dmirror->lock);
	return exclusive;
}

/* What the device page table maps of this device must be handed out */
static void pt_check(struct dmirror *dmirror, struct hmmt_check *check)
{
	unsigned long vpn;
	void *entry;

	xa_for_each(&dmirror->pt, vpn, entry) {
		unsigned long dpte = xa_to_value(entry);
		unsigned long pfn = dpte_pfn(dpte, vpn);
		struct page *page = pfn_to_page(pfn);
		bool bad;

		bad = dpte & DPTE_PMD &&
		      dmirror_check_failed(check, HMMT_CHECK_PT_ENTRY, pfn, 0,
					   dpte >> DPTE_PFN_SHIFT & (HPAGE_PMD_NR - 1));
		bad |= is_device_private_page(page) && is_local(dmirror, page) &&
		       dmirror_check_failed(check, HMMT_CHECK_PT_FREE, pfn, 1,
					    dmirror_devmem_in_use(page));
		if (bad) {
			check->addr = (u64)vpn << PAGE_SHIFT;
			return;
		}
	}
}

/* An entry for page 0 of the address space, where nothing is mapped */
static int pt_bust(struct dmirror *dmirror, unsigned int which)
{
	struct page *page = dmirror_devmem_free_page(dmirror->mdevice);
	unsigned long dpte;

	if (!page)
		return -ENODATA;
	dpte = page_to_pfn(page) << DPTE_PFN_SHIFT;
	if (which == HMMT_CHECK_PT_ENTRY)
		dpte = (1UL << DPTE_PFN_SHIFT) | DPTE_PMD;
	return pt_store(dmirror, 0, 0, dpte);
}

/* @bust: see dmirror_devmem_check() */
int dmirror_mirror_check(struct dmirror *dmirror, struct hmmt_check *check,
			 unsigned int bust)
{
	int ret = 0;

	mutex_lock(&dmirror->lock);
	if (bust)
		ret = pt_bust(dmirror, bust);
	if (!ret)
		pt_check(dmirror, check);
	if (bust)
		pt_clear(dmirror, 0, PAGE_SIZE);
	mutex_unlock(&dmirror->lock);
	return ret;
}
