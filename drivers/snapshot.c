// SPDX-License-Identifier: GPL-2.0
/* The snapshot: what is mapped where, as hmm_range_fault() tells it. */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "dmirror.h"

static u16 snapshot_entry(struct dmirror *dmirror, unsigned long hmm_pfn)
{
	unsigned int order = hmm_pfn_to_map_order(hmm_pfn);
	struct page *page;
	u16 prot;

	if (hmm_pfn & HMM_PFN_ERROR)
		return HMM_DMIRROR_PROT_ERROR;
	if (!(hmm_pfn & HMM_PFN_VALID))
		return HMM_DMIRROR_PROT_NONE;
	if (!pfn_valid(hmm_pfn & ~HMM_PFN_FLAGS)) {
		dmirror_count(dmirror->mdevice, hmm_no_page);
		return HMM_DMIRROR_PROT_ERROR;
	}

	page = hmm_pfn_to_page(hmm_pfn);
	if (is_device_private_page(page))
		prot = dmirror_is_local(dmirror, page) ?
			HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL :
			HMM_DMIRROR_PROT_DEV_PRIVATE_REMOTE;
	else if (is_device_coherent_page(page))
		prot = dmirror_is_local(dmirror, page) ?
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
		ret = dmirror_range_fault(call, &range, false);
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
