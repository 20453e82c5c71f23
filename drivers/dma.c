// SPDX-License-Identifier: GPL-2.0
/*
 * Access by DMA: what a device does that has no memory and no page table of its
 * own, such as a NIC with on-demand paging. hmm_range_fault() brings what is in device
 * memory back, hmm_dma_map_pfn() says under which address the device gets at it, and
 * an MMU notifier takes that address away.
 *
 * The page is asked for to be read first and, for a write, once more: what was mapped
 * meanwhile has to stay mapped, and to be the same page.
 */
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "dmirror.h"

void dmirror_dma_init(struct dmirror_device *mdevice, unsigned int bits)
{
	/* any address will do: there is no bus */
	if (dma_coerce_mask_and_coherent(&mdevice->dev, DMA_BIT_MASK(64)))
		dev_warn(&mdevice->dev, "no DMA\n");
	mdevice->dev.bus_dma_limit = bits ? DMA_BIT_MASK(bits) : 0;
}

#ifdef HAVE_HMM_DMA_MAP

/* The part of an access that is in one PMD */
struct dmirror_dma {
	struct dmirror_call	*call;
	struct hmm_dma_map	map;
	unsigned long		start;
	unsigned long		nr;		/* pages */
	unsigned long		faults;
};

/* Take the addresses in [start, end) away. @dmirror->lock is held. */
void dmirror_dma_invalidate(struct dmirror *dmirror, unsigned long start, unsigned long end)
{
	struct dmirror_dma *dma = dmirror->dma;
	unsigned long i;

	for (i = 0; dma && i < dma->nr; i++) {
		unsigned long addr = dma->start + i * PAGE_SIZE;

		if (addr >= start && addr < end)
			hmm_dma_unmap_pfn(&dmirror->mdevice->dev, &dma->map, i);
	}
}

/* Fault all of it in and map it. Returns with @dmirror->lock held, or an error. */
static int dma_map(struct dmirror_dma *dma, bool write)
{
	struct dmirror *dmirror = dma->call->dmirror;
	struct dmirror_device *mdevice = dmirror->mdevice;
	struct hmm_range range = {
		.notifier = &dmirror->notifier,
		.start = dma->start,
		.end = dma->start + dma->nr * PAGE_SIZE,
		.hmm_pfns = dma->map.pfn_list,
		.default_flags = HMM_PFN_REQ_FAULT | (write ? HMM_PFN_REQ_WRITE : 0),
	};
	struct pci_p2pdma_map_state p2p = {};
	unsigned long i;
	int ret;

	dma->faults++;
	ret = dmirror_range_fault(dma->call, &range, false);
	if (ret)
		return ret;
	dmirror->dma = dma;
	for (i = 0; i < dma->nr; i++) {
		unsigned long pfn = dma->map.pfn_list[i];
		dma_addr_t addr;

		if (!pfn_valid((pfn & ~HMM_PFN_FLAGS))) {
			dmirror_count(mdevice, hmm_no_page);
			ret = -EFAULT;
			break;
		}
		addr = hmm_dma_map_pfn(&mdevice->dev, &dma->map, i, &p2p);
		if (dma_mapping_error(&mdevice->dev, addr)) {
			ret = -EIO;
			break;
		}
		dmirror_count(mdevice, dma_mapped);
		if (dma_to_phys(&mdevice->dev, addr) != hmm_pfn_to_phys(pfn))
			dmirror_count(mdevice, dma_wrong);
	}
	if (ret)
		mutex_unlock(&dmirror->lock);
	return ret;
}

/* @dmirror->lock is held */
static void dma_unmap(struct dmirror_dma *dma)
{
	struct dmirror *dmirror = dma->call->dmirror;

	dmirror_dma_invalidate(dmirror, dma->start, dma->start + dma->nr * PAGE_SIZE);
	dmirror->dma = NULL;
}

/* Words are moved whole, as by the device's other way */
static void dma_move(struct dmirror_dma *dma, unsigned long addr, void *buf, size_t n, bool write)
{
	while (n) {
		unsigned long i = (addr - dma->start) >> PAGE_SHIFT;
		size_t part = min(n, PAGE_SIZE - offset_in_page(addr));
		struct page *page = hmm_pfn_to_page(dma->map.pfn_list[i]);
		void *mem = page_address(page) + offset_in_page(addr);

		if (write) {
			set_page_dirty(page);
			dmirror_copy_words(mem, buf, part);
		} else {
			dmirror_copy_words(buf, mem, part);
		}
		addr += part;
		buf += part;
		n -= part;
	}
}

static int dma_step(struct dmirror_dma *dma, unsigned long addr, void *buf, size_t n, bool write)
{
	struct dmirror *dmirror = dma->call->dmirror;
	int ret;

	dma->start = addr & PAGE_MASK;
	dma->nr = (PAGE_ALIGN(addr + n) - dma->start) >> PAGE_SHIFT;
	memset(dma->map.pfn_list, 0, dma->nr * sizeof(*dma->map.pfn_list));
	ret = dma_map(dma, false);
	if (!ret && write) {
		mutex_unlock(&dmirror->lock);
		ret = dma_map(dma, true);
	}
	if (!ret)
		dma_move(dma, addr, buf, n, write);
	else
		mutex_lock(&dmirror->lock);
	dma_unmap(dma);
	mutex_unlock(&dmirror->lock);
	return ret;
}

int dmirror_dma(struct dmirror_call *call, struct hmmt_access *access)
{
	bool write = access->flags & HMMT_ACCESS_WRITE;
	struct dmirror *dmirror = call->dmirror;
	void __user *uptr = u64_to_user_ptr(access->ptr);
	struct dmirror_dma dma = { .call = call };
	void *buf;
	int ret;

	if (!mmget_not_zero(dmirror->notifier.mm))
		return -ESRCH;
	ret = -EINTR;
	if (mutex_lock_killable(&dmirror->dma_lock))
		goto put;
	ret = hmm_dma_map_alloc(&dmirror->mdevice->dev, &dma.map, HPAGE_PMD_NR, PAGE_SIZE);
	if (ret)
		goto unlock;
	buf = dmirror_array(dmirror, HPAGE_PMD_SIZE, 1);
	if (!buf)
		ret = -ENOMEM;
	while (!ret && access->done < access->len) {
		u64 addr = access->addr + access->done;
		size_t n = min(access->len - access->done,
			       ALIGN(addr + 1, HPAGE_PMD_SIZE) - addr);

		if (write && copy_from_user(buf, uptr + access->done, n))
			ret = -EFAULT;
		if (!ret)
			ret = dma_step(&dma, addr, buf, n, write);
		if (!ret && !write && copy_to_user(uptr + access->done, buf, n))
			ret = -EFAULT;
		if (!ret)
			access->done += n;
	}
	access->faults = dma.faults;
	kvfree(buf);
	hmm_dma_map_free(&dmirror->mdevice->dev, &dma.map);
unlock:
	mutex_unlock(&dmirror->dma_lock);
put:
	mmput(dmirror->notifier.mm);
	return ret;
}

#else /* HAVE_HMM_DMA_MAP */

void dmirror_dma_invalidate(struct dmirror *dmirror, unsigned long start, unsigned long end)
{
}

int dmirror_dma(struct dmirror_call *call, struct hmmt_access *access)
{
	return -EOPNOTSUPP;
}

#endif /* HAVE_HMM_DMA_MAP */
