// SPDX-License-Identifier: GPL-2.0
/* See module.h */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hmmt.h"
#include "module.h"

#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
#define LEFT_KB		4096	/* slabs that are not given back */

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

void sleep_ms(unsigned int ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

int module_load(const char *params)
{
	return hmmt_module_load(HMMT_MODULE_FILE, params);
}

int module_unload(unsigned int ms)
{
	struct pollfd pfd = { .events = POLLIN };
	int status = 0;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(syscall(SYS_delete_module, "test_hmm", O_NONBLOCK) ? errno : 0);
	if (pid < 0)
		return -errno;
	pfd.fd = syscall(SYS_pidfd_open, pid, 0);
	if (pfd.fd >= 0 && !poll(&pfd, 1, ms)) {
		kill(pid, SIGKILL);
		close(pfd.fd);
		return -ETIMEDOUT;
	}
	close(pfd.fd);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

bool module_loaded(void)
{
	return !access("/sys/module/test_hmm/refcnt", F_OK);
}

int module_reload(const char *params)
{
	return (module_loaded() ? module_unload(30000) : 0) ?: module_load(params);
}

/* Free pages that the CPUs keep for themselves are not in MemFree */
static uint64_t per_cpu_kb(void)
{
	static char text[65536];
	uint64_t pages = 0;
	const char *at;

	if (hmmt_read_file("/proc/zoneinfo", text, sizeof(text)) < 0)
		return 0;
	for (at = text; (at = strstr(at, " count:")); at++)
		pages += strtoull(at + 7, NULL, 10);
	return pages * (HMMT_PAGE_SIZE / 1024);
}

uint64_t mem_free_kb(void)
{
	uint64_t kb = 0;

	hmmt_write_file("/proc/sys/vm/drop_caches", "3");
	hmmt_drain();
	/* what waits for RCU or for a worker is not lost */
	sleep_ms(500);
	hmmt_file_field("/proc/meminfo", "MemFree", &kb);
	return kb + per_cpu_kb();
}

uint64_t mem_missing_kb(uint64_t before)
{
	/* with kmemleak comes KASAN, which keeps what was freed: leaks are told by the former */
	uint64_t kept = access(KMEMLEAK, F_OK) ? LEFT_KB : 32 * LEFT_KB, now = mem_free_kb();

	printf("# free memory %llu kB, before %llu kB\n", (unsigned long long)now,
	       (unsigned long long)before);
	return now + kept > before ? 0 : before - now;
}

bool leaks_forget(void)
{
	return !hmmt_write_file(KMEMLEAK, "scan") && !hmmt_write_file(KMEMLEAK, "clear");
}

int leaks_found(char *text, size_t size)
{
	static char all[65536];
	const char *at;
	int n = 0;

	if (access(KMEMLEAK, F_OK))
		return -1;
	/* objects younger than 5 s are not reported, nor those changed since the last scan */
	hmmt_write_file(KMEMLEAK, "scan");
	sleep_ms(6000);
	hmmt_write_file(KMEMLEAK, "scan");
	if (hmmt_read_file(KMEMLEAK, all, sizeof(all)) < 0)
		return -1;
	for (at = all; (at = strstr(at, "unreferenced object")); at++)
		n++;
	snprintf(text, size, "%s", all);
	return n;
}
