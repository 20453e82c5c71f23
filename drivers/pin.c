// SPDX-License-Identifier: GPL-2.0
/*
 * Pins: pages of the mirrored address space held by GUP, as a device without
 * an MMU of its own, or RDMA, holds them. What is pinned cannot be migrated.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "dmirror.h"

#define DMIRROR_PIN_MAX	(SZ_1G >> PAGE_SHIFT)	/* of one file */
#define DMIRROR_PIN_STEP	512

struct dmirror_pin {
	struct list_head	node;
	unsigned long		addr;
	bool			write;
	unsigned long		nr;
	struct page		*pages[] __counted_by(nr);
};

static void pin_drop(struct dmirror *dmirror, struct dmirror_pin *pin)
{
	unpin_user_pages_dirty_lock(pin->pages, pin->nr, pin->write);
	dmirror->nr_pinned -= pin->nr;
	list_del(&pin->node);
	kvfree(pin);
}

static int pin_release(struct dmirror *dmirror, struct hmmt_pin *arg)
{
	struct dmirror_pin *pin, *next;

	list_for_each_entry_safe(pin, next, &dmirror->pins, node) {
		if (arg->len && (pin->addr != arg->addr ||
				 pin->nr != arg->len >> PAGE_SHIFT))
			continue;
		arg->done += pin->nr << PAGE_SHIFT;
		pin_drop(dmirror, pin);
		/* pinned twice is released twice */
		if (arg->len)
			return 0;
	}
	return arg->len ? -ENOENT : 0;
}

static long pin_pages(struct mm_struct *mm, unsigned long addr,
		      unsigned long nr, unsigned int gup_flags,
		      struct page **pages)
{
	int locked = 1;
	long n;

	mmap_read_lock(mm);
	n = pin_user_pages_remote(mm, addr, nr, gup_flags, pages, &locked);
	if (locked)
		mmap_read_unlock(mm);
	return n ?: -EFAULT;
}

static int pin_take(struct dmirror *dmirror, struct hmmt_pin *arg)
{
	struct mm_struct *mm = dmirror->notifier.mm;
	unsigned long total = arg->len >> PAGE_SHIFT, done = 0;
	unsigned int gup_flags = 0;
	struct dmirror_pin *pin;
	long n = 0;

	if (total > DMIRROR_PIN_MAX - dmirror->nr_pinned)
		return -E2BIG;
	if (dmirror_should_fail(dmirror->mdevice, dmirror, NULL, HMMT_SITE_ARRAY))
		return -ENOMEM;
	pin = kvzalloc(struct_size(pin, pages, total), GFP_KERNEL);
	if (!pin)
		return -ENOMEM;
	pin->nr = total;
	pin->addr = arg->addr;
	pin->write = arg->flags & HMMT_PIN_WRITE;
	if (arg->flags & HMMT_PIN_WRITE)
		gup_flags |= FOLL_WRITE;
	if (arg->flags & HMMT_PIN_LONGTERM)
		gup_flags |= FOLL_LONGTERM;
	if (!mmget_not_zero(mm)) {
		kvfree(pin);
		return -ESRCH;
	}

	while (done < total) {
		n = fatal_signal_pending(current) ? -EINTR :
		    pin_pages(mm, arg->addr + (done << PAGE_SHIFT),
			      min(total - done, DMIRROR_PIN_STEP), gup_flags,
			      pin->pages + done);
		if (n < 0)
			break;
		done += n;
		cond_resched();
	}
	mmput(mm);
	if (n < 0) {
		unpin_user_pages(pin->pages, done);
		kvfree(pin);
		return n;
	}
	dmirror->nr_pinned += total;
	dmirror_count_add(dmirror->mdevice, pinned, total);
	list_add_tail(&pin->node, &dmirror->pins);
	arg->done = arg->len;
	return 0;
}

int dmirror_pin(struct dmirror *dmirror, struct hmmt_pin *arg)
{
	int ret;

	/*
	 * Not under dmirror->lock: to pin may migrate, which invalidates. It may
	 * also take as long as a user wants, behind userfaultfd.
	 */
	if (mutex_lock_killable(&dmirror->pin_lock))
		return -EINTR;
	ret = arg->flags & HMMT_PIN_RELEASE ? pin_release(dmirror, arg) :
					      pin_take(dmirror, arg);
	arg->held = dmirror->nr_pinned;
	mutex_unlock(&dmirror->pin_lock);
	return ret;
}

void dmirror_pin_exit(struct dmirror *dmirror)
{
	struct dmirror_pin *pin, *next;

	list_for_each_entry_safe(pin, next, &dmirror->pins, node)
		pin_drop(dmirror, pin);
}
