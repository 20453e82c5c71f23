// SPDX-License-Identifier: GPL-2.0
/* Programs as runs: what a round that is under way would be, and the way back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/ops.h"
#include "program.h"
#include "scenarios/scenarios.h"
#include "torture.h"

static bool shape_known(const char *name)
{
	return shape_find(name) != SHAPE_END;
}

static bool bust_known(const char *name)
{
	return bust_find(name) != NR_BUSTS;
}

static const struct program_words words = {
	.op = ops_find,
	.shape = shape_known,
	.bust = bust_known,
};

int play_load(struct config *cfg, const char *path)
{
	struct program_error err = { 0 };
	unsigned long line = 0;
	FILE *f = fopen(path, "re");
	int ret;

	if (!f) {
		fprintf(stderr, "torture: %s: %s\n", path, strerror(errno));
		return -errno;
	}
	cfg->program = calloc(ARRAY_SIZE(cfg->scenario), sizeof(*cfg->program));
	if (!cfg->program) {
		fclose(f);
		return -ENOMEM;
	}
	while ((ret = program_read(f, &line, &words, &cfg->program[cfg->nr_programs],
				   &err)) == 1) {
		cfg->nr_programs++;
		if (cfg->nr_programs == ARRAY_SIZE(cfg->scenario))
			break;
	}
	fclose(f);
	if (ret < 0) {
		fprintf(stderr, "torture: %s: line %lu: %s\n", path, err.line, err.why);
		return ret;
	}
	if (!cfg->nr_programs) {
		fprintf(stderr, "torture: %s: no program in it\n", path);
		return -EINVAL;
	}
	return 0;
}

/* Its scenario has the regions of the program, and only what every round proves. */
static const struct scenario *scenario_of(const struct program *p)
{
	const struct scenario *base = scenario_find(p->scenario);
	struct scenario *s = calloc(1, sizeof(*s));
	unsigned int i;

	if (!s)
		return NULL;
	if (base)
		*s = *base;
	s->name = p->scenario;
	memset(s->region, 0, sizeof(s->region));
	for (i = 0; i < p->nr_regions; i++) {
		s->region[i].shape = shape_find(p->region[i].shape);
		s->region[i].blocks = p->region[i].blocks;
	}
	s->oracles = 1U << ORACLE_PROGRESS | 1U << ORACLE_CONSERVATION | 1U << ORACLE_DRIVER;
	return s;
}

int play_scenarios(struct config *cfg)
{
	unsigned int i;

	for (i = 0; i < cfg->nr_programs; i++) {
		cfg->scenario[i] = scenario_of(&cfg->program[i]);
		if (!cfg->scenario[i])
			return -ENOMEM;
	}
	cfg->nr_scenarios = cfg->nr_programs;
	return 0;
}

const char *play_apply(struct config *cfg, const struct config *base, unsigned int n)
{
	const struct program *p = &base->program[n];
	const char *why;
	unsigned int i;

	cfg->seed = p->seed;
	cfg->nr_workers = p->workers;
	cfg->nr_devs = p->devices < base->nr_devs ? p->devices : base->nr_devs;
	cfg->no_perturb = base->no_perturb || !p->pauses;
	cfg->pauses = p->pauses;
	cfg->bust = p->bust[0] ? bust_find(p->bust) : BUST_NONE;
	cfg->answer = strchr(p->bust, ':') ? strchr(p->bust, ':') + 1 : "";
	memcpy(cfg->without, base->without, sizeof(cfg->without));
	if (p->without[0] && ops_mask(p->without, cfg->without))
		return "an op that is left out is not known";
	for (i = 0; i < p->nr; i++) {
		why = ops_skip(ops_get(p->line[i].number), cfg);
		if (why)
			return why;
	}
	return NULL;
}

/* What a program would say that does again what @r does. */
int play_head(const struct round *r, char *buf, size_t size)
{
	const struct config *cfg = r->cfg;
	const struct region *reg = r->scenario->region;
	struct program p = {
		.seed = cfg->seed,
		.round = r->number,
		.workers = r->nr_workers,
		.devices = cfg->nr_devs,
		.pauses = cfg->no_perturb ? 0 : cfg->pauses,
		.serial = r->program && r->program->serial,
	};
	size_t len = 0;
	unsigned int n;

	snprintf(p.scenario, sizeof(p.scenario), "%s", r->scenario->name);
	for (; reg->shape != SHAPE_END && p.nr_regions < PROGRAM_REGIONS; reg++) {
		snprintf(p.region[p.nr_regions].shape, sizeof(p.region[0].shape), "%s",
			 shape_name(reg->shape));
		p.region[p.nr_regions++].blocks = reg->blocks;
	}
	if (cfg->bust != BUST_NONE)
		snprintf(p.bust, sizeof(p.bust), "%s%s", bust_names[cfg->bust],
			 cfg->bust == BUST_ANSWER ? cfg->answer : "");
	for (n = 0; n < ops_count(); n++)
		if (cfg->without[n])
			len += snprintf(p.without + len, sizeof(p.without) - len, "%s%s",
					len ? "," : "", ops_get(n)->name);
	if (len >= sizeof(p.without))
		return -ENOSPC;
	return program_head(buf, size, &p);
}
