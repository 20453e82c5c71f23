// SPDX-License-Identifier: GPL-2.0
/* hmmt-minimize: the command line. minimize.sh is what uses it. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/hmmt.h"
#include "minimize.h"

#define FIRST_RUNS	12	/* to learn how often a live run fails */
#define CONFIDENCE	0.95
#define DET_PAUSES	4	/* runs of a candidate in det, with other pauses each */

static const char usage[] =
"usage: hmmt-minimize --out DIR [options] PROGRAM -- COMMAND...\n"
"  --out DIR       best.txt and everything else; must be there\n"
"  --jobs N        commands at once (default 2)\n"
"  --batch N       programs for one command, 1 to 16 (default 1)\n"
"  --seconds N     stop then, with the best so far (default: no limit)\n"
"  --live          the same program may pass and fail: repeat\n"
"COMMAND gets a file of programs and a directory to be made, see run.c\n"
"exit: 0 made smaller or found minimal, 2 usage, 3 it does not fail so\n";

static uint64_t start_ns;

uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

bool time_is_up(const struct min *m)
{
	return m->end_ns && clock_ns() >= m->end_ns;
}

void say(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "[%3llus] minimize: ",
		(unsigned long long)((clock_ns() - start_ns) / 1000000000));
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static void *must(void *p)
{
	if (!p) {
		say("out of memory");
		exit(3);
	}
	return p;
}

void copy_program(struct program *to, const struct program *from)
{
	unsigned int i;

	*to = *from;
	to->line = must(malloc((from->nr + 1) * sizeof(*to->line)));
	for (i = 0; i < from->nr; i++) {
		size_t size = from->line[i].nr_choices * sizeof(uint64_t);

		to->line[i] = from->line[i];
		to->line[i].choice = NULL;
		if (!size)
			continue;
		to->line[i].choice = must(malloc(size));
		memcpy(to->line[i].choice, from->line[i].choice, size);
	}
}

static int read_program(const char *path, struct program *p)
{
	struct program_error err = { 0 };
	unsigned long line = 0;
	FILE *f = fopen(path, "re");
	int ret;

	if (!f) {
		say("%s: %s", path, strerror(errno));
		return 2;
	}
	ret = program_read(f, &line, NULL, p, &err);
	fclose(f);
	if (ret == 1)
		return 0;
	say("%s: line %lu: %s", path, err.line, ret ? err.why : "no program in it");
	return 2;
}

/* How often each candidate has to be tried, from the rate of the program itself. */
static int learn_live(struct min *m)
{
	unsigned int same = count_same(m, &m->best, FIRST_RUNS);
	double rate;

	if (!same)
		return 3;
	/* Of one that failed each time, the rate is at least this, with that confidence. */
	rate = same < FIRST_RUNS ? (double)same / FIRST_RUNS :
		pow(1 - CONFIDENCE, 1.0 / FIRST_RUNS);
	m->tries = ceil(log(1 - CONFIDENCE) / log(1 - rate));
	say("it failed in %u of %u runs: what does not in %u is given up, wrongly with a probability of %.0f percent if it fails as often",
	    same, FIRST_RUNS, m->tries, 100 * (1 - CONFIDENCE));
	return 0;
}

/*
 * In det the run that a program is of had another schedule. Where its own pauses do
 * not bring the failure back others may: they are part of the program.
 */
static int learn_det(struct min *m)
{
	if (!count_same(m, &m->best, 1)) {
		m->tries = FIRST_RUNS;
		if (first_same(m, &m->best, 1, NULL) < 0)
			return 3;
		say("it fails with pauses %u", m->best.pauses);
	}
	m->tries = DET_PAUSES;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "out", required_argument, NULL, 'o' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "batch", required_argument, NULL, 'b' },
		{ "seconds", required_argument, NULL, 's' },
		{ "live", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	struct min m = { .jobs = 2, .batch = 1, .tries = 1 };
	bool bad = false;
	uint64_t n;
	int c, ret;

	start_ns = clock_ns();
	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		n = 0;
		if (strchr("jbs", c) && hmmt_parse_u64(optarg, &n))
			bad = true;
		switch (c) {
		case 'o':
			m.out = optarg;
			break;
		case 'j':
			m.jobs = n;
			bad |= !n || n > JOBS_MAX;
			break;
		case 'b':
			m.batch = n;
			bad |= !n || n > BATCH_MAX;
			break;
		case 's':
			m.end_ns = start_ns + n * 1000000000;
			bad |= !n;
			break;
		case 'l':
			m.live = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			bad = true;
		}
	}
	if (bad || !m.out || argc - optind < 3 || strcmp(argv[optind + 1], "--")) {
		fputs(usage, stderr);
		return 2;
	}
	m.command = argv + optind + 2;
	ret = read_program(argv[optind], &m.best);
	if (ret)
		goto free;
	say("%u ops by %u workers", m.best.nr, m.best.workers);
	ret = m.live ? learn_live(&m) : learn_det(&m);
	if (ret)
		say("the program did not fail with this title, in %u run%s", m.runs,
		    m.runs > 1 ? "s" : "");
	if (!ret && save_best(&m)) {
		say("%s: cannot be written", m.out);
		ret = 3;
	}
	if (ret)
		goto free;
	shrink(&m);
	say("%s: %u ops by %u workers, after %u programs in %u guests%s", "best.txt", m.best.nr,
	    m.best.workers, m.runs, m.guests, time_is_up(&m) ? ", the time was up" : "");
free:
	program_free(&m.best);
	return ret;
}
