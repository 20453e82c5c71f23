// SPDX-License-Identifier: GPL-2.0
/* What a running guest shows from outside, and the line that tells it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmrun.h"

/*
 * Enough for a live count. The judge knows the full list, and what in it is
 * harmless.
 */
static const char * const splat_marks[] = {
	"WARNING: ", "BUG: ", "BUG kmalloc", "Oops", "Kernel panic", "INFO: task ",
	"INFO: rcu", "rcu: INFO:", "general protection fault", "kernel BUG at",
	"UBSAN:", "KASAN:", "KCSAN:", "refcount_t:", "list_add corruption",
	"list_del corruption", "Bad rss-counter", "non-zero pgtables_bytes",
};

int hmmt_watch_init(struct hmmt_watch *w, const char *dir)
{
	char path[4096];
	int fd, ret = 0;
	void *map;

	memset(w, 0, sizeof(*w));
	w->dir = dir;
	w->console = -1;
	w->results = -1;
	snprintf(path, sizeof(path), "%s/journal.bin", dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	/* Sparse: only what the guest writes takes room. */
	if (ftruncate(fd, HMMT_JOURNAL_SIZE)) {
		ret = -errno;
		goto close_fd;
	}
	map = mmap(NULL, sizeof(*w->journal), PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		ret = -errno;
	else
		w->journal = map;
close_fd:
	close(fd);
	return ret;
}

void hmmt_watch_exit(struct hmmt_watch *w)
{
	if (w->journal)
		munmap((void *)w->journal, sizeof(*w->journal));
	if (w->console >= 0)
		close(w->console);
	if (w->results >= 0)
		close(w->results);
}

static void open_late(int *fd, const char *dir, const char *name)
{
	char path[4096];

	if (*fd >= 0)
		return;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	*fd = open(path, O_RDONLY | O_CLOEXEC);
}

static void end_line(struct hmmt_watch *w)
{
	unsigned long long s, us;
	unsigned int stuck_s;
	const char *lockup;
	size_t i;

	w->line[w->line_len] = 0;
	w->line_len = 0;
	if (sscanf(w->line, "[%llu.%6llu]", &s, &us) == 2 && s < UINT32_MAX)
		w->guest_ms = s * 1000 + us / 1000;
	lockup = strstr(w->line, "soft lockup - CPU#");
	if (lockup && sscanf(lockup, "soft lockup - CPU#%*u stuck for %us!", &stuck_s) == 1 &&
	    stuck_s > w->lockup_s)
		w->lockup_s = stuck_s;
	for (i = 0; i < sizeof(splat_marks) / sizeof(splat_marks[0]); i++) {
		if (strstr(w->line, splat_marks[i])) {
			w->splats++;
			return;
		}
	}
}

static void scan_console(struct hmmt_watch *w)
{
	char buf[65536];
	ssize_t n, i;

	while ((n = read(w->console, buf, sizeof(buf))) > 0) {
		w->console_size += n;
		for (i = 0; i < n; i++) {
			if (buf[i] == '\n')
				end_line(w);
			else if (w->line_len < sizeof(w->line) - 1)
				w->line[w->line_len++] = buf[i];
		}
	}
}

static uint64_t mix(uint64_t sum, uint64_t value)
{
	return (sum ^ value) * 0x9e3779b97f4a7c15ULL + (sum >> 32);
}

bool hmmt_watch_update(struct hmmt_watch *w)
{
	uint64_t sum = 0;
	struct stat st;

	open_late(&w->console, w->dir, "console.log");
	open_late(&w->results, w->dir, "results.log");
	if (w->console >= 0)
		scan_console(w);
	if (w->results >= 0 && !fstat(w->results, &st))
		w->results_size = st.st_size;
	sum = mix(sum, w->console_size);
	sum = mix(sum, w->results_size);
	if (w->journal) {
		const volatile struct hmmt_journal_header *j = w->journal;

		sum = mix(sum, j->heartbeat);
		sum = mix(sum, j->ops);
		sum = mix(sum, j->next);
		sum = mix(sum, j->elapsed_ms);
		/* behind the kernel's own clock, but it also runs in silence */
		if (j->elapsed_ms > w->guest_ms && j->elapsed_ms < UINT32_MAX * 1000ULL)
			w->guest_ms = j->elapsed_ms;
	}
	if (sum == w->signature)
		return false;
	w->signature = sum;
	return true;
}

static uint64_t rate(uint64_t now, uint64_t *before, uint64_t ms)
{
	uint64_t diff = now > *before ? now - *before : 0;

	*before = now;
	return ms ? diff * 1000 / ms : 0;
}

/* The phase as text, whatever a broken guest left there */
static void copy_phase(char *to, const volatile char *from, size_t size)
{
	size_t i;

	for (i = 0; i < size - 1 && from[i]; i++)
		to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	to[i] = 0;
}

static void put_progress(const char *dir, const char *text)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/progress", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	if (dprintf(fd, "%s\n", text) > 0)
		ftruncate(fd, strlen(text) + 1);
	close(fd);
}

void hmmt_live_tick(struct hmmt_live *l, const struct hmmt_watch *w, uint64_t wall_ms)
{
	const volatile struct hmmt_journal_header *j = w->journal;
	uint64_t ms = wall_ms - l->last_ms, ops, migrations, faults;
	char phase[sizeof(j->phase)] = "booting", text[320];
	bool known = j && j->magic == HMMT_JOURNAL_MAGIC;

	l->ticks++;
	/* Rates over the time since they were last shown. */
	if (!l->tty && l->ticks % 5)
		return;
	l->last_ms = wall_ms;
	if (known) {
		ops = rate(j->ops, &l->ops, ms);
		migrations = rate(j->thp_migrations, &l->migrations, ms);
		faults = rate(j->cpu_faults, &l->faults, ms);
		copy_phase(phase, j->phase, sizeof(phase));
		snprintf(text, sizeof(text),
			 "%" PRIu64 "s/%" PRIu64 "s guest, %" PRIu64 " ops/s, %" PRIu64
			 " THP migrations/s, %" PRIu64 " faults/s, %" PRIu64 " warnings, %s",
			 (uint64_t)j->elapsed_ms / 1000, (uint64_t)j->total_ms / 1000, ops,
			 migrations, faults, w->splats, phase);
	} else {
		snprintf(text, sizeof(text), "%s, %" PRIu64 " warnings",
			 w->results_size ? "running" : phase, w->splats);
	}
	put_progress(l->dir, text);
	if (l->quiet)
		return;
	fprintf(stderr, "%s[%3" PRIu64 "s] %s%s%s%s", l->tty ? "\r" : "", wall_ms / 1000,
		l->label ? l->label : "", l->label ? ": " : "", text, l->tty ? "\033[K" : "\n");
	fflush(stderr);
	l->drawn = l->tty;
}

void hmmt_live_end(struct hmmt_live *l)
{
	if (l->drawn)
		fputc('\n', stderr);
	l->drawn = false;
}
