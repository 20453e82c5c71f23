// SPDX-License-Identifier: GPL-2.0
/* KTAP while it runs, one JSON object at the end; nothing else on stdout. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "ops/ops.h"
#include "scenarios/scenarios.h"
#include "torture.h"

void report_list(void)
{
	const struct scenario *s;
	const struct op *op;
	unsigned int n;

	printf("scenarios:\n");
	for (n = 0; (s = scenario_get(n)); n++)
		printf("  %-24s %s\n", s->name, s->help);
	printf("ops:\n");
	for (n = 0; (op = ops_get(n)); n++)
		printf("  %-18s %s\n", op->name, op->help);
	printf("deliberate mistakes (--bust):\n ");
	for (n = 1; n < NR_BUSTS; n++)
		printf(" %s", bust_names[n]);
	printf("OP:WHAT\n");
}

void report_plan(const struct config *cfg)
{
	printf("KTAP version 1\n1..%u\n", cfg->nr_scenarios);
	fflush(stdout);
}

void report_scenario(const struct config *cfg, unsigned int n,
		     const struct scenario_result *res, const struct shared *sh,
		     unsigned int first)
{
	const char *name = cfg->scenario[n]->name;
	unsigned int i;

	for (i = first; i < (unsigned int)sh->failed && i < MAX_FAILS; i++)
		printf("# %s: %s\n#   %s\n", oracle_names[sh->fail[i].oracle],
		       sh->fail[i].title, sh->fail[i].detail);
	if (res->skip) {
		printf("ok %u torture.%s # SKIP %s\n", n + 1, name, res->skip);
	} else {
		printf("# %s: %u rounds, %llu ops\n", name, res->rounds,
		       (unsigned long long)res->ops);
		printf("%s %u torture.%s\n", res->failures ? "not ok" : "ok", n + 1, name);
	}
	fflush(stdout);
}

static void json_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		unsigned char c = *s;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void json_num(const char *sep, const char *key, uint64_t val)
{
	printf("%s\"%s\":%llu", sep, key, (unsigned long long)val);
}

/* Is the op part of a chosen scenario? */
static bool op_chosen(const struct config *cfg, const struct op *op)
{
	unsigned int s, role, i;

	for (s = 0; s < cfg->nr_scenarios; s++)
		for (role = 0; role < cfg->scenario[s]->nr_roles; role++) {
			const struct weight *wt = cfg->scenario[s]->role[role];

			for (i = 0; wt[i].op; i++)
				if (!strcmp(wt[i].op, op->name) ||
				    (!strcmp(wt[i].op, "*") && op->weight))
					return true;
		}
	return false;
}

static void json_ops(const struct config *cfg, const struct shared *sh)
{
	const struct op *op;
	const char *skip;
	unsigned int n;

	printf(",\"ops\":{");
	for (n = 0; (op = ops_get(n)); n++) {
		printf("%s\"%s\":{", n ? "," : "", op->name);
		json_num("", "done", sh->op[n].done);
		json_num(",", "failed", sh->op[n].failed);
		json_num(",", "nothing_to_do", sh->op[n].again);
		skip = ops_skip(op, cfg);
		if (!skip && !op_chosen(cfg, op))
			skip = "not in the chosen scenarios";
		if (skip) {
			printf(",\"skipped\":");
			json_string(skip);
		}
		printf("}");
	}
	printf("}");
}

/* The counters are the tail of the struct, from the first of HMMT_COUNTERS on */
static uint64_t counter_of(const struct hmmt_stats *st, unsigned int c)
{
	return (&st->to_dev_thp)[c];
}

static void json_counters(const struct config *cfg, const struct shared *sh,
			  const struct hmmt_stats *before, const struct hmmt_stats *after)
{
	static const char * const names[] = { HMMT_COUNTERS(HMMT_COUNTER_NAME) };
	unsigned int i, c;

	printf(",\"counters\":{");
	json_num("", "ops", sh->ops);
	for (c = 0; cfg->nr_devs && c < sizeof(names) / sizeof(names[0]); c++) {
		uint64_t sum = 0;

		for (i = 0; i < cfg->nr_devs; i++)
			sum += counter_of(&after[i], c) - counter_of(&before[i], c);
		json_num(",", names[c], sum);
	}
	for (i = 0; i < NR_TALLIES; i++)
		json_num(",", tally_names[i], sh->tally[i]);
	printf("}");
}

static void json_oracles(const struct config *cfg, const struct shared *sh,
			 const struct scenario_result *res)
{
	unsigned int planned = 0, i;

	for (i = 0; i < cfg->nr_scenarios; i++)
		if (!res[i].skip)
			planned |= cfg->scenario[i]->oracles;
	if (!cfg->nr_devs)
		planned &= ~(1U << ORACLE_DRIVER | 1U << ORACLE_SNAPSHOT | 1U << ORACLE_HMM);
	printf(",\"oracles\":{");
	for (i = 0; i < NR_ORACLES; i++) {
		printf("%s\"%s\":{\"planned\":%s", i ? "," : "", oracle_names[i],
		       planned >> i & 1 ? "true" : "false");
		json_num(",", "checked", sh->checked[i]);
		json_num(",", "failed", sh->oracle_failed[i]);
		printf("}");
	}
	printf("}");
}

static uint64_t ms(struct timeval t)
{
	return t.tv_sec * 1000ULL + t.tv_usec / 1000;
}

/* What the rounds took of the CPUs, and what the program is beside the regions */
static void json_cost(const struct shared *sh)
{
	struct rusage ru = { 0 };
	uint64_t kb = 0;

	getrusage(RUSAGE_CHILDREN, &ru);
	hmmt_file_field("/proc/self/status", "VmHWM", &kb);
	printf(",\"cost\":{");
	json_num("", "user_ms", ms(ru.ru_utime));
	json_num(",", "system_ms", ms(ru.ru_stime));
	json_num(",", "supervisor_kb", kb);
	json_num(",", "round_kb", sh->round_kb);
	printf("}");
}

void report_end(const struct config *cfg, const struct shared *sh,
		const struct scenario_result *res, uint64_t elapsed_ms,
		const struct hmmt_stats *before, const struct hmmt_stats *after)
{
	unsigned int i;

	printf("{\"hmmtorture\":1,\"program\":\"torture\"");
	json_num(",", "seed", cfg->seed);
	json_num(",", "virtual_ms", elapsed_ms);
	json_num(",", "workers", cfg->nr_workers);
	printf(",\"scenarios\":[");
	for (i = 0; i < cfg->nr_scenarios; i++) {
		printf("%s{\"name\":\"%s\"", i ? "," : "", cfg->scenario[i]->name);
		json_num(",", "rounds", res[i].rounds);
		json_num(",", "ops", res[i].ops);
		json_num(",", "failures", res[i].failures);
		if (res[i].skip) {
			printf(",\"skip\":");
			json_string(res[i].skip);
		}
		printf("}");
	}
	printf("]");
	json_ops(cfg, sh);
	json_counters(cfg, sh, before, after);
	json_oracles(cfg, sh, res);
	perturb_report(cfg);
	json_cost(sh);
	printf(",\"failures\":[");
	for (i = 0; i < (unsigned int)sh->failed && i < MAX_FAILS; i++) {
		printf("%s{\"oracle\":\"%s\",\"title\":", i ? "," : "",
		       oracle_names[sh->fail[i].oracle]);
		json_string(sh->fail[i].title);
		printf(",\"detail\":");
		json_string(sh->fail[i].detail);
		printf("}");
	}
	printf("]}\n");
	fflush(stdout);
}
