// SPDX-License-Identifier: GPL-2.0
/*
 * Preloaded into the QEMU of a det guest: its main loop looks at idle vCPUs only while
 * their thread sleeps, and TLBs have the size that the guest's work gives them.
 *
 * With -icount sleep=off it is the main loop that sets the clock ahead to the next
 * timer when all vCPUs are halted (icount_start_warp_timer()). But a vCPU is halted
 * some instructions before these are added to the clock (icount_process_data()), and
 * of several vCPUs the last one to halt is not the last one that the thread looks at.
 * A main loop that comes by in between sets the clock too far, or makes another vCPU
 * the next one to run: another run, decided by the host. It comes by for a reason a
 * moment after each time that it did set the clock; on a busy host that moment is
 * long. Seen with QEMU 7.2: with a main loop that never sleeps (selftests/vm/badhost.c)
 * two runs in three differ, with this none.
 *
 * The main loop takes the big lock after each ppoll(). The thread of the vCPUs, which
 * -name debug-threads=on gives a name, gives that lock away to sleep by
 * pthread_cond_wait() only, and has it when that returns. So whoever has the lock
 * and finds "awake" unset knows that the thread sleeps, or will do nothing before it
 * gets the lock.
 *
 * A TLB is made larger or smaller when it is flushed, by what was used of it within 100 ms
 * of the host's time of day (tlb_mmu_resize_locked()). The guest sees it: an access
 * that finds its entry sets no accessed bit, and does not meet what was changed in the page table.
 * So the vCPUs' thread has its flushes for a clock. Without this, stopped for most of the
 * time, two replays in two of swap-and-reclaim differ.
 */
#include <dlfcn.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define BUSY_CPU_MS	200	/* of the vCPUs' thread */
#define BUSY_HOST_MS	10000

#define START_S		1577836800	/* as -rtc has it */
#define FLUSHES_PER_S	1000		/* as a busy guest does */

typedef int (*lock_fn)(pthread_mutex_t *lock);
typedef int (*wait_fn)(pthread_cond_t *cond, pthread_mutex_t *lock);
typedef int (*name_fn)(pthread_t thread, const char *name);
typedef int (*time_fn)(struct timeval *tv, void *tz);
typedef int (*poll_fn)(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
		       const sigset_t *mask);

/* The big lock: the first one that the vCPUs' thread sleeps with */
static pthread_mutex_t *_Atomic big;
/* The main loop has it not, and takes it to go on. */
static __thread bool polled;
static __thread bool is_vcpus;
static clockid_t vcpus_clock;
static atomic_int awake;

#define libc(name, type) ({						\
	static type fn;							\
	if (!fn)							\
		fn = (type)dlsym(RTLD_NEXT, name);			\
	fn;								\
})

int pthread_setname_np(pthread_t thread, const char *name)
{
	if (strstr(name, "/TCG")) {
		is_vcpus = true;
		pthread_getcpuclockid(thread, &vcpus_clock);
		atomic_store(&awake, 1);
	}
	return libc("pthread_setname_np", name_fn)(thread, name);
}

int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	int ret = libc("ppoll", poll_fn)(fds, n, timeout, mask);

	polled = gettid() == getpid();
	return ret;
}

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	static __thread int64_t flushes;

	/* The main thread makes the TLBs, when that clock begins. */
	if (!is_vcpus && gettid() != getpid())
		return libc("gettimeofday", time_fn)(tv, tz);
	if (is_vcpus)
		flushes++;
	tv->tv_sec = START_S + flushes / FLUSHES_PER_S;
	tv->tv_usec = flushes % FLUSHES_PER_S * (1000000 / FLUSHES_PER_S);
	return 0;
}

static int64_t clock_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/*
 * Until it sleeps; false when it does not. A guest that is busy for so long is looked at
 * without us: the monitor must be served, and that it goes idle right then is next to
 * impossible. On a host without time for it, it is not busy.
 */
static bool wait_asleep(int64_t cpu_ms, int64_t host_ms)
{
	static const struct timespec slice = { .tv_nsec = 50000000 };

	syscall(SYS_futex, &awake, FUTEX_WAIT_PRIVATE, 1, &slice, NULL, 0);
	return !atomic_load(&awake) || (clock_ms(vcpus_clock) < cpu_ms + BUSY_CPU_MS &&
					clock_ms(CLOCK_MONOTONIC) < host_ms + BUSY_HOST_MS);
}

int pthread_mutex_lock(pthread_mutex_t *lock)
{
	lock_fn take = libc("pthread_mutex_lock", lock_fn);
	lock_fn give = libc("pthread_mutex_unlock", lock_fn);
	int ret = take(lock);
	int64_t cpu_ms, host_ms;
	bool wait = true;

	if (!polled || lock != atomic_load(&big))
		return ret;
	polled = false;
	if (!atomic_load(&awake))
		return ret;
	cpu_ms = clock_ms(vcpus_clock);
	host_ms = clock_ms(CLOCK_MONOTONIC);
	while (wait && atomic_load(&awake)) {
		give(lock);
		wait = wait_asleep(cpu_ms, host_ms);
		ret = take(lock);
	}
	return ret;
}

int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock)
{
	static wait_fn wait;
	int ret;

	/* before glibc 2.36 dlsym() finds the one of programs of long ago */
	if (!wait)
		wait = (wait_fn)dlvsym(RTLD_NEXT, "pthread_cond_wait", "GLIBC_2.3.2");
	if (!wait)
		wait = (wait_fn)dlsym(RTLD_NEXT, "pthread_cond_wait");
	if (!is_vcpus)
		return wait(cond, lock);
	if (!atomic_load(&big))
		atomic_store(&big, lock);
	atomic_store(&awake, 0);
	syscall(SYS_futex, &awake, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	ret = wait(cond, lock);
	atomic_store(&awake, 1);
	return ret;
}
