// SPDX-License-Identifier: GPL-2.0
/* Migration of what is mapped: to the device, to system memory, on CPU fault. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "step.h"

/* Which slot belongs to which page is not known any more: nothing goes, all is restored. */
static void step_overrun(struct dmirror_step *step, struct migrate_vma *args)
{
	dmirror_count(step->mdevice, source_more);
	/* As the kernel writes behind the array of who has no room, it is said now */
	pr_err_once("FAIL hmm: %s: %lu for %lu pages at %#lx\n",
		    "migrate_vma_setup: more slots than pages", args->npages, step->npages,
		    step->addr);
	memset(step->dst, 0, sizeof(step->dst));
	migrate_vma_pages(args);
	migrate_vma_finalize(args);
}

/*
 * Migrate [step->addr, + npages) of step->vma. The mmap lock is held for
 * reading. @collected: pages that were unmapped for it.
 */
static int step_migrate_vma(struct dmirror_step *step, struct page *fault_page,
			    unsigned long *collected)
{
	struct migrate_vma args = {
		.vma		= step->vma,
		.src		= step->src,
		.dst		= step->dst,
		.start		= step->addr,
		.end		= step->addr + step->npages * PAGE_SIZE,
		.pgmap_owner	= step->from ?: step->mdevice,
		.fault_page	= fault_page,
	};
	unsigned long i, nr;
	u64 start, now;
	int ret;

	if (!step->from)
		args.flags = MIGRATE_VMA_SELECT_SYSTEM;
	else if (step->from->coherent)
		args.flags = MIGRATE_VMA_SELECT_DEVICE_COHERENT;
	else
		args.flags = MIGRATE_VMA_SELECT_DEVICE_PRIVATE;
	/*
	 * No kernel collects coherent THPs whole: what went there as one could
	 * not come back.
	 */
	if (!(step->flags & HMMT_MIGRATE_BASE) && !step->mdevice->coherent &&
	    !(step->from && step->from->coherent))
		args.flags |= DMIRROR_SELECT_COMPOUND;

	memset(step->dst, 0, step->npages * sizeof(*step->dst));
	start = ktime_get_ns();
	ret = migrate_vma_setup(&args);
	if (ret)
		return ret;
	now = dmirror_step_time(step, DMIRROR_COUNTER(time_setup), start);
	if (args.npages > step->npages) {
		step_overrun(step, &args);
		return 0;
	}
	/* A slot for each page, also where nothing can be migrated */
	if (args.npages < step->npages) {
		dmirror_count(step->mdevice, source_less);
		pr_err_once("FAIL hmm: %s: %lu for %lu pages at %#lx\n",
			    "migrate_vma_setup: fewer slots than pages", args.npages,
			    step->npages, step->addr);
	}
	for (i = 0; i < step->npages; i += nr) {
		nr = step->src[i] & DMIRROR_PFN_COMPOUND ? HPAGE_PMD_NR : 1;
		if (step->src[i] & MIGRATE_PFN_MIGRATE)
			*collected += nr;
	}
	*collected = min(*collected, step->npages);

	dmirror_step_point(step, HMMT_HOLD_COLLECTED);
	dmirror_step_alloc_all(step);
	now = dmirror_step_time(step, DMIRROR_COUNTER(time_alloc), now);
	dmirror_step_copy_all(step);
	now = dmirror_step_time(step, DMIRROR_COUNTER(time_copy), now);
	dmirror_step_point(step, HMMT_HOLD_COPIED);
	migrate_vma_pages(&args);
	now = dmirror_step_time(step, DMIRROR_COUNTER(time_pages), now);
	dmirror_step_count(step);
	dmirror_step_point(step, HMMT_HOLD_MOVED);
	migrate_vma_finalize(&args);
	dmirror_step_time(step, DMIRROR_COUNTER(time_finalize), now);
	return 0;
}

static void migrate_account(struct dmirror_step *step)
{
	if (step->direction == TO_SYSTEM)
		dmirror_step_account(step, "to_sys", DMIRROR_COUNTER(to_sys_thp));
	else if (step->from)
		dmirror_step_account(step, "to_peer", DMIRROR_COUNTER(to_peer_thp));
	else
		dmirror_step_account(step, "to_dev", DMIRROR_COUNTER(to_dev_thp));
}

/* One step: [step->addr, end) or less. Returns its end, or an error. */
static long migrate_step(struct dmirror_step *step, struct mm_struct *mm,
			 unsigned long end, struct hmmt_migrate *migrate)
{
	unsigned long next, collected = 0;
	int ret = -EFAULT;

	/* the lock is not kept: others want to change the mappings too */
	mmap_read_lock(mm);
	step->vma = vma_lookup(mm, step->addr);
	if (step->vma) {
		next = min3(end, ALIGN(step->addr + 1, HPAGE_PMD_SIZE),
			    step->vma->vm_end);
		step->npages = (next - step->addr) >> PAGE_SHIFT;
		ret = step_migrate_vma(step, NULL, &collected);
	}
	mmap_read_unlock(mm);
	if (ret)
		return ret;

	migrate->collected += collected;
	migrate->migrated += step->migrated;
	migrate->thp += step->thp;
	migrate->split += step->split;
	migrate->nomem += step->nomem;
	migrate->done = next - migrate->addr;
	migrate_account(step);
	return next;
}

int dmirror_migrate(struct dmirror_call *call, struct hmmt_migrate *migrate)
{
	struct dmirror *dmirror = call->dmirror;
	struct mm_struct *mm = dmirror->notifier.mm;
	bool to_sys = migrate->flags & HMMT_MIGRATE_TO_SYS;
	struct dmirror_device *from = to_sys ? dmirror->mdevice : NULL;
	unsigned long end = migrate->addr + migrate->len;
	struct dmirror_step *step;
	long addr;

	if (migrate->flags & HMMT_MIGRATE_PEER) {
		from = dmirror_device_get(migrate->peer);
		if (!from)
			return -ENODEV;
	}
	if (!mmget_not_zero(mm))
		return -ESRCH;
	step = dmirror_array(dmirror, 1, sizeof(*step));
	if (!step) {
		mmput(mm);
		return -ENOMEM;
	}

	for (addr = migrate->addr; addr >= 0 && addr < end;) {
		int ret = dmirror_stop(call);

		if (ret) {
			addr = ret;
			break;
		}
		memset(step, 0, offsetof(struct dmirror_step, src));
		step->mdevice = dmirror->mdevice;
		step->dmirror = dmirror;
		step->from = from;
		step->direction = to_sys ? TO_SYSTEM : TO_DEVICE;
		step->flags = migrate->flags;
		step->addr = addr;
		addr = migrate_step(step, mm, end, migrate);
	}
	kvfree(step);
	mmput(mm);
	return min(addr, 0);
}

/* A CPU touched device memory. The page is locked and referenced for us. */
vm_fault_t dmirror_migrate_to_ram(struct vm_fault *vmf)
{
	struct dmirror_device *mdevice = dmirror_page_device(vmf->page);
	struct vm_area_struct *vma = vmf->vma;
	unsigned long window = dmirror_cpu_window(mdevice, vma->vm_mm);
	unsigned long collected = 0, end;
	struct dmirror_step *step = NULL;
	vm_fault_t ret = 0;

	dmirror_count(mdevice, cpu_faults);
	/* What real drivers wait for here: their queues, another eviction */
	dmirror_perturb(mdevice);
	dmirror_hold(mdevice, NULL, vma->vm_mm, HMMT_HOLD_FAULTED);
	if (!dmirror_should_fail(mdevice, NULL, vma->vm_mm, HMMT_SITE_ARRAY))
		step = kvmalloc_obj(*step);
	if (!step) {
		dmirror_count(mdevice, cpu_faults_failed);
		return VM_FAULT_OOM;
	}
	/* mapped by a PMD: bring all of it, the folio is then of PMD order */
	if (!window)
		window = vmf->pte ? PAGE_SIZE : HPAGE_PMD_SIZE;
	memset(step, 0, offsetof(struct dmirror_step, src));
	step->mdevice = mdevice;
	step->from = mdevice;
	step->direction = TO_SYSTEM;
	step->vma = vma;
	step->addr = max(ALIGN_DOWN(vmf->address, window), vma->vm_start);
	end = min(ALIGN_DOWN(vmf->address, window) + window, vma->vm_end);
	step->npages = (end - step->addr) >> PAGE_SHIFT;

	if (step_migrate_vma(step, vmf->page, &collected)) {
		ret = VM_FAULT_SIGBUS;
	} else if (!step->migrated) {
		/*
		 * For want of memory: the fault must fail. Else somebody was
		 * in the way: it is retaken. A THP that was not to be had is
		 * no want of memory if base pages were.
		 */
		if (step->nomem && !step->given)
			ret = VM_FAULT_OOM;
		dmirror_count(mdevice, cpu_faults_failed);
	}
	dmirror_step_account(step, "fault", DMIRROR_COUNTER(fault_thp));
	kvfree(step);
	return ret;
}
