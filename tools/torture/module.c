// SPDX-License-Identifier: GPL-2.0
/* The driver is unloaded under a process that has pages in it, and loaded again. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "torture.h"

#define PARAMETERS	"/sys/module/test_hmm/parameters"
#define HELD_BLOCKS	4

static uint64_t held_word(unsigned int page)
{
	return hmmt_mix64(page + 1);
}

/* Has device pages, closes the device, and looks at them for as long as it lives. */
static int holder(int ready, int go)
{
	const unsigned int n = HELD_BLOCKS * HMMT_PMD_PAGES;
	struct pollfd p = { .fd = go, .events = POLLIN };
	struct hmmt_dev dev = HMMT_DEV_CLOSED;
	char *base = (void *)ARENA_BASE;
	unsigned int page, rounds = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mmap(base, HELD_BLOCKS * HMMT_PMD_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return 2;
	madvise(base, HELD_BLOCKS * HMMT_PMD_SIZE, MADV_HUGEPAGE);
	for (page = 0; page < n; page++)
		*(uint64_t *)(base + page * HMMT_PAGE_SIZE) = held_word(page);
	if (hmmt_open(&dev, 0) ||
	    hmmt_migrate(&dev, ARENA_BASE, HELD_BLOCKS * HMMT_PMD_SIZE, 0, NULL))
		return 2;
	hmmt_close(&dev);
	if (write(ready, "r", 1) != 1)
		return 2;
	/* One block is looked at while the driver goes, the others when it is gone. */
	do {
		for (page = 0; page < (rounds ? n : HMMT_PMD_PAGES); page++)
			if (*(volatile uint64_t *)(base + page * HMMT_PAGE_SIZE) !=
			    held_word(page))
				return 1;
	} while (!poll(&p, 1, 0) || !rounds++);
	return 0;
}

/* "devices=2 chunks=64 ...", as they are now */
static void read_parameters(char *out, size_t size)
{
	DIR *dir = opendir(PARAMETERS);
	char path[320], val[64];
	struct dirent *d;
	size_t len = 0;

	out[0] = '\0';
	while (dir && (d = readdir(dir))) {
		snprintf(path, sizeof(path), PARAMETERS "/%s", d->d_name);
		if (d->d_name[0] == '.' || hmmt_read_file(path, val, sizeof(val)) <= 0)
			continue;
		val[strcspn(val, "\n")] = '\0';
		if (len < size)
			len += snprintf(out + len, size - len, "%s%s=%s", len ? " " : "",
					d->d_name, val);
	}
	if (dir)
		closedir(dir);
}

/* Whoever had the device open may let go of it a moment later. */
static int unload(void)
{
	unsigned int tries;

	for (tries = 0; tries < 100; tries++) {
		if (!syscall(SYS_delete_module, "test_hmm", O_NONBLOCK))
			return 0;
		if (errno != EAGAIN && errno != EBUSY)
			break;
		nap_ms(20);
	}
	return -errno;
}

static void cycle(const struct config *cfg, struct shared *sh, int go, pid_t pid)
{
	char params[1024];
	int ret, status = 0;

	read_parameters(params, sizeof(params));
	ret = unload();
	atomic_fetch_add(&sh->checked[ORACLE_DRIVER], 1);
	if (ret || bust_round(cfg, sh, "unload"))
		fail_add(sh, ORACLE_DRIVER, "driver: cannot be unloaded", "%s", strerror(-ret));
	if (write(go, "g", 1) != 1 || waitpid(pid, &status, 0) != pid)
		status = -1;
	if (!status && bust_round(cfg, sh, "holder"))
		status = SIGBUS;
	atomic_fetch_add(&sh->checked[ORACLE_SLOT], 1);
	if (status && !(WIFEXITED(status) && WEXITSTATUS(status) == 2))
		fail_add(sh, ORACLE_SLOT, "wrong slot: after the driver was unloaded",
			 "status %#x of the process that had its pages", status);
	ret = ret ? 0 : hmmt_module_load(HMMT_MODULE_FILE, params);
	if (ret || bust_round(cfg, sh, "load"))
		fail_add(sh, ORACLE_DRIVER, "driver: cannot be loaded again", "%s: %s", params,
			 strerror(-ret));
}

void module_cycle(const struct config *cfg, struct shared *sh, struct hmmt_dev *dev)
{
	int ready[2], go[2];
	unsigned int i;
	pid_t pid;
	char c;

	if (pipe2(ready, O_CLOEXEC))
		return;
	if (pipe2(go, O_CLOEXEC)) {
		close(ready[0]);
		close(ready[1]);
		return;
	}
	perturb_stop();
	for (i = 0; i < cfg->nr_devs; i++)
		hmmt_close(&dev[i]);
	pid = fork();
	if (!pid)
		_exit(holder(ready[1], go[0]));
	close(ready[1]);
	if (pid > 0 && read(ready[0], &c, 1) == 1)
		cycle(cfg, sh, go[1], pid);
	else if (pid > 0)
		waitpid(pid, NULL, 0);
	for (i = 0; i < cfg->nr_devs; i++)
		if (hmmt_open(&dev[i], i) || bust_round(cfg, sh, "device"))
			fail_add(sh, ORACLE_DRIVER, "driver: no device after it was loaded again",
				 "device %u", i);
	if (perturb_start(cfg, dev) || bust_round(cfg, sh, "perturb"))
		fail_add(sh, ORACLE_DRIVER, "driver: perturbation does not start again", "-");
	close(ready[0]);
	close(go[0]);
	close(go[1]);
}
