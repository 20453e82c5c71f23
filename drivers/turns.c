// SPDX-License-Identifier: GPL-2.0
/*
 * Turns: an emulator that runs all CPUs in one thread, as the det engine does,
 * goes on to the next CPU when one halts, pauses, or comes to the next timer of
 * the machine. In the last case QEMU before 8.1 has no time left for the CPUs
 * behind it: one that is busy in the kernel keeps them out for as long as it
 * is, and RCU reports grace periods that do not start. So each CPU has a timer
 * that does nothing but to pause, after random times, which also makes the
 * seed decide where one CPU is interrupted by another.
 */
#include <linux/cpuhotplug.h>
#include <linux/hrtimer.h>
#include <linux/percpu.h>
#include <linux/sched.h>

#include "dmirror.h"

/* An idle CPU is not to be kept awake by it */
#define DMIRROR_TURN_IDLE_NS	(16 * NSEC_PER_MSEC)

struct dmirror_turn {
	struct hrtimer	timer;
	u64		state;
	u64		ns;
};

static DEFINE_PER_CPU(struct dmirror_turn, dmirror_turns);
static u64 dmirror_turn_ns;	/* mean time of a busy CPU, 0: no turns (any more) */
static u64 dmirror_turn_seed;
static int dmirror_turn_hotplug;

static enum hrtimer_restart dmirror_turn(struct hrtimer *timer)
{
	struct dmirror_turn *turn = container_of(timer, struct dmirror_turn, timer);
	u64 mean = READ_ONCE(dmirror_turn_ns);

	if (!mean)
		return HRTIMER_NORESTART;
	cpu_relax();
	turn->state += 0x9e3779b97f4a7c15ULL;
	if (is_idle_task(current))
		turn->ns = min_t(u64, 2 * turn->ns, DMIRROR_TURN_IDLE_NS);
	else
		turn->ns = mean / 2 + dmirror_mix(turn->state) % mean;
	hrtimer_forward_now(timer, ns_to_ktime(turn->ns));
	return HRTIMER_RESTART;
}

/* On that CPU, when it comes up */
static int dmirror_turn_start(unsigned int cpu)
{
	struct dmirror_turn *turn = this_cpu_ptr(&dmirror_turns);

	turn->state = dmirror_mix(dmirror_turn_seed + cpu);
	turn->ns = dmirror_turn_ns;
	dmirror_hrtimer_setup(&turn->timer, dmirror_turn, HRTIMER_MODE_REL_PINNED_HARD);
	hrtimer_start(&turn->timer, ns_to_ktime(turn->ns), HRTIMER_MODE_REL_PINNED_HARD);
	return 0;
}

static int dmirror_turn_stop(unsigned int cpu)
{
	hrtimer_cancel(this_cpu_ptr(&dmirror_turns.timer));
	return 0;
}

/* @us: mean time between two; the rest of all is from @seed */
int dmirror_turns_init(u32 us, u64 seed)
{
	int ret;

	if (!us)
		return 0;
	dmirror_turn_seed = seed;
	dmirror_turn_ns = us * NSEC_PER_USEC;
	ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "hmm_dmirror:turns",
				dmirror_turn_start, dmirror_turn_stop);
	dmirror_turn_hotplug = ret;
	return min(ret, 0);
}

/*
 * All at once: where only one CPU had turns left it would hand over the little time that it
 * gets from another, which waits for it, in each of them, and come to nothing else.
 */
void dmirror_turns_exit(void)
{
	WRITE_ONCE(dmirror_turn_ns, 0);
	if (dmirror_turn_hotplug > 0)
		cpuhp_remove_state(dmirror_turn_hotplug);
}
