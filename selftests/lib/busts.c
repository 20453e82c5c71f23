// SPDX-License-Identifier: GPL-2.0
/*
 * busts WHERE [TORTURE [WITHOUT]]: each deliberate mistake of the torture program must
 * be found, under its right title; and without one there must be nothing to find.
 *
 * WHERE is host (no device), guest, or softdirty (a guest of that flavour); WITHOUT are
 * ops that known issues of the kernel leave out: their mistakes are skipped. A new
 * oracle of tools/torture gets a row here: selftests/lib/titles.sh sees to that.
 * "answer:OP:WHAT" puts a wrong answer in the place of the kernel's; the other
 * mistakes are made for real.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* What a mistake in @what must be reported as: the title begins with it. */
struct bust {
	const char *name;
	const char *title;
	const char *scenario;	/* NULL: everything */
	const char *workers;	/* NULL: as many as ever */
};

static const struct bust host[] = {
	{ "stale", "wrong slot: stale sequence", NULL, NULL },
	{ "foreign", "wrong slot: foreign page", NULL, NULL },
	{ "zero", "wrong slot: lost page (zeros)", NULL, NULL },
	{ "garbage", "wrong slot: garbage", NULL, NULL },
	{ "moved", "wrong slot: stale sequence", NULL, NULL },
	{ "lane", "wrong slot: garbage", NULL, NULL },
	{ "answer:read:misplaced", "wrong slot: misplaced within the page", NULL, NULL },
	{ "answer:read:discarded", "wrong slot: discarded data came back", NULL, NULL },
	{ "answer:read:future", "wrong slot: sequence never written", NULL, NULL },
	{ "answer:ptrace:word", "wrong slot: read by ptrace", NULL, NULL },
	{ "freed", "MADV_FREE: page freed in part", NULL, NULL },
	{ "forkleak", "fork isolation: child's write seen by parent", NULL, NULL },
	{ "childleak", "fork isolation: parent's write seen by child", NULL, NULL },
	{ "answer:fork:foreign", "fork isolation: another process's write seen by child", NULL,
	  NULL },
	{ "answer:fork:own", "wrong slot: garbage", NULL, NULL },
	{ "answer:fork:child", "fork: child died", NULL, NULL },
	{ "answer:fork:grandchild", "fork: grandchild died", NULL, NULL },
	{ "answer:fork:refused", "negative: allowed access refused in child", NULL, NULL },
	{ "answer:fork:succeeded", "negative: forbidden access succeeded in child", NULL, NULL },
	{ "answer:exit_child:died", "fork: child died", NULL, NULL },
	{ "answer:mseal:died", "fork: child died", NULL, NULL },
	{ "answer:mseal:changed", "mseal: a sealed mapping was changed", NULL, NULL },
	{ "negative", "negative: forbidden write succeeded", NULL, NULL },
	{ "denied", "negative: allowed read refused", NULL, NULL },
	{ "answer:probe:succeeded", "negative: forbidden ", NULL, NULL },
	{ "answer:write:refused", "negative: allowed write refused", NULL, NULL },
	{ "answer:sweep:sigbus", "negative: SIGBUS on ", NULL, NULL },
	{ "answer:munmap:errno", "layout: unexpected error", NULL, NULL },
	{ "answer:cold:errno", "madvise: unexpected error", NULL, NULL },
	{ "nowhere", "pagemap: written page is nowhere", NULL, NULL },
	{ "answer:pagemap:nowhere", "pagemap: written page is nowhere", "readers", NULL },
	{ "answer:pagemap:there", "pagemap: a page where nothing is mapped", "readers", NULL },
	{ "answer:pagemap:file", "pagemap: anonymous page of a file", "readers", NULL },
	{ "answer:pagemap_scan:nowhere", "PAGEMAP_SCAN: written page is nowhere", "readers", NULL },
	{ "answer:pagemap_scan:file", "PAGEMAP_SCAN: anonymous page of a file", "readers", NULL },
	{ "answer:smaps:size", "smaps: more than the mapping holds", "readers", NULL },
	{ "answer:smaps:pss", "smaps: Pss above Rss", "readers", NULL },
	{ "answer:smaps:anon", "smaps: Anonymous above Rss", "readers", NULL },
	{ "answer:smaps:thp", "smaps: AnonHugePages above Anonymous", "readers", NULL },
	{ "answer:smaps:shared", "smaps: shared and private do not make up Rss", "readers", NULL },
	{ "answer:smaps:less", "smaps: less than was written", "readers", NULL },
	{ "answer:smaps_rollup:pss", "smaps: Pss above Rss", "readers", NULL },
	{ "answer:mincore:inverted", "mincore: wrong answer", "readers", NULL },
	{ "answer:clear_refs:errno", "clear_refs: unexpected error", "readers", NULL },
	{ "answer:populate:nowhere", "populate: page is not there", NULL, NULL },
	{ "uffd", "uffd: write protection lost", NULL, NULL },
	{ "answer:uffd_wp:event", "uffd: write-protect event lost", NULL, NULL },
	{ "livelock", "livelock in ", NULL, NULL },
	{ "hang", "hang in ", NULL, NULL },
	{ "rss", "conservation: RSS left after unmapping", NULL, NULL },
	{ "tables", "conservation: page tables left after unmapping", NULL, NULL },
	{ "crash", "round: process died", NULL, NULL },
	{ "answer:round:setup", "round: cannot set up", NULL, NULL },
	{ "answer:round:fork", "round: cannot fork", NULL, NULL },
	{ "answer:round:undead", "hang: a process cannot be killed", NULL, NULL },
	{ "answer:round:orphan", "hang: a child cannot be killed", NULL, NULL },
	{ "answer:round:hmm_wrong", "hmm_range_fault: pfns of other pages for a part of a THP",
	  NULL, NULL },
	{ "answer:round:hmm_no_write", "hmm_range_fault: write asked for, read-only given", NULL,
	  NULL },
	{ "answer:round:source_wrong",
	  "migrate_vma_setup: wrong slot, neither base page nor whole THP", NULL, NULL },
	{ "answer:round:source_alien", "migrate_vma_setup: a page of memory that was not selected",
	  NULL, NULL },
};

static const struct bust guest[] = {
	{ "conserve", "conservation: ", NULL, NULL },
	{ "pin", "pin: pinned page went to a device", NULL, NULL },
	{ "answer:pin:errno", "pin: unexpected error", NULL, NULL },
	{ "answer:pin:held", "pin: cannot be released", NULL, NULL },
	{ "answer:dev_read:livelock", "livelock in device access", NULL, NULL },
	{ "answer:checksum:sum", "wrong slot: device and CPU differ", NULL, "1" },
	{ "answer:exclusive:errno", "exclusive: unexpected error", NULL, NULL },
	{ "answer:snapshot:write", "snapshot: read-only page is writable", NULL, NULL },
	{ "answer:snapshot:read", "snapshot: protected page is readable", NULL, NULL },
	{ "answer:snapshot:order", "snapshot: impossible order", NULL, NULL },
	{ "answer:to_dev:errno", "migrate: unexpected error", NULL, NULL },
	{ "answer:to_dev:more", "migrate: impossible result", NULL, NULL },
	{ "answer:to_peer:errno", "migrate: unexpected error", "device-to-device", NULL },
	{ "answer:uring_device:errno", "migrate: unexpected error", NULL, NULL },
	{ "answer:shared_anon:errno", "migrate: unexpected error", NULL, NULL },
	{ "answer:shared_anon:migrated", "migrate: a mapping that cannot be migrated was", NULL,
	  NULL },
	{ "answer:evict:errno", "evict: unexpected error", NULL, NULL },
	{ "answer:evict_some:errno", "evict: unexpected error", NULL, NULL },
	{ "answer:numa_maps:nodes", "numa_maps: more pages than on all nodes", NULL, NULL },
	{ "answer:move_pages:node", "move_pages: impossible node", NULL, NULL },
	{ "answer:uffd_move:hole", "uffd: UFFDIO_MOVE took a page for a hole", "uffd", NULL },
	{ "answer:uffd_move:nowhere", "uffd: UFFDIO_MOVE took a page for a hole", "uffd", NULL },
	{ "answer:smaps_shared:shared", "smaps: pages of one process counted as shared", "readers",
	  NULL },
	{ "answer:smaps_shared:undivided", "smaps: Pss of shared pages not divided", "readers",
	  NULL },
	{ "answer:ksm:word", "wrong slot: merged page", "merged-pages", NULL },
	{ "answer:coredump:word", "wrong slot: core dump", NULL, NULL },
	{ "answer:oom:died", "fork: child died", "oom-and-memcg", NULL },
	{ "answer:poison:died", "fork: child died", "oom-and-memcg", NULL },
	{ "answer:poison:read", "negative: poisoned page read", "oom-and-memcg", NULL },
	{ "answer:round:statistics", "conservation: no statistics", NULL, NULL },
	{ "answer:round:unchecked", "driver check: not possible", NULL, NULL },
	{ "answer:round:invariant", "driver check: invariant broken", NULL, NULL },
	{ "answer:round:unload", "driver: cannot be unloaded", "unplug-and-rmmod", NULL },
	{ "answer:round:holder", "wrong slot: after the driver was unloaded", "unplug-and-rmmod",
	  NULL },
	{ "answer:round:load", "driver: cannot be loaded again", "unplug-and-rmmod", NULL },
	{ "answer:round:device", "driver: no device after it was loaded again", "unplug-and-rmmod",
	  NULL },
	{ "answer:round:perturb", "driver: perturbation does not start again", "unplug-and-rmmod",
	  NULL },
};

static const struct bust softdirty[] = {
	{ "answer:soft_dirty:clean", "pagemap: soft-dirty bit lost", "readers", NULL },
};

static const struct {
	const char *name;
	const struct bust *bust;
	unsigned int nr;
} places[] = {
	{ "host", host, ARRAY_SIZE(host) },
	{ "guest", guest, ARRAY_SIZE(guest) },
	{ "softdirty", softdirty, ARRAY_SIZE(softdirty) },
};

static char out[1 << 20];

/* Runs the torture with @b, or none; its exit status, what it printed is in @out. */
static int torture(const char *path, bool device, const char *without, const struct bust *b)
{
	const char *scenario = b && b->scenario ? b->scenario : "everything";
	const char *argv[24] = { path, "--scenario", scenario, "--round-ms", "1000", "--hang",
				 "8s", "--duration", b ? "30s" : "2s" };
	unsigned int n = 9;
	int fds[2], status;
	size_t len = 0;
	ssize_t got;
	pid_t pid;

	if (!device)
		argv[n++] = "--no-device";
	if (without && *without) {
		argv[n++] = "--without";
		argv[n++] = without;
	}
	if (b) {
		argv[n++] = "--bust";
		argv[n++] = b->name;
	}
	if (b && b->workers) {
		argv[n++] = "--workers";
		argv[n++] = b->workers;
	}
	if (pipe(fds))
		return -1;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execv(path, (char **)argv);
		_exit(127);
	}
	close(fds[1]);
	while (len < sizeof(out) - 1 &&
	       ((got = read(fds[0], out + len, sizeof(out) - 1 - len)) > 0 ||
		(got < 0 && errno == EINTR)))
		len += got > 0 ? got : 0;
	out[len] = '\0';
	close(fds[0]);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ?
	       WEXITSTATUS(status) : -1;
}

/* Is the op of "answer:OP:WHAT" in the list A,B? */
static bool left_out(const char *name, const char *without)
{
	const char *op = strchr(name, ':'), *at;
	size_t len;

	if (!op || !without)
		return false;
	len = strcspn(++op, ":");
	for (at = without; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (!strncmp(at, op, len) && (at[len] == ',' || !at[len]))
			return true;
	return false;
}

static bool failed_as(const char *title)
{
	const char *at = strstr(out, "\"failures\":[");
	char want[160];

	snprintf(want, sizeof(want), "\"title\":\"%s", title);
	return at && strstr(at, want);
}

/* With what it said, where that was not what it should. */
static bool tell(unsigned int n, const char *name, bool ok, int rc, const char *wanted)
{
	char *line, *save = NULL;

	if (!ok) {
		printf("# exit status %d, wanted: %s\n", rc, wanted);
		for (line = strtok_r(out, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
			if (*line == '#' || strstr(line, "\"failures\":["))
				printf("# %s\n", line);
	}
	printf("%sok %u bust.%s\n", ok ? "" : "not ", n, name);
	fflush(stdout);
	return ok;
}

int main(int argc, char **argv)
{
	const char *path = argc > 2 ? argv[2] : "/bin/torture";
	const char *without = argc > 3 ? argv[3] : NULL;
	unsigned int i, p, bad = 0;
	const struct bust *b;
	bool device;
	int rc;

	for (p = 0; argc > 1 && p < ARRAY_SIZE(places); p++)
		if (!strcmp(argv[1], places[p].name))
			break;
	if (argc < 2 || argc > 4 || p == ARRAY_SIZE(places)) {
		fprintf(stderr, "usage: %s host|guest|softdirty [TORTURE [WITHOUT]]\n", argv[0]);
		return 2;
	}
	device = places[p].bust != host;
	printf("KTAP version 1\n1..%u\n", places[p].nr + 1 - device);
	for (i = 0; i < places[p].nr; i++) {
		b = &places[p].bust[i];
		if (left_out(b->name, without)) {
			printf("ok %u bust.%s # SKIP a known issue of this kernel leaves it out\n",
			       i + 1, b->name);
			continue;
		}
		rc = torture(path, device, without, b);
		bad += !tell(i + 1, b->name, rc == 1 && failed_as(b->title), rc, b->title);
	}
	if (!device) {
		rc = torture(path, device, without, NULL);
		bad += !tell(i + 1, "none", !rc && !failed_as(""), rc, "no failure");
	}
	return !!bad;
}
