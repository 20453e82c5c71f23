// SPDX-License-Identifier: GPL-2.0
/* torture: the command line. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "ops/ops.h"
#include "scenarios/scenarios.h"
#include "torture.h"

static const char usage[] =
"usage: torture [options]\n"
"  --seed N            of everything random (default 1)\n"
"  --duration T        250ms, 45s, 5m, 2h (default 20s)\n"
"  --scenario A,B      which, in this order (default all)\n"
"  --workers N         threads of a round, 1 to 16 (default 4)\n"
"  --round-ms N        length of a round (default 2000)\n"
"  --hang T            an access that takes longer hangs (default 60s)\n"
"  --company           others use the machine as well: its counters say nothing\n"
"  --no-device         run without the driver: what does not need it\n"
"  --without A,B       leave these ops out, also where children do the same\n"
"  --perturb A,B|none  wait also in the kernel functions of these sets; none: nowhere\n"
"  --perturb-seed N    of these waits (default: from --seed)\n"
"  --pauses N          a wait in the kernel is up to so many PAUSE (default 24)\n"
"  --keep-going        go on after a failing round\n"
"  --bust NAME         make a mistake on purpose, to see it found\n"
"  --program FILE      run the programs in FILE, docs/programs.md, not scenarios\n"
"  --check FILE        only read them\n"
"  --trace WHAT        draws, calls or both into the journal, too\n"
"  --journal FILE      write the journal there, not to the guest's device\n"
"  --list              scenarios, ops and mistakes\n";

enum { OPT_COMPANY = 256, OPT_SEED, OPT_DURATION, OPT_SCENARIO, OPT_WORKERS, OPT_ROUND, OPT_HANG,
       OPT_NO_DEVICE, OPT_PERTURB, OPT_PERTURB_SEED, OPT_PAUSES, OPT_KEEP_GOING, OPT_WITHOUT,
       OPT_BUST, OPT_PROGRAM, OPT_CHECK, OPT_TRACE, OPT_JOURNAL, OPT_LIST, OPT_HELP };

static const struct option options[] = {
	{ "company", no_argument, NULL, OPT_COMPANY },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "duration", required_argument, NULL, OPT_DURATION },
	{ "scenario", required_argument, NULL, OPT_SCENARIO },
	{ "workers", required_argument, NULL, OPT_WORKERS },
	{ "round-ms", required_argument, NULL, OPT_ROUND },
	{ "hang", required_argument, NULL, OPT_HANG },
	{ "no-device", no_argument, NULL, OPT_NO_DEVICE },
	{ "perturb", required_argument, NULL, OPT_PERTURB },
	{ "perturb-seed", required_argument, NULL, OPT_PERTURB_SEED },
	{ "pauses", required_argument, NULL, OPT_PAUSES },
	{ "keep-going", no_argument, NULL, OPT_KEEP_GOING },
	{ "without", required_argument, NULL, OPT_WITHOUT },
	{ "bust", required_argument, NULL, OPT_BUST },
	{ "program", required_argument, NULL, OPT_PROGRAM },
	{ "check", required_argument, NULL, OPT_CHECK },
	{ "journal", required_argument, NULL, OPT_JOURNAL },
	{ "trace", required_argument, NULL, OPT_TRACE },
	{ "list", no_argument, NULL, OPT_LIST },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 }
};

static int bad(const char *what, const char *arg)
{
	fprintf(stderr, "torture: %s: '%s'\n", what, arg);
	return -EINVAL;
}

static int parse_scenarios(struct config *cfg, char *list)
{
	char *name, *save = NULL;
	unsigned int i;

	cfg->nr_scenarios = 0;
	for (name = strtok_r(list, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		const struct scenario *s = scenario_find(name);

		if (!s || cfg->nr_scenarios == ARRAY_SIZE(cfg->scenario)) {
			fprintf(stderr, "torture: no scenario '%s', there are:", name);
			for (i = 0; (s = scenario_get(i)); i++)
				fprintf(stderr, " %s", s->name);
			fprintf(stderr, "\n");
			return -EINVAL;
		}
		cfg->scenario[cfg->nr_scenarios++] = s;
	}
	return cfg->nr_scenarios ? 0 : bad("empty list of scenarios", "");
}

/* 0 go on, 1 done, -errno. */
static int parse(struct config *cfg, int argc, char **argv)
{
	bool seeded = false;
	uint64_t n;
	int c, ret;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		ret = 0;
		switch (c) {
		case OPT_SEED:
			if (hmmt_parse_u64(optarg, &cfg->seed))
				ret = bad("seed is not a number", optarg);
			break;
		case OPT_DURATION:
			if (hmmt_parse_duration(optarg, &cfg->duration_ms) || !cfg->duration_ms)
				ret = bad("duration does not parse", optarg);
			break;
		case OPT_SCENARIO:
			ret = parse_scenarios(cfg, optarg);
			break;
		case OPT_WORKERS:
			if (hmmt_parse_u64(optarg, &n) || n < 1 || n > MAX_WORKERS)
				ret = bad("workers must be 1 to 16", optarg);
			else
				cfg->nr_workers = n;
			break;
		case OPT_ROUND:
			if (hmmt_parse_u64(optarg, &n) || n < 100 || n > 3600000)
				ret = bad("round must be 100 to 3600000 ms", optarg);
			else
				cfg->round_ms = n;
			break;
		case OPT_HANG:
			if (hmmt_parse_duration(optarg, &cfg->hang_ms) || cfg->hang_ms < 1000)
				ret = bad("hang does not parse, or is below 1s", optarg);
			break;
		case OPT_NO_DEVICE:
			cfg->no_device = true;
			break;
		case OPT_PERTURB:
			ret = perturb_parse(cfg, optarg);
			break;
		case OPT_PERTURB_SEED:
			if (hmmt_parse_u64(optarg, &cfg->perturb_seed))
				ret = bad("perturb-seed is not a number", optarg);
			seeded = true;
			break;
		case OPT_PAUSES:
			if (hmmt_parse_u64(optarg, &n) || n < 1 || n > 100000)
				ret = bad("pauses must be 1 to 100000", optarg);
			else
				cfg->max_pauses = n;
			break;
		case OPT_KEEP_GOING:
			cfg->keep_going = true;
			break;
		case OPT_WITHOUT:
			if (ops_mask(optarg, cfg->without))
				ret = bad("an op in the list is not known (see --list)", optarg);
			break;
		case OPT_COMPANY:
			cfg->company = true;
			break;
		case OPT_BUST:
			cfg->bust = bust_find(optarg);
			if (cfg->bust == NR_BUSTS)
				ret = bad("no such mistake (see --list)", optarg);
			cfg->answer = strchr(optarg, ':') ? strchr(optarg, ':') + 1 : "";
			break;
		case OPT_PROGRAM:
			ret = play_load(cfg, optarg);
			break;
		case OPT_CHECK:
			return play_load(cfg, optarg) ? -EINVAL : 1;
		case OPT_JOURNAL:
			cfg->journal = optarg;
			break;
		case OPT_TRACE:
			cfg->trace_draws = strstr(optarg, "draws");
			cfg->trace_calls = strstr(optarg, "calls");
			if (!cfg->trace_draws && !cfg->trace_calls)
				ret = bad("trace what, draws or calls?", optarg);
			break;
		case OPT_LIST:
			report_list();
			return 1;
		case OPT_HELP:
			fputs(usage, stdout);
			return 1;
		default:
			fputs(usage, stderr);
			return -EINVAL;
		}
		if (ret)
			return ret;
	}
	if (!seeded)
		cfg->perturb_seed = cfg->seed;
	if (optind < argc)
		return bad("unexpected argument", argv[optind]);
	return 0;
}

/* How many devices there are to open, at most NR_DEVS. */
static unsigned int count_devices(void)
{
	struct hmmt_dev dev;
	unsigned int n;

	for (n = 0; n < NR_DEVS; n++) {
		if (hmmt_open(&dev, n))
			break;
		hmmt_close(&dev);
	}
	return n;
}

/* Programs that say so go without. */
static bool wants_devices(const struct config *cfg)
{
	unsigned int i;

	for (i = 0; i < cfg->nr_programs; i++)
		if (cfg->program[i].devices)
			return true;
	return !cfg->nr_programs;
}

/* Addresses are part of what the seed has to decide. */
static void no_aslr(char **argv)
{
	int old = personality(0xffffffff);

	if (old < 0 || (old & ADDR_NO_RANDOMIZE))
		return;
	if (personality(old | ADDR_NO_RANDOMIZE) >= 0)
		execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
	struct config cfg = {
		.seed = 1,
		.duration_ms = 20000,
		.round_ms = 2000,
		.hang_ms = 60000,
		.nr_workers = 4,
		.pauses = 1,
		.max_pauses = 24,
	};
	const struct scenario *s;
	char cmdline[4096];
	int ret;

	no_aslr(argv);
	prctl(PR_SET_NAME, "torture");	/* not "exe", in the kernel's messages */
	ret = parse(&cfg, argc, argv);
	if (ret)
		return ret < 0 ? 2 : 0;
	if (cfg.nr_programs && (cfg.nr_scenarios || cfg.bust))
		return bad("--program says that itself, not", "--scenario, --bust") ? 2 : 0;
	if (cfg.nr_programs && play_scenarios(&cfg))
		return 3;
	if (!cfg.nr_scenarios)
		while (cfg.nr_scenarios < ARRAY_SIZE(cfg.scenario) &&
		       (s = scenario_get(cfg.nr_scenarios)))
			cfg.scenario[cfg.nr_scenarios++] = s;
	cfg.guest = hmmt_read_file("/proc/cmdline", cmdline, sizeof(cmdline)) > 0 &&
		    strstr(cmdline, "hmmtorture.guest=1");
	if (!cfg.no_device && wants_devices(&cfg)) {
		cfg.nr_devs = count_devices();
		if (!cfg.nr_devs) {
			fprintf(stderr, "torture: /dev/hmm_dmirror0 does not open "
				"(--no-device goes without)\n");
			return 3;
		}
	}
	return supervise(&cfg);
}
