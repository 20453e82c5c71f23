// SPDX-License-Identifier: GPL-2.0
/*
 * Perturbation: seeded waits that widen the windows of races.
 *
 * At points of our own, between the phases of a migration (HMMT_PERTURB), and
 * at the entry of functions of the kernel (HMMT_CALLS), through ftrace. A wait
 * is a run of PAUSE: in the det engine each one switches to the next CPU, so
 * that the seed makes the schedule; elsewhere it is a short delay. It never
 * sleeps: the functions are called with spinlocks held.
 *
 * Random waits leave it to chance who comes into the window. HMMT_CATCH stops a thread
 * once, long enough for another one to do all that it was about to do.
 */
#include <linux/delay.h>
#include <linux/ftrace.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/sched/clock.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>

#include "dmirror.h"

#define DMIRROR_PERTURB_MAX	1000000
#define DMIRROR_CATCH_MAX	100000

/* The next number of the sequence that starts with the seed in @state */
static u64 draw(atomic64_t *state)
{
	return dmirror_mix(atomic64_add_return(0x9e3779b97f4a7c15ULL, state));
}

static void pause_up_to(u64 x, unsigned int max)
{
	for (x = x % max + 1; x; x--)
		cpu_relax();
}

int dmirror_perturb_set(struct dmirror_device *mdevice,
			struct hmmt_perturb *perturb)
{
	if (perturb->reserved || perturb->max > DMIRROR_PERTURB_MAX)
		return -EINVAL;
	atomic64_set(&mdevice->perturb_state, perturb->seed);
	WRITE_ONCE(mdevice->perturb_max, perturb->max);
	perturb->points =
		atomic64_read(&mdevice->count[DMIRROR_COUNTER(perturbed)]);
	return 0;
}

void dmirror_perturb(struct dmirror_device *mdevice)
{
	unsigned int max = READ_ONCE(mdevice->perturb_max);
	u64 x;

	if (!max)
		return;
	x = draw(&mdevice->perturb_state);
	/* three times out of four no wait: fast paths are to be met as well */
	if (x & 3)
		return;
	dmirror_count(mdevice, perturbed);
	pause_up_to(x >> 2, max);
}

#ifdef CONFIG_DYNAMIC_FTRACE
struct dmirror_call_point {
	unsigned long	addr;
	u32		one_in;
	atomic64_t	calls;
	atomic64_t	waited;
};

/*
 * Changed only while the callback is not registered, hence without a lock
 * there; calls_lock is for the ioctls. Sorted by address.
 */
static DEFINE_MUTEX(calls_lock);
static struct dmirror_call_point call_points[HMMT_CALLS_MAX];
static unsigned int nr_call_points;
static unsigned int call_pauses;
static atomic64_t call_state;

/*
 * Threads to be caught. Only the thread itself looks at what is in its slot; a @task
 * that is gone is never looked up, only compared.
 */
static struct dmirror_catch {
	struct task_struct	*task;
	u32			nth;
	u32			us;
} catches[32];
static atomic_t nr_catches;
static atomic64_t nr_caught;
static unsigned int next_catch;		/* calls_lock */

static struct dmirror_catch *find_catch(struct task_struct *task)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(catches); i++)
		if (READ_ONCE(catches[i].task) == task)
			return &catches[i];
	return NULL;
}

/* Unless another thread has got the slot meanwhile */
static bool drop_catch(struct dmirror_catch *c)
{
	if (cmpxchg(&c->task, current, NULL) != current)
		return false;
	atomic_dec(&nr_catches);
	return true;
}

/* Each call of the thread, but not those of the interrupts that come to it */
static void catch_current(void)
{
	struct dmirror_catch *c;
	unsigned int us;
	u64 end;

	c = in_task() ? find_catch(current) : NULL;
	if (!c || --c->nth)
		return;
	us = c->us;
	end = local_clock() + us * (u64)NSEC_PER_USEC;
	if (!drop_catch(c))
		return;
	atomic64_inc(&nr_caught);
	/*
	 * schedule() takes locks with interrupts off, and where the TSC is not to be relied on the
	 * clock is one of interrupts, those of this CPU maybe.
	 */
	if (irqs_disabled()) {
		mdelay(us / 1000);
		udelay(us % 1000);
		return;
	}
	while (local_clock() < end)
		cpu_relax();
}

/* The last one at or below @ip, which is some bytes into the function */
static struct dmirror_call_point *call_point(unsigned long ip)
{
	unsigned int lo = 0, hi = nr_call_points;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (call_points[mid].addr <= ip)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &call_points[lo - 1] : NULL;
}

static void call_entered(unsigned long ip, unsigned long parent_ip,
			 struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct dmirror_call_point *point;
	u64 x;
	int bit;

	bit = ftrace_test_recursion_trylock(ip, parent_ip);
	if (bit < 0)
		return;
	point = call_point(ip);
	if (point) {
		if (atomic_read(&nr_catches))
			catch_current();
		atomic64_inc(&point->calls);
		x = draw(&call_state);
		if (!((u32)x % point->one_in)) {
			atomic64_inc(&point->waited);
			pause_up_to(x >> 32, call_pauses);
		}
	}
	ftrace_test_recursion_unlock(bit);
}

static struct ftrace_ops call_ops = {
	.func = call_entered,
};

static int point_cmp(const void *a, const void *b)
{
	const struct dmirror_call_point *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void calls_off(void)
{
	if (!nr_call_points)
		return;
	unregister_ftrace_function(&call_ops);
	ftrace_free_filter(&call_ops);
	nr_call_points = 0;
}

static int calls_set(struct hmmt_calls *arg, struct hmmt_call *call)
{
	unsigned int i, n = 0;
	int ret;

	for (i = 0; i < arg->nr; i++)
		if (!call[i].one_in || call[i].error)
			return -EINVAL;
	calls_off();
	for (i = 0; i < arg->nr; i++) {
		/* EINVAL: no function there, or one that must not be traced */
		call[i].error = ftrace_set_filter_ip(&call_ops, call[i].addr, 0, 0);
		if (call[i].error)
			continue;
		call_points[n++] = (struct dmirror_call_point) {
			.addr = call[i].addr,
			.one_in = call[i].one_in,
		};
	}
	/* an empty filter would be all functions */
	if (!n)
		return 0;
	sort(call_points, n, sizeof(call_points[0]), point_cmp, NULL);
	call_pauses = arg->pauses;
	atomic64_set(&call_state, arg->seed);
	nr_call_points = n;
	ret = register_ftrace_function(&call_ops);
	if (ret) {
		ftrace_free_filter(&call_ops);
		nr_call_points = 0;
	}
	return ret;
}

static void calls_get(struct hmmt_calls *arg, struct hmmt_call *call)
{
	struct dmirror_call_point *point;
	unsigned int i;

	for (i = 0; i < arg->nr; i++) {
		point = call_point(call[i].addr);
		call[i].error = point && point->addr == call[i].addr ? 0 : -ENOENT;
		if (call[i].error)
			continue;
		call[i].one_in = point->one_in;
		call[i].calls = atomic64_read(&point->calls);
		call[i].waited = atomic64_read(&point->waited);
	}
}

int dmirror_calls(struct hmmt_calls *arg)
{
	void __user *user = u64_to_user_ptr(arg->ptr);
	size_t size = array_size(arg->nr, sizeof(struct hmmt_call));
	bool set = arg->flags & HMMT_CALLS_SET;
	struct hmmt_call *call;
	int ret = 0;

	if (arg->flags & ~HMMT_CALLS_SET || arg->reserved ||
	    arg->nr > HMMT_CALLS_MAX || arg->pauses > DMIRROR_PERTURB_MAX ||
	    !arg->pauses != !(set && arg->nr))
		return -EINVAL;
	call = kvmalloc(max_t(size_t, size, 1), GFP_KERNEL);
	if (!call)
		return -ENOMEM;
	if (copy_from_user(call, user, size)) {
		ret = -EFAULT;
		goto free_call;
	}
	mutex_lock(&calls_lock);
	if (set)
		ret = calls_set(arg, call);
	else
		calls_get(arg, call);
	mutex_unlock(&calls_lock);
	if (!ret && copy_to_user(user, call, size))
		ret = -EFAULT;
free_call:
	kvfree(call);
	return ret;
}

int dmirror_catch(struct hmmt_catch *arg)
{
	struct dmirror_catch *c;

	if (arg->nth > DMIRROR_PERTURB_MAX || arg->us > DMIRROR_CATCH_MAX ||
	    !arg->nth != !arg->us)
		return -EINVAL;
	mutex_lock(&calls_lock);
	c = find_catch(current);
	if (arg->nth) {
		if (!c)
			c = find_catch(NULL);
		if (!c)
			c = &catches[next_catch++ % ARRAY_SIZE(catches)];
		c->nth = arg->nth;
		c->us = arg->us;
		if (!xchg(&c->task, current))
			atomic_inc(&nr_catches);
	} else if (c) {
		drop_catch(c);
	}
	mutex_unlock(&calls_lock);
	arg->caught = atomic64_read(&nr_caught);
	return 0;
}

void dmirror_calls_exit(void)
{
	calls_off();
}
#else
int dmirror_catch(struct hmmt_catch *arg)
{
	return -EOPNOTSUPP;
}

int dmirror_calls(struct hmmt_calls *arg)
{
	return -EOPNOTSUPP;
}

void dmirror_calls_exit(void)
{
}
#endif
