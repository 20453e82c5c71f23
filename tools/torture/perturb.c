// SPDX-License-Identifier: GPL-2.0
/*
 * Perturbation of the kernel: sets of functions, from the image's /perturb, at
 * whose entry the driver waits, and the driver's own points. What waits in this
 * program is perturb() in util.c.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "torture.h"

#define SET_DIR		"/perturb"
#define MAX_SETS	16
#define CATCH_US	4000	/* for another thread to come into the window */
#define CATCH_ODDS	32	/* of so many ops one is caught */

static struct {
	char name[32];
	unsigned int first, nr;
} sets[MAX_SETS];
static unsigned int nr_sets, nr_functions;
static struct hmmt_function functions[HMMT_CALLS_MAX];
static struct hmmt_call calls[HMMT_CALLS_MAX];
static struct {
	uint64_t calls, waited;
} past[HMMT_CALLS_MAX];		/* before the driver was loaded again */
static uint64_t caught;			/* threads */
static const struct hmmt_dev *device;
static const char *skipped;

static void list_sets(void)
{
	struct dirent **found;
	int n = scandir(SET_DIR, &found, NULL, alphasort), i;

	for (i = 0; i < n; i++) {
		if (found[i]->d_name[0] != '.')
			fprintf(stderr, " %s", found[i]->d_name);
		free(found[i]);
	}
	if (n >= 0)
		free(found);
}

static int read_set(const char *name)
{
	char path[64], text[16384];
	unsigned int line;
	int n;

	if (nr_sets == MAX_SETS)
		return -E2BIG;
	if (strlen(name) >= sizeof(sets[0].name) || strchr(name, '/'))
		return -ENOENT;
	snprintf(path, sizeof(path), SET_DIR "/%s", name);
	n = hmmt_read_file(path, text, sizeof(text));
	if (n < 0)
		return n;
	n = hmmt_functions_parse(text, functions + nr_functions, HMMT_CALLS_MAX - nr_functions,
				 &line);
	if (n < 0) {
		fprintf(stderr, "torture: %s:%u: %s\n", path, line, strerror(-n));
		return n;
	}
	strcpy(sets[nr_sets].name, name);
	sets[nr_sets].first = nr_functions;
	sets[nr_sets++].nr = n;
	nr_functions += n;
	return 0;
}

int perturb_parse(struct config *cfg, char *list)
{
	char *name, *save = NULL;
	int ret;

	nr_sets = 0;
	nr_functions = 0;
	cfg->no_perturb = !strcmp(list, "none");
	if (cfg->no_perturb)
		return 0;
	for (name = strtok_r(list, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		ret = read_set(name);
		if (ret != -ENOENT && ret)
			return ret;
		if (ret) {
			fprintf(stderr, "torture: no perturbation '%s', there are: none", name);
			list_sets();
			fprintf(stderr, "\n");
			return ret;
		}
	}
	return 0;
}

/* A function that is in several sets is one; the first has the say. */
static bool is_repeated(unsigned int i)
{
	unsigned int j;

	for (j = 0; j < i; j++)
		if (functions[j].addr == functions[i].addr)
			return true;
	return false;
}

int perturb_start(const struct config *cfg, const struct hmmt_dev *dev)
{
	struct hmmt_call set[HMMT_CALLS_MAX] = {};
	unsigned int i, n = 0;
	int ret;

	for (i = 0; i < cfg->nr_devs; i++) {
		ret = hmmt_perturb(&dev[i], cfg->no_perturb ? 0 : cfg->max_pauses,
				   hmmt_mix64(cfg->perturb_seed + i));
		if (ret)
			return ret;
	}
	if (!nr_functions)
		return 0;
	if (!cfg->nr_devs) {
		skipped = "there is no driver to do it";
		return 0;
	}
	device = &dev[0];
	ret = hmmt_functions_find(functions, nr_functions);
	if (ret)
		return ret;
	for (i = 0; i < nr_functions; i++) {
		calls[i].addr = functions[i].addr;
		if (functions[i].addr && !is_repeated(i))
			set[n++] = (struct hmmt_call) {
				.addr = functions[i].addr,
				.one_in = functions[i].one_in,
			};
	}
	ret = hmmt_calls_set(device, set, n, cfg->max_pauses, hmmt_mix64(cfg->perturb_seed - 1));
	if (ret == -EOPNOTSUPP) {
		skipped = "this kernel has no function tracer";
		return 0;
	}
	return ret;
}

/* Rather at one of the first calls: most system calls make few of those that are set. */
void perturb_catch(const struct worker *w, uint64_t draw)
{
	unsigned int below = 1 << draw % 6;

	if (device && !skipped)
		hmmt_catch(&w->r->dev[0], 1 + (draw >> 8) % below, CATCH_US, NULL);
}

bool perturb_catch_op(const struct worker *w, uint64_t seed)
{
	uint64_t draw = hmmt_mix64(seed ^ 0x6361746368);

	if (draw % CATCH_ODDS)
		return false;
	perturb_catch(w, draw >> 8);
	return true;
}

void perturb_let_go(const struct worker *w)
{
	if (device && !skipped)
		hmmt_catch(&w->r->dev[0], 0, 0, NULL);
}

void perturb_stop(void)
{
	uint64_t n = 0;
	unsigned int i;

	if (!device || skipped || hmmt_calls_get(device, calls, nr_functions))
		return;
	if (!hmmt_catch(device, 0, 0, &n))
		caught += n;
	for (i = 0; i < nr_functions; i++) {
		past[i].calls += calls[i].calls;
		past[i].waited += calls[i].waited;
	}
	device = NULL;
}

static void report_set(unsigned int s, const char *sep)
{
	uint64_t called = 0, waited = 0;
	unsigned int i, missing = 0;

	printf("%s\"%s\":{\"missing\":[", sep, sets[s].name);
	for (i = sets[s].first; i < sets[s].first + sets[s].nr; i++) {
		if (calls[i].error)
			printf("%s\"%s\"", missing++ ? "," : "", functions[i].name);
		called += past[i].calls;
		waited += past[i].waited;
	}
	/* Where a kernel has none of them there is nothing to be planned. */
	printf("],\"functions\":%u,\"planned\":%s,\"calls\":%llu,\"waited\":%llu}", sets[s].nr,
	       missing < sets[s].nr && !skipped ? "true" : "false",
	       (unsigned long long)called, (unsigned long long)waited);
}

void perturb_report(const struct config *cfg)
{
	unsigned int s;

	printf(",\"perturb\":{\"seed\":%llu,\"pauses\":%u",
	       (unsigned long long)cfg->perturb_seed, cfg->no_perturb ? 0 : cfg->max_pauses);
	if (skipped)
		printf(",\"skipped\":\"%s\"", skipped);
	perturb_stop();
	printf(",\"caught\":%llu,\"sets\":{", (unsigned long long)caught);
	for (s = 0; s < nr_sets; s++)
		report_set(s, s ? "," : "");
	printf("}}");
}
