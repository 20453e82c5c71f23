// SPDX-License-Identifier: GPL-2.0
/*
 * Turns: an emulator that runs all CPUs in one thread, as the det engine does,
 * goes on to the next CPU when one halts, pauses, or comes to the next timer of
 * the machine. In the last case QEMU before 8.1 has no time left for the CPUs
 * behind it: one that is busy in the kernel keeps them out for as long as it
 * is, and RCU reports grace periods that do not start. So each CPU has a timer
 * that does nothing but to pause, after random times, which also makes the
 * seed decide where one CPU is interrupted by another.
 *
 * A module of its own, which stays: guests without a driver, with the tree's, or
 * between two loads of ours need turns as well.
 */
#include <linux/cpuhotplug.h>
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/sched.h>

#include "dmirror.h"

/* An idle CPU is not to be kept awake by it */
#define TURN_IDLE_NS	(16 * NSEC_PER_MSEC)

static unsigned int us = 2000;
module_param(us, uint, 0444);
MODULE_PARM_DESC(us, "mean time of a busy CPU between two pauses");

static unsigned long long seed;
module_param(seed, ullong, 0444);
MODULE_PARM_DESC(seed, "of the random times");

struct turn {
	struct hrtimer	timer;
	u64		state;
	u64		ns;
};

static DEFINE_PER_CPU(struct turn, turns);

static enum hrtimer_restart hmm_turn(struct hrtimer *timer)
{
	struct turn *turn = container_of(timer, struct turn, timer);
	u64 mean = us * NSEC_PER_USEC;

	cpu_relax();
	turn->state += 0x9e3779b97f4a7c15ULL;
	if (is_idle_task(current))
		turn->ns = min_t(u64, 2 * turn->ns, TURN_IDLE_NS);
	else
		turn->ns = mean / 2 + dmirror_mix(turn->state) % mean;
	hrtimer_forward_now(timer, ns_to_ktime(turn->ns));
	return HRTIMER_RESTART;
}

/* On that CPU, when it comes up */
static int turn_start(unsigned int cpu)
{
	struct turn *turn = this_cpu_ptr(&turns);

	turn->state = dmirror_mix(seed + cpu);
	turn->ns = us * NSEC_PER_USEC;
	dmirror_hrtimer_setup(&turn->timer, hmm_turn, HRTIMER_MODE_REL_PINNED_HARD);
	hrtimer_start(&turn->timer, ns_to_ktime(turn->ns), HRTIMER_MODE_REL_PINNED_HARD);
	return 0;
}

static int turn_stop(unsigned int cpu)
{
	hrtimer_cancel(this_cpu_ptr(&turns.timer));
	return 0;
}

static int __init turns_init(void)
{
	int ret;

	if (!us || us > USEC_PER_SEC)
		return -EINVAL;
	ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "hmm_turns", turn_start, turn_stop);
	return min(ret, 0);
}
module_init(turns_init);

MODULE_DESCRIPTION("CPUs of an emulator with one thread take turns");
MODULE_LICENSE("GPL");
