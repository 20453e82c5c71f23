// SPDX-License-Identifier: GPL-2.0
/*
 * Candidates in guests. The command gets a file of programs and a directory to
 * be made; it leaves there "outcome", a line for each program:
 *
 *   same      it failed with the title that is looked for
 *   other     it failed otherwise
 *   passed
 *   unknown   it was not reached, or there is no verdict
 *
 * and, where a single program failed, "program.txt": itself with all its draws.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "minimize.h"

enum outcome { UNKNOWN, SAME, OTHER, PASSED };

struct guest {
	pid_t pid;
	unsigned int serial;
	unsigned int of[BATCH_MAX];	/* which candidates */
	unsigned int pauses[BATCH_MAX];	/* theirs in this run */
	unsigned int n;
	enum outcome outcome[BATCH_MAX];
};

static void name_of(const struct min *m, const struct guest *g, const char *what, char *buf,
		    size_t size)
{
	snprintf(buf, size, "%s/try-%u%s", m->out, g->serial, what);
}

static void start(struct min *m, struct guest *g, struct program *p)
{
	char file[4096], dir[4096];
	char *argv[64];
	unsigned int i;
	FILE *f;

	g->serial = m->serial++;
	name_of(m, g, ".txt", file, sizeof(file));
	name_of(m, g, "", dir, sizeof(dir));
	f = fopen(file, "we");
	for (i = 0; f && i < g->n; i++) {
		p[g->of[i]].pauses = g->pauses[i];
		program_write(f, &p[g->of[i]]);
	}
	if (!f || fclose(f)) {
		say("%s: %s", file, strerror(errno));
		exit(3);
	}
	for (i = 0; m->command[i] && i < 60; i++)
		argv[i] = m->command[i];
	argv[i++] = file;
	argv[i++] = dir;
	argv[i] = NULL;
	m->guests++;
	m->runs += g->n;
	g->pid = fork();
	if (!g->pid) {
		execvp(argv[0], argv);
		say("%s: %s", argv[0], strerror(errno));
		_exit(127);
	}
	if (g->pid < 0) {
		say("fork: %s", strerror(errno));
		exit(3);
	}
}

static void finish(struct min *m, struct guest *g)
{
	char path[4096], line[64];
	unsigned int i = 0;
	int status = 0;
	FILE *f;

	waitpid(g->pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 130)
		exit(130);
	memset(g->outcome, 0, sizeof(g->outcome));
	name_of(m, g, "/outcome", path, sizeof(path));
	f = fopen(path, "re");
	while (f && i < g->n && fgets(line, sizeof(line), f)) {
		g->outcome[i++] = !strcmp(line, "same\n") ? SAME :
			!strcmp(line, "other\n") ? OTHER :
			!strcmp(line, "passed\n") ? PASSED : UNKNOWN;
	}
	if (f)
		fclose(f);
	name_of(m, g, ".txt", path, sizeof(path));
	unlink(path);
}

/* All at once; the outcomes do not depend on who ends first. */
static void run_guests(struct min *m, struct guest *g, unsigned int n, struct program *p)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		start(m, &g[i], p);
	for (i = 0; i < n; i++)
		finish(m, &g[i]);
}

static void forget(struct min *m, const struct guest *g)
{
	static const char * const files[] = { "/outcome", "/program.txt", "" };
	char path[4096];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		name_of(m, g, files[i], path, sizeof(path));
		remove(path);
	}
}

static unsigned int tries_of(const struct min *m, const struct program *p)
{
	return m->live || (!p->serial && p->workers > 1 && p->pauses) ? m->tries : 1;
}

/* The first batches of candidates below @limit that want another run. */
static unsigned int fill(const struct min *m, struct guest *g, const struct program *p,
			 const unsigned int *left, unsigned int limit)
{
	unsigned int n = 0, i, k, own;

	g[0].n = 0;
	for (i = 0; i < limit; i++) {
		own = m->best.pauses;
		for (k = tries_of(m, &p[i]) - left[i]; k < tries_of(m, &p[i]); k++) {
			if (g[n].n == m->batch) {
				if (++n == m->jobs)
					return n;
				g[n].n = 0;
			}
			/* First the pauses that are known to be good, then others. */
			g[n].pauses[g[n].n] = m->live || !p[i].pauses ? p[i].pauses :
				!k ? own : k < own ? k : k + 1;
			g[n].of[g[n].n++] = i;
		}
	}
	return g[n].n ? n + 1 : n;
}

int first_same(struct min *m, struct program *p, unsigned int n, bool *same)
{
	unsigned int *left = calloc(n, sizeof(*left)), limit = n, i, k, nr;
	unsigned int *pauses = calloc(n, sizeof(*pauses));
	int first = -1;
	struct guest *g = calloc(m->jobs, sizeof(*g));

	if (!left || !pauses || !g)
		exit(3);
	for (i = 0; i < n; i++)
		left[i] = tries_of(m, &p[i]);
	while (!time_is_up(m)) {
		nr = fill(m, g, p, left, limit);
		if (!nr)
			break;
		run_guests(m, g, nr, p);
		for (i = 0; i < nr; i++) {
			for (k = 0; k < g[i].n; k++) {
				unsigned int c = g[i].of[k];

				/* Who was first in a guest without a word is to blame for it. */
				if (g[i].outcome[k] == UNKNOWN && k)
					break;
				if (left[c])
					left[c]--;
				if (g[i].outcome[k] != SAME)
					continue;
				left[c] = 0;
				if (!pauses[c])
					pauses[c] = g[i].pauses[k];
				if (first < 0 || (int)c < first)
					first = c;
				if (same)
					same[c] = true;
				else
					limit = first;
			}
			forget(m, &g[i]);
		}
	}
	for (i = 0; i < n; i++)
		if (p[i].pauses && pauses[i])
			p[i].pauses = pauses[i];
	free(left);
	free(pauses);
	free(g);
	return first;
}

unsigned int count_same(struct min *m, struct program *p, unsigned int runs)
{
	struct guest *g = calloc(m->jobs, sizeof(*g));
	unsigned int same = 0, n, i;

	if (!g)
		exit(3);
	for (; runs; runs -= n) {
		n = runs < m->jobs ? runs : m->jobs;
		for (i = 0; i < n; i++) {
			g[i].n = 1;
			g[i].of[0] = 0;
			g[i].pauses[0] = p->pauses;
		}
		run_guests(m, g, n, p);
		for (i = 0; i < n; i++) {
			same += g[i].outcome[0] == SAME;
			forget(m, &g[i]);
		}
	}
	free(g);
	return same;
}

bool run_traced(struct min *m, struct program *p, struct program *drawn)
{
	struct guest g = { .n = 1, .pauses = { p->pauses } };
	struct program_error err;
	unsigned long line = 0;
	char path[4096];
	unsigned int t;
	bool ok = false;
	FILE *f;

	for (t = 0; t < m->tries && !ok; t++) {
		run_guests(m, &g, 1, p);
		name_of(m, &g, "/program.txt", path, sizeof(path));
		f = fopen(path, "re");
		if (g.outcome[0] == SAME && f) {
			ok = program_read(f, &line, NULL, drawn, &err) == 1;
			if (!ok)
				program_free(drawn);
		}
		if (f)
			fclose(f);
		forget(m, &g);
	}
	return ok;
}

int save_best(const struct min *m)
{
	char path[4096], temp[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/best.txt", m->out);
	snprintf(temp, sizeof(temp), "%s/best.new", m->out);
	f = fopen(temp, "we");
	if (!f)
		return -errno;
	program_write(f, &m->best);
	if (fclose(f) || rename(temp, path))
		return -errno;
	return 0;
}
