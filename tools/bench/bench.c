// SPDX-License-Identifier: GPL-2.0
/*
 * hmmt-bench [ROUNDS [bust]]: what a migration of 2 MiB costs on the stock driver and on
 * ours, in one guest, in turns. Loads and unloads the modules itself.
 *
 * Lines "# bench MODULE CASE ROUND NS" are the raw figures; docs/bench.md says
 * what the cases are. What was migrated is compared after each direction, since a
 * fast copy of something else is worth nothing; "bust" changes a word on the way, to
 * see that this is noticed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "hmmt.h"

#define PMDS		4	/* migrated one after the other: a figure is a quarter */
#define SIZE		(PMDS * HMMT_PMD_SIZE)

static char *area;		/* PMD aligned */
static char *mirror;		/* what a stock command hands back */
static const char *why = "";
static unsigned int round_nr;
static bool bust;

/* How a module is asked */
enum how { STOCK_IOCTL, OWN_IOCTL };

static const struct module {
	const char *name, *path;
	enum how how;
} modules[] = {
	{ "stock", "/lib/modules/stock_test_hmm.ko", STOCK_IOCTL },
	{ "ours-stock-ioctl", "/lib/modules/test_hmm.ko", STOCK_IOCTL },
	{ "ours", "/lib/modules/test_hmm.ko", OWN_IOCTL },
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void report(const struct module *mod, const char *what, uint64_t ns)
{
	printf("# bench %s %s %u %llu\n", mod->name, what, round_nr,
	       (unsigned long long)ns / PMDS);
}

/* The stock command, one PMD at a time */
static bool stock(int fd, unsigned long cmd, size_t chunk)
{
	struct hmm_dmirror_cmd c;
	size_t off;

	for (off = 0; off < SIZE; off += chunk) {
		c = (struct hmm_dmirror_cmd) {
			.addr = (uintptr_t)area + off, .ptr = (uintptr_t)mirror + off,
			.npages = chunk / HMMT_PAGE_SIZE,
		};
		if (ioctl(fd, cmd, &c)) {
			why = strerror(errno);
			return false;
		}
	}
	return true;
}

static bool own(int fd, unsigned int flags)
{
	struct hmmt_migrate m;
	size_t off;

	for (off = 0; off < SIZE; off += HMMT_PMD_SIZE) {
		m = (struct hmmt_migrate) {
			.addr = (uintptr_t)area + off, .len = HMMT_PMD_SIZE, .flags = flags,
		};
		if (ioctl(fd, HMMT_MIGRATE, &m)) {
			why = strerror(errno);
			return false;
		}
		if (m.migrated != HMMT_PMD_PAGES) {
			why = "not all pages were migrated";
			return false;
		}
	}
	return true;
}

static bool to_dev(const struct module *mod, int fd)
{
	return mod->how == STOCK_IOCTL ?
		stock(fd, HMM_DMIRROR_MIGRATE_TO_DEV, HMMT_PMD_SIZE) : own(fd, 0);
}

static bool to_sys(const struct module *mod, int fd)
{
	return mod->how == STOCK_IOCTL ?
		stock(fd, HMM_DMIRROR_MIGRATE_TO_SYS, HMMT_PMD_SIZE) :
		own(fd, HMMT_MIGRATE_TO_SYS);
}

static void fill(void)
{
	uint64_t *w = (uint64_t *)area;
	size_t i;

	for (i = 0; i < SIZE / sizeof(*w); i++)
		w[i] = hmmt_mix64(i);
}

static bool same(const char *p)
{
	const uint64_t *w = (const uint64_t *)p;
	size_t i;

	for (i = 0; i < SIZE / sizeof(*w) && w[i] == hmmt_mix64(i); i++)
		;
	if (i < SIZE / sizeof(*w))
		why = "the data is not the same";
	return i == SIZE / sizeof(*w);
}

/* Are all pages in device memory, or none? The counts of the drivers differ. */
static bool all_are(int fd, bool in_device)
{
	size_t i;

	if (!stock(fd, HMM_DMIRROR_SNAPSHOT, SIZE))
		return false;
	for (i = 0; i < SIZE / HMMT_PAGE_SIZE; i++)
		if (((mirror[i] & 0x70) == HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL) != in_device) {
			why = in_device ? "not all pages went to the device" :
					  "pages stayed in the device";
			return false;
		}
	return true;
}

/* The data as the device sees it; both modules read it where it is */
static bool device_same(int fd)
{
	return stock(fd, HMM_DMIRROR_READ, HMMT_PMD_SIZE) && same(mirror);
}

/* Our own module tells where the time went; the copy is the floor */
static void phases(const struct module *mod, int fd, const char *what,
		   const struct hmmt_stats *before)
{
	struct hmmt_stats after;
	char name[48];

	if (mod->how != OWN_IOCTL || ioctl(fd, HMMT_STATS, &after))
		return;
#define PHASE(phase) do {							\
	snprintf(name, sizeof(name), "%s-%s", what, #phase);			\
	report(mod, name, after.time_##phase - before->time_##phase);		\
} while (0)
	PHASE(setup);
	PHASE(alloc);
	PHASE(copy);
	PHASE(pages);
	PHASE(finalize);
#undef PHASE
}

/* One figure, and its phases */
static bool timed(const struct module *mod, int fd, const char *what,
		  bool (*run)(const struct module *mod, int fd))
{
	struct hmmt_stats before = {};
	uint64_t t;

	if (mod->how == OWN_IOCTL)
		ioctl(fd, HMMT_STATS, &before);
	t = now_ns();
	if (!run(mod, fd))
		return false;
	report(mod, what, now_ns() - t);
	phases(mod, fd, what, &before);
	return true;
}

static bool touch_thps(const struct module *mod __attribute__((unused)),
		       int fd __attribute__((unused)))
{
	volatile char *p = area;
	size_t i;

	for (i = 0; i < SIZE; i += HMMT_PMD_SIZE)
		p[i];
	return true;
}

static bool touch_pages(const struct module *mod __attribute__((unused)),
			int fd __attribute__((unused)))
{
	volatile char *p = area;
	size_t i;

	for (i = 0; i < SIZE; i += HMMT_PAGE_SIZE)
		p[i];
	return true;
}

/* Memory as THPs or as base pages, and the three directions */
static bool measure(const struct module *mod, int fd, bool thp)
{
	if (mmap(area, SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != area ||
	    madvise(area, SIZE, thp ? MADV_HUGEPAGE : MADV_NOHUGEPAGE)) {
		why = strerror(errno);
		return false;
	}
	fill();
	if (!timed(mod, fd, thp ? "thp-to-dev" : "base-to-dev", to_dev) ||
	    !all_are(fd, true) || !device_same(fd))
		return false;
	if (!timed(mod, fd, thp ? "thp-to-sys" : "base-to-sys", to_sys) ||
	    !all_are(fd, false) || !same(area))
		return false;
	area[SIZE / 2] ^= bust;
	if (!to_dev(mod, fd) || !all_are(fd, true))
		return false;
	return timed(mod, fd, thp ? "thp-fault" : "base-fault",
		     thp ? touch_thps : touch_pages) && same(area);
}

static bool run(const struct module *mod)
{
	int fd = -1, ret = hmmt_module_load(mod->path, "");
	bool ok = false;

	if (ret) {
		why = strerror(-ret);
		printf("# bench: %s: cannot load\n", mod->name);
		return false;
	}
	fd = open("/dev/hmm_dmirror0", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		why = strerror(errno);
	} else {
		ok = measure(mod, fd, true) && measure(mod, fd, false);
		munmap(area, SIZE);
		close(fd);
	}
	if (syscall(SYS_delete_module, "test_hmm", 0)) {
		why = strerror(errno);
		ok = false;
	}
	return ok;
}

int main(int argc, char **argv)
{
	unsigned int i, rounds = argc > 1 ? atoi(argv[1]) : 5;
	bool ok = true;

	bust = argc > 2 && !strcmp(argv[2], "bust");
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..1\n");
	hmmt_stay_on(0);
	area = mmap((void *)0x200000000000UL, SIZE, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	mirror = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (area == MAP_FAILED || mirror == MAP_FAILED) {
		printf("Bail out! mmap: %s\n", strerror(errno));
		return 1;
	}
	/* round 0 warms up */
	for (round_nr = 0; ok && round_nr <= rounds; round_nr++)
		for (i = 0; ok && i < sizeof(modules) / sizeof(modules[0]); i++) {
			ok = run(&modules[i]);
			if (!ok)
				printf("# bench: %s: round %u: %s\n", modules[i].name,
				       round_nr, why);
		}
	printf("%sok 1 bench\n", ok ? "" : "not ");
	printf("{\"hmmtorture\":1,\"program\":\"hmmt-bench\",\"pass\":%d,\"fail\":%d,\"skip\":0}\n",
	       ok, !ok);
	return !ok;
}
