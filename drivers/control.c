// SPDX-License-Identifier: GPL-2.0
/*
 * What a user may set: fault windows, failing allocations.
 *
 * Settings belong to an open file. CPU faults come without one: they look for
 * a file that mirrors the faulting address space, but only while any file of
 * the device has settings at all.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/eventfd.h>
#include <linux/fault-inject.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "dmirror.h"

#define DMIRROR_HOLD_MAX	10000	/* ms */

/* In debugfs, and by /proc/PID/fail-nth: each of our allocations can fail */
#ifdef CONFIG_FAULT_INJECTION
static DECLARE_FAULT_ATTR(dmirror_fail_alloc);

static bool kernel_should_fail(void)
{
	return should_fail(&dmirror_fail_alloc, 1);
}

void dmirror_fault_attr_init(struct dentry *dir)
{
	fault_create_debugfs_attr("fail_alloc", dir, &dmirror_fail_alloc);
}
#else
static bool kernel_should_fail(void)
{
	return false;
}

void dmirror_fault_attr_init(struct dentry *dir)
{
}
#endif

static bool is_tuned(const struct dmirror *dmirror)
{
	return dmirror->cpu_window || dmirror->inject.sites || dmirror->hold;
}

/* Change settings under the lock that CPU faults read them with */
static void settings_begin(struct dmirror *dmirror, bool *was)
{
	spin_lock(&dmirror->mdevice->mirror_lock);
	*was = is_tuned(dmirror);
}

static void settings_end(struct dmirror *dmirror, bool was)
{
	dmirror->mdevice->tuned += is_tuned(dmirror) - was;
	spin_unlock(&dmirror->mdevice->mirror_lock);
}

/* Not under the lock: it may be the last one */
static void put_event(struct eventfd_ctx *event)
{
	if (event)
		eventfd_ctx_put(event);
}

void dmirror_control_add(struct dmirror *dmirror)
{
	struct dmirror_device *mdevice = dmirror->mdevice;

	spin_lock(&mdevice->mirror_lock);
	list_add_tail(&dmirror->node, &mdevice->mirrors);
	mdevice->nr_mirrors++;
	spin_unlock(&mdevice->mirror_lock);
}

void dmirror_control_del(struct dmirror *dmirror)
{
	struct dmirror_device *mdevice = dmirror->mdevice;

	spin_lock(&mdevice->mirror_lock);
	mdevice->tuned -= is_tuned(dmirror);
	mdevice->nr_mirrors--;
	list_del(&dmirror->node);
	spin_unlock(&mdevice->mirror_lock);
	put_event(dmirror->hold_event);
}

/* The first open file of @mm that has settings; the lock is held */
static struct dmirror *find_tuned(struct dmirror_device *mdevice,
				  struct mm_struct *mm)
{
	struct dmirror *dmirror;

	list_for_each_entry(dmirror, &mdevice->mirrors, node)
		if (dmirror->notifier.mm == mm && is_tuned(dmirror))
			return dmirror;
	return NULL;
}

static bool inject_hit(struct dmirror *dmirror, u32 site)
{
	struct hmmt_inject *in = &dmirror->inject;
	bool hit;
	u64 n;

	if (!(in->sites & site))
		return false;
	n = ++in->seen;
	if (in->times && in->failed >= in->times)
		return false;
	hit = n == in->nth ||
	      (in->nth && n > in->nth && in->interval &&
	       !((n - in->nth) % in->interval));
	if (!hit && in->probability)
		hit = (dmirror_mix(in->seed + n * 0x9e3779b97f4a7c15ULL) & 0xffff) <
		      in->probability;
	in->failed += hit;
	return hit;
}

/*
 * Is this allocation to fail? @dmirror is the file of the command; a CPU fault
 * has none and gives the faulting @mm; neither when the module is unloaded.
 */
bool dmirror_should_fail(struct dmirror_device *mdevice, struct dmirror *dmirror,
			 struct mm_struct *mm, u32 site)
{
	bool hit = kernel_should_fail();

	if (!hit && READ_ONCE(mdevice->tuned)) {
		spin_lock(&mdevice->mirror_lock);
		if (!dmirror && mm)
			dmirror = find_tuned(mdevice, mm);
		hit = dmirror && inject_hit(dmirror, site);
		spin_unlock(&mdevice->mirror_lock);
	}
	if (hit)
		dmirror_count(mdevice, failed_injected);
	return hit;
}

/* An array for a command: its failure can be asked for */
void *dmirror_array(struct dmirror *dmirror, size_t n, size_t size)
{
	if (dmirror_should_fail(dmirror->mdevice, dmirror, NULL, HMMT_SITE_ARRAY))
		return NULL;
	return kvcalloc(n, size, GFP_KERNEL);
}

unsigned long dmirror_cpu_window(struct dmirror_device *mdevice,
				 struct mm_struct *mm)
{
	struct dmirror *dmirror;
	unsigned long window = 0;

	if (!READ_ONCE(mdevice->tuned))
		return 0;
	spin_lock(&mdevice->mirror_lock);
	dmirror = find_tuned(mdevice, mm);
	if (dmirror)
		window = dmirror->cpu_window;
	spin_unlock(&mdevice->mirror_lock);
	return window;
}

static bool window_ok(u64 window)
{
	return !window || window == SZ_4K || window == SZ_64K || window == SZ_2M;
}

int dmirror_tune(struct dmirror *dmirror, struct hmmt_tune *tune)
{
	struct eventfd_ctx *event = NULL;
	bool was;

	if (tune->flags || !window_ok(tune->cpu_window) ||
	    !window_ok(tune->dev_window) || tune->hold > HMMT_HOLD_FAULTED ||
	    tune->hold_ms > DMIRROR_HOLD_MAX || !tune->hold != !tune->hold_ms ||
	    (tune->event && !tune->hold))
		return -EINVAL;
	if (tune->event)
		event = eventfd_ctx_fdget(tune->event);
	if (IS_ERR(event))
		return PTR_ERR(event);
	settings_begin(dmirror, &was);
	dmirror->cpu_window = tune->cpu_window;
	dmirror->hold = tune->hold;
	dmirror->hold_ms = tune->hold_ms;
	swap(dmirror->hold_event, event);
	WRITE_ONCE(dmirror->dev_window, tune->dev_window);
	settings_end(dmirror, was);
	put_event(event);
	return 0;
}

int dmirror_inject(struct dmirror *dmirror, struct hmmt_inject *inject)
{
	u64 seen, failed;
	bool was;

	if (inject->sites & ~HMMT_SITE_ALL || inject->probability > 65536)
		return -EINVAL;
	settings_begin(dmirror, &was);
	seen = dmirror->inject.seen;
	failed = dmirror->inject.failed;
	dmirror->inject = *inject;
	dmirror->inject.seen = 0;
	dmirror->inject.failed = 0;
	settings_end(dmirror, was);
	inject->seen = seen;
	inject->failed = failed;
	return 0;
}

/*
 * Stop here for as long as HMMT_TUNE said, if it is the point that it said. The
 * sleep is not cut short by a signal: what is to meet it may come later, as the
 * OOM reaper does.
 */
void dmirror_hold(struct dmirror_device *mdevice, struct dmirror *dmirror,
		  struct mm_struct *mm, unsigned int point)
{
	struct eventfd_ctx *event = NULL;
	unsigned int ms = 0;

	if (!READ_ONCE(mdevice->tuned))
		return;
	spin_lock(&mdevice->mirror_lock);
	if (!dmirror && mm)
		dmirror = find_tuned(mdevice, mm);
	if (dmirror && dmirror->hold == point) {
		ms = dmirror->hold_ms;
		swap(dmirror->hold_event, event);
		dmirror->hold = HMMT_HOLD_NONE;
		mdevice->tuned -= !is_tuned(dmirror);
	}
	spin_unlock(&mdevice->mirror_lock);
	if (!ms)
		return;
	dmirror_count(mdevice, held);
	if (event)
		eventfd_signal(event);
	put_event(event);
	msleep(ms);
	if (fatal_signal_pending(current))
		dmirror_count(mdevice, held_killed);
}
