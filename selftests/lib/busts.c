// SPDX-License-Identifier: GPL-2.0
/*
 * busts WHERE [TORTURE [FIRST [WITHOUT]]]: each deliberate mistake of the torture program must
 * be found, under its right title; and without one there must be nothing to find.
 *
 * WHERE is host (no device), guest, or softdirty (a guest of that flavour); WITHOUT are
 * ops that known issues of the kernel leave out: their mistakes are skipped. FIRST is the
 * number of the first row to do, where a kernel has died in that one. A new
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

/*
 * A mistake, and what it must be reported as: the title begins with it. For the answer
 * to an op there is a program of little else, for the others, and where one is named, a
 * scenario.
 */
struct bust {
	const char *name;
	const char *title;
	const char *scenario;	/* NULL: everything */
};

static const struct bust host[] = {
	{ "stale", "wrong slot: stale sequence", NULL },
	{ "foreign", "wrong slot: foreign page", NULL },
	{ "zero", "wrong slot: lost page (zeros)", NULL },
	{ "garbage", "wrong slot: garbage", NULL },
	{ "moved", "wrong slot: stale sequence", NULL },
	{ "lane", "wrong slot: garbage", NULL },
	{ "answer:read:misplaced", "wrong slot: misplaced within the page", NULL },
	{ "answer:read:discarded", "wrong slot: discarded data came back", NULL },
	{ "answer:read:future", "wrong slot: sequence never written", NULL },
	{ "answer:ptrace:word", "wrong slot: read by ptrace", NULL },
	{ "freed", "MADV_FREE: page freed in part", NULL },
	{ "answer:free:freed", "MADV_FREE: page freed that was written to since", NULL },
	{ "forkleak", "fork isolation: child's write seen by parent", NULL },
	{ "childleak", "fork isolation: parent's write seen by child", NULL },
	{ "answer:fork:foreign", "fork isolation: another process's write seen by child", NULL },
	{ "answer:fork:own", "wrong slot: garbage", NULL },
	{ "answer:fork:child", "fork: child died", NULL },
	{ "answer:fork:grandchild", "fork: grandchild died", "fork" },
	{ "answer:fork:refused", "negative: allowed access refused in child", "fork" },
	{ "answer:fork:succeeded", "negative: forbidden access succeeded in child", "fork" },
	{ "answer:exit_child:died", "fork: child died", NULL },
	{ "answer:mseal:died", "fork: child died", NULL },
	{ "answer:mseal:changed", "mseal: a sealed mapping was changed", NULL },
	{ "negative", "negative: forbidden write succeeded", NULL },
	{ "denied", "negative: allowed read refused", NULL },
	{ "answer:probe:succeeded", "negative: forbidden ", NULL },
	{ "answer:write:refused", "negative: allowed write refused", NULL },
	{ "answer:sweep:sigbus", "negative: SIGBUS on ", NULL },
	{ "answer:munmap:errno", "layout: unexpected error", NULL },
	{ "answer:cold:errno", "madvise: unexpected error", NULL },
	{ "nowhere", "pagemap: written page is nowhere", NULL },
	{ "answer:pagemap:nowhere", "pagemap: written page is nowhere", NULL },
	{ "answer:pagemap:there", "pagemap: a page where nothing is mapped", NULL },
	{ "answer:pagemap:file", "pagemap: anonymous page of a file", NULL },
	{ "answer:pagemap_scan:nowhere", "PAGEMAP_SCAN: written page is nowhere", NULL },
	{ "answer:pagemap_scan:file", "PAGEMAP_SCAN: anonymous page of a file", NULL },
	{ "answer:smaps:size", "smaps: more than the mapping holds", NULL },
	{ "answer:smaps:pss", "smaps: Pss above Rss", NULL },
	{ "answer:smaps:anon", "smaps: Anonymous above Rss", NULL },
	{ "answer:smaps:thp", "smaps: AnonHugePages above Anonymous", NULL },
	{ "answer:smaps:shared", "smaps: shared and private do not make up Rss", NULL },
	{ "answer:smaps:less", "smaps: less than was written", NULL },
	{ "answer:smaps_rollup:pss", "smaps: Pss above Rss", NULL },
	{ "answer:mincore:inverted", "mincore: wrong answer", NULL },
	{ "answer:clear_refs:errno", "clear_refs: unexpected error", NULL },
	{ "answer:populate:nowhere", "populate: page is not there", NULL },
	{ "uffd", "uffd: write protection lost", NULL },
	{ "answer:uffd_wp:event", "uffd: write-protect event lost", NULL },
	{ "answer:uffd_wp:died", "fork: child died", NULL },
	{ "answer:uffd_wp:left", "uffd: write protection where nobody watches", NULL },
	{ "answer:uffd_wp_zero:zero", "uffd: write protection of a zero page lost", NULL },
	{ "answer:uffd_wp_zero:event", "uffd: write-protect event of a zero page lost", NULL },
	{ "answer:uffd_copy_onto:replaced", "uffd: a page that is there was replaced", NULL },
	{ "answer:uffd_copy_onto:errno", "uffd: unexpected error", NULL },
	{ "livelock", "livelock in ", NULL },
	{ "hang", "hang in ", NULL },
	{ "rss", "conservation: RSS left after unmapping", NULL },
	{ "tables", "conservation: page tables left after unmapping", NULL },
	{ "crash", "round: process died", NULL },
	{ "answer:round:setup", "round: cannot set up", "mremap" },
	{ "answer:round:fork", "round: cannot fork", "mremap" },
	{ "answer:round:undead", "hang: a process cannot be killed", "mremap" },
	{ "answer:round:orphan", "hang: a child cannot be killed", "mremap" },
	{ "answer:round:hmm_wrong", "hmm_range_fault: pfns of other pages for a part of a THP",
	  "mremap" },
	{ "answer:round:hmm_no_write", "hmm_range_fault: write asked for, read-only given",
	  "mremap" },
	{ "answer:round:source_wrong",
	  "migrate_vma_setup: wrong slot, neither base page nor whole THP", "mremap" },
	{ "answer:round:source_alien", "migrate_vma_setup: a page of memory that was not selected",
	  "mremap" },
	{ "answer:round:source_more", "migrate_vma_setup: more slots than pages", "mremap" },
	{ "answer:round:source_less", "migrate_vma_setup: fewer slots than pages", "mremap" },
	{ "answer:round:source_mapped", "migrate_vma_setup: a page that is still mapped",
	  "mremap" },
	{ "answer:round:source_exclusive", "migrate_vma_setup: a page that is still exclusive",
	  "mremap" },
	{ "answer:round:hmm_alien", "hmm_range_fault: private page of another device", "mremap" },
	{ "answer:round:hmm_row", "hmm_range_fault: pfns of a PMD not in a row", "mremap" },
	{ "answer:round:flags_left", "device page: flags of its last use", "mremap" },
};

static const struct bust guest[] = {
	{ "conserve", "conservation: ", "mremap" },
	{ "pin", "pin: pinned page went to a device", "gup-and-uring" },
	{ "answer:stale_tlb:stale", "stale translation: after ", NULL },
	{ "answer:guard:read", "negative: guard page read", NULL },
	{ "answer:held_access:faults", "spin: fault on a ", NULL },
	{ "answer:held_access:other", "wrong slot: garbage", "held-up" },
	{ "answer:held_access:stale", "wrong slot: stale sequence", "held-up" },
	{ "answer:held_uffd_move:hole", "uffd: UFFDIO_MOVE took a page on its way for a hole",
	  "held-up" },
	{ "answer:held_protect:written", "negative: forbidden write succeeded", "held-up" },
	{ "answer:pin:errno", "pin: unexpected error", NULL },
	{ "answer:pin:held", "pin: cannot be released", NULL },
	{ "answer:dev_read:livelock", "livelock in device access", NULL },
	{ "answer:checksum:sum", "wrong slot: device and CPU differ", NULL },
	{ "answer:exclusive:errno", "exclusive: unexpected error", NULL },
	{ "answer:snapshot:write", "snapshot: read-only page is writable", NULL },
	{ "answer:snapshot:read", "snapshot: protected page is readable", NULL },
	{ "answer:snapshot:order", "snapshot: impossible order", NULL },
	{ "answer:snapshot:error", "snapshot: readable page is told as an error", NULL },
	{ "answer:to_dev:errno", "migrate: unexpected error", NULL },
	{ "answer:to_dev:more", "migrate: impossible result", NULL },
	{ "answer:to_peer:errno", "migrate: unexpected error", NULL },
	{ "answer:uring_device:errno", "migrate: unexpected error", NULL },
	{ "answer:shared_anon:errno", "migrate: unexpected error", NULL },
	{ "answer:shared_anon:migrated", "migrate: a mapping that cannot be migrated was", NULL },
	{ "answer:evict:errno", "evict: unexpected error", NULL },
	{ "answer:evict_some:errno", "evict: unexpected error", NULL },
	{ "answer:unplug:errno", "unplug: unexpected error", NULL },
	{ "answer:unplug:left", "unplug: impossible result", NULL },
	{ "answer:numa_maps:nodes", "numa_maps: more pages than on all nodes", NULL },
	{ "answer:move_pages:node", "move_pages: impossible node", NULL },
	{ "answer:uffd_move:hole", "uffd: UFFDIO_MOVE took a page for a hole", NULL },
	{ "answer:uffd_move:nowhere", "uffd: UFFDIO_MOVE took a page for a hole", NULL },
	{ "answer:uffd_move_onto:replaced", "uffd: a page that is there was replaced", NULL },
	{ "answer:uffd_move_onto:errno", "uffd: unexpected error", NULL },
	{ "answer:smaps_shared:shared", "smaps: pages of one process counted as shared", NULL },
	{ "answer:smaps_shared:died", "fork: child died", NULL },
	{ "answer:smaps_shared:undivided", "smaps: Pss of shared pages not divided", NULL },
	{ "answer:smaps_shared_base:shared", "smaps: base pages of one process counted as shared",
	  NULL },
	{ "answer:smaps_shared_base:undivided", "smaps: Pss of shared base pages not divided",
	  NULL },
	{ "answer:ksm:word", "wrong slot: merged page", NULL },
	{ "answer:coredump:word", "wrong slot: core dump", NULL },
	{ "answer:oom:died", "fork: child died", NULL },
	{ "answer:poison:died", "fork: child died", NULL },
	{ "answer:poison:read", "negative: poisoned page read", NULL },
	{ "answer:round:statistics", "conservation: no statistics", "mremap" },
	{ "answer:round:mlocked", "conservation: mlocked pages left", "mremap" },
	{ "answer:round:unchecked", "driver check: not possible", "mremap" },
	{ "answer:round:invariant", "driver check: invariant broken", "mremap" },
	{ "answer:round:plug", "driver: memory does not come back", "mremap" },
	{ "answer:round:unload", "driver: cannot be unloaded", "unplug-and-rmmod" },
	{ "answer:round:holder", "wrong slot: after the driver was unloaded", "unplug-and-rmmod" },
	{ "answer:round:load", "driver: cannot be loaded again", "unplug-and-rmmod" },
	{ "answer:round:device", "driver: no device after it was loaded again",
	  "unplug-and-rmmod" },
	{ "answer:round:perturb", "driver: perturbation does not start again", "unplug-and-rmmod" },
};

static const struct bust softdirty[] = {
	{ "answer:soft_dirty:clean", "pagemap: soft-dirty bit lost", NULL },
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

#define PROGRAM		"/tmp/busts.program"
#define TIMES		48	/* that the op is run, with other seeds */
#define TRIES		3	/* of a mistake that had no occasion: a busy machine does little */

/* The op of "answer:OP:WHAT"; false for other mistakes, and what is asked after a round */
static bool op_of(const char *name, char *op, size_t size)
{
	const char *from = strchr(name, ':');

	if (!from)
		return false;
	snprintf(op, size, "%.*s", (int)strcspn(from + 1, ":"), from + 1);
	return strcmp(op, "round");
}

/* The op over and over, on contents of more than one generation and protection. */
static bool write_program(const char *path, const char *bust, const char *op)
{
	static const char * const before[] = {
		"write", "dontneed_part", "mprotect_part", "write", "munmap_part",
	};
	FILE *f = fopen(path, "we");
	unsigned int i;

	if (!f)
		return false;
	fprintf(f, "hmmtorture program 1\nworkers 1\nregions thp:3 hole:1\nbust %s\nops\n", bust);
	for (i = 0; i < TIMES; i++)
		fprintf(f, "0 %s %u\n0 %s %u\n", before[i % ARRAY_SIZE(before)], i + 1, op, i + 1);
	fprintf(f, "end %u\n", 2 * TIMES);
	return !fclose(f);
}

/* Runs the torture with @b, or none; its exit status, what it printed is in @out. */
static int torture(const char *path, bool device, const char *without, const struct bust *b)
{
	const char *argv[24] = { path, "--hang", "8s" };
	char op[32], program[64];
	unsigned int n = 3;
	int fds[2], status;
	size_t len = 0;
	ssize_t got;
	pid_t pid;

	snprintf(program, sizeof(program), "%s.%d", PROGRAM, getpid());
	if (!device)
		argv[n++] = "--no-device";
	if (without && *without) {
		argv[n++] = "--without";
		argv[n++] = without;
	}
	if (b && !b->scenario && op_of(b->name, op, sizeof(op))) {
		if (!write_program(program, b->name, op))
			return -1;
		argv[n++] = "--program";
		argv[n++] = program;
	} else {
		argv[n++] = "--scenario";
		argv[n++] = b && b->scenario ? b->scenario : "everything";
		argv[n++] = "--round-ms";
		argv[n++] = "1000";
		argv[n++] = "--duration";
		/* a failure ends it; what is asked at the end needs one */
		argv[n++] = b && !strstr(b->name, ":round:") ? "30s" : "2s";
		/* nor has the kernel to survive a race for what is asked behind a round */
		if (b && strstr(b->name, ":round:")) {
			argv[n++] = "--workers";
			argv[n++] = "1";
		}
		if (b) {
			argv[n++] = "--bust";
			argv[n++] = b->name;
		}
	}
	if (pipe(fds))
		return -1;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		/* a failure that is wanted is no news for the console */
		dup2(fds[1], STDERR_FILENO);
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
	unlink(program);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ?
	       WEXITSTATUS(status) : -1;
}

/* Is the op whose answer @name is in the list A,B? */
static bool left_out(const char *name, const char *without)
{
	const char *at = without;
	char op[32];
	size_t len;

	if (!without || !op_of(name, op, sizeof(op)))
		return false;
	for (len = strlen(op); at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
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

/* With the failures that there were, where they were not what they should. */
static bool tell(unsigned int n, const char *name, bool ok, int rc, const char *wanted)
{
	const char *at = strstr(out, "\"failures\":[");

	if (!ok)
		printf("# exit status %d, wanted: %s\n# %.*s\n", rc, wanted,
		       at ? (int)strcspn(at, "\n") : 0, at ? at : "");
	printf("%sok %u bust.%s\n", ok ? "" : "not ", n, name);
	fflush(stdout);
	return ok;
}

int main(int argc, char **argv)
{
	const char *path = argc > 2 ? argv[2] : "/bin/torture";
	const char *without = argc > 4 ? argv[4] : NULL;
	unsigned int i, p, try, bad = 0, first = argc > 3 ? atoi(argv[3]) : 1;
	const struct bust *b;
	bool device;
	int rc;

	for (p = 0; argc > 1 && p < ARRAY_SIZE(places); p++)
		if (!strcmp(argv[1], places[p].name))
			break;
	if (argc < 2 || argc > 5 || !first || p == ARRAY_SIZE(places)) {
		fprintf(stderr, "usage: %s host|guest|softdirty [TORTURE [FIRST [WITHOUT]]]\n",
			argv[0]);
		return 2;
	}
	device = places[p].bust != host;
	printf("KTAP version 1\n1..%u\n", places[p].nr + 1 - device);
	for (i = first - 1; i < places[p].nr; i++) {
		b = &places[p].bust[i];
		if (left_out(b->name, without)) {
			printf("ok %u bust.%s # SKIP a known issue of this kernel leaves it out\n",
			       i + 1, b->name);
			continue;
		}
		for (rc = 0, try = 0; !rc && try < TRIES; try++)
			rc = torture(path, device, without, b);
		bad += !tell(i + 1, b->name, rc == 1 && failed_as(b->title), rc, b->title);
	}
	if (!device) {
		rc = torture(path, device, without, NULL);
		bad += !tell(i + 1, "none", !rc && !failed_as(""), rc, "no failure");
	}
	return !!bad;
}
