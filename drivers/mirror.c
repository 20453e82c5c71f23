// SPDX-License-Identifier: GPL-2.0
/*
 * The mirror of one address space: device page table, device faults.
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

#define DMIRROR_BOUNCE_SIZE	SZ_64K
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
	dmirror_dma_invalidate(dmirror, range->start, range->end);
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
	mutex_init(&dmirror->dma_lock);
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
int dmirror_range_fault(struct dmirror_call *call, struct hmm_range *range,
			bool unlocked)
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

/* The promises that a page keeps which comes with others, and that of its memory */
static void check_answer(struct dmirror *dmirror, struct hmm_range *range, unsigned long i)
{
	unsigned long hmm_pfn = range->hmm_pfns[i], before = i ? range->hmm_pfns[i - 1] : 0;
	struct page *page = hmm_pfn_to_page(hmm_pfn);

	/* what the device cannot reach has to be brought back, or be no answer */
	if (is_device_private_page(page) && !dmirror_is_local(dmirror, page))
		dmirror_count(dmirror->mdevice, hmm_alien);
	if (before & HMM_PFN_VALID && hmm_pfn_to_map_order(hmm_pfn) == HPAGE_PMD_ORDER &&
	    hmm_pfn_to_map_order(before) == HPAGE_PMD_ORDER &&
	    !IS_ALIGNED((range->start >> PAGE_SHIFT) + i, HPAGE_PMD_NR) &&
	    (hmm_pfn & ~HMM_PFN_FLAGS) != (before & ~HMM_PFN_FLAGS) + 1)
		dmirror_count(dmirror->mdevice, hmm_row);
}

/* Put what hmm_range_fault() found into the device page table */
int dmirror_pt_fill(struct dmirror *dmirror, struct hmm_range *range)
{
	unsigned long vpn = range->start >> PAGE_SHIFT;
	unsigned long nr = (range->end - range->start) >> PAGE_SHIFT;
	unsigned long i, step;
	int ret;

	for (i = 0; i < nr; i++)
		if (range->hmm_pfns[i] & HMM_PFN_VALID &&
		    pfn_valid(range->hmm_pfns[i] & ~HMM_PFN_FLAGS))
			check_answer(dmirror, range, i);
	pt_clear(dmirror, range->start, range->end);
	for (i = 0; i < nr; i += step) {
		unsigned long hmm_pfn = range->hmm_pfns[i];
		unsigned long dpte;

		step = 1;
		if (!(hmm_pfn & HMM_PFN_VALID))
			continue;
		if (!pfn_valid(hmm_pfn & ~HMM_PFN_FLAGS)) {
			dmirror_count(dmirror->mdevice, hmm_no_page);
			return -EFAULT;
		}
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
	if (mutex_lock_killable(&dmirror->exclusive_lock)) {
		mmput(mm);
		return -EINTR;
	}
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
		bad |= is_device_private_page(page) && dmirror_is_local(dmirror, page) &&
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
