#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The one command of hmmtorture. Without a verb it is "run": from whatever the
# machine has to a verdict. What the verbs do is below tools/.
set -euo pipefail

HMMT_TOP=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
export HMMT_TOP

# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=tools/campaign/options.sh
. "$HMMT_TOP/tools/campaign/options.sh"

readonly HMMT_VERBS="run test validate corpus bench bisect-step report replay minimize doctor"

usage()
{
	case $1 in
	run)
		cat <<'END'
usage: ./run.sh [VERB] [OPTIONS]

Boots a real kernel in QEMU, tortures THP migration of device-private memory
in it, and judges what happened. Verbs:

  run               torture and judge (the default)
  test              test the tool itself: host, guest, both engines
  bench             what a migration costs, stock driver and ours, docs/bench.md
  validate          which promises of the series this kernel keeps
  corpus            which of the known ways to break this code are noticed
  bisect-step       one step of "git bisect run", see docs/bisect.md
  report [DIR]      print the verdict of results/latest or of DIR
  replay RUNDIR     do a run again and compare the verdict
  replay PROGRAM    run a program, docs/programs.md
  minimize RUNDIR   the smallest program that still fails as a run did
  doctor            say what the machine has and what is missing

Options of run and bisect-step:
END
		option_help
		cat <<'END'

The environment: KDIR KSRC LLVM CC V mean what they mean in the kernel;
HMMT_CACHE is where everything built is kept.
Exit: 0 pass or known issues only, 1 a bug was found, 2 usage, 3 no verdict,
130 interrupted.
END
		;;
	bisect-step)
		cat <<'END'
usage: git bisect run ./run.sh bisect-step --ksrc TREE [--signature TITLE] [OPTIONS]

  --signature TITLE only a FAIL with this title (a part of it) is bad

Exit: 0 good, 1 bad, 125 cannot tell, 128 the host cannot do it.
END
		option_help ;;
	test)
		cat <<'END'
usage: ./run.sh test [--only PATTERN] [--list] [--again]

  --only PATTERN    only tests whose name matches the extended regex
  --list            the names of the tests
  --again           boot all guests, also those of the det engine whose kernel,
                    image and arguments have not changed since they were booted

Exit: 0 all passed, 1 some failed, 3 nothing was run.
END
		;;
	bench) exec "$HMMT_TOP/tools/bench/bench.sh" --help ;;
	validate)
		cat <<'END'
usage: ./run.sh validate [--only PATTERN] [--list] [OPTIONS]

A matrix of what THP migration of device-private memory promises: a row each,
PASS, KNOWN, FAIL with what was seen, or SKIP with why. See docs/validate.md.

  --only PATTERN    only rows whose name matches the extended regex
  --list            the rows, what they promise and where that is written
  --engine E        det (default), live, kvm or tcg
  --flavour F       DEBUG (default); SOFTDIRTY for the rows of soft-dirty
  --bust WHAT       break something on purpose: the rows must then fail
  --ksrc DIR, --kernel SERIES, --seed N, --vms N, --cpus N, --mem SIZE,
  --results DIR     as for run

Exit: 0 all pass or are known, 1 a row fails, 2 usage, 3 rows without a result.
END
		;;
	corpus)
		cat <<'END'
usage: ./run.sh corpus [ID...] [OPTIONS]

Puts one bug after another into a kernel tree and tortures it. Without ID all
of them, and "control", the tree as it is. See docs/corpus.md.

  --list            the bugs, and which half they belong to
  --check           only apply and compile each: fast
  --half HALF       tuned or held: a fixed half of all
  --class CLASS     logic or race
  --budget T        torture each so long at most (default: of the bug); 0: only build
  --hmm-tests       the tree's own hmm-tests on each kernel as well
  --resume DIR      go on: what was cut, or whom a larger --budget or --hmm-tests is for
  --table DIR       print the table of a run again
  --profile P       configs/profiles/corpus if not said
  --flavour F       instead of those that the bugs ask for
  --ksrc DIR, --kernel SERIES, --seed N, --vms N, --results DIR   as for run

Exit: 0 all that can be were caught, 1 some were not or do not apply, 2 usage,
3 not all were run.
END
		;;
	report) echo "usage: ./run.sh report [DIR]   (default: results/latest)" ;;
	replay)
		cat <<'END'
usage: ./run.sh replay RUNDIR [--results DIR]
       ./run.sh replay PROGRAM [OPTIONS]

A run again from what it kept, or a program (docs/programs.md) on

  --in RUNDIR       the kernel and image of that run; or
  --ksrc DIR, --kernel SERIES, --flavour F
                    a kernel as for run (DEBUG of the newest tested series)
  --engine E        det (default, or that of the run), live, kvm or tcg
  --cpus N, --mem SIZE, --results DIR
                    as for run

Exit: RUNDIR: 0 the same verdict, 1 another bug, 3 neither; PROGRAM: as run.
END
		;;
	minimize)
		cat <<'END'
usage: ./run.sh minimize RUNDIR [OPTIONS]

Makes the program of a failed run smaller, on the kernel of that run, as long as
it fails with the same title. The result is a program and a C test for the
tree's hmm-tests. See docs/programs.md.

  --program FILE    start from this one, such as the best of a cut minimize
  --title TITLE     the failure to keep (default: the run's)
  --engine E        another engine than the run's; only det is exact
  --vms N           guests at once (default: 2)
  --duration T      stop then, with the best so far
  --results DIR     where results go

Exit: 0 done, 2 usage, 3 the program does not fail so, 130 interrupted.
END
		;;
	doctor) echo "usage: ./run.sh doctor   exit: 0 all there, 3 something is missing" ;;
	esac
}

main()
{
	local verb=run
	local -a verbs

	read -r -a verbs <<<"$HMMT_VERBS"
	if [ $# -gt 0 ] && [[ $1 != -* ]]; then
		verb=$1
		shift
		in_list "$verb" "${verbs[@]}" ||
			usage_die verb "$verb" "${verbs[@]}"
	fi
	case ${1:-} in
	--help | -h)
		usage "$verb"
		exit 0 ;;
	esac
	case $verb in
	run) exec "$HMMT_TOP/tools/campaign/campaign.sh" "$@" ;;
	test) exec "$HMMT_TOP/selftests/runner.sh" "$@" ;;
	bench) exec "$HMMT_TOP/tools/bench/bench.sh" "$@" ;;
	validate) exec "$HMMT_TOP/tools/validate/validate.sh" "$@" ;;
	corpus) exec "$HMMT_TOP/tools/corpus/corpus.sh" "$@" ;;
	bisect-step) exec "$HMMT_TOP/tools/bisect/step.sh" "$@" ;;
	report) exec "$HMMT_TOP/tools/campaign/report.sh" "$@" ;;
	replay) exec "$HMMT_TOP/tools/campaign/replay.sh" "$@" ;;
	minimize) exec "$HMMT_TOP/tools/campaign/minimize.sh" "$@" ;;
	doctor) exec "$HMMT_TOP/tools/campaign/doctor.sh" "$@" ;;
	esac
}

main "$@"
