#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a mistake gets: an exit code and one line that says what would be right,
# before anything is downloaded, built or written.
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$top/selftests/ktap.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export HMMT_CACHE=$tmp/cache
unset KSRC

# refused NAME CODE REGEX ARG...: exit code, one line on stderr, its text
refused()
{
	local name=$1 code=$2 regex=$3 rc=0 err

	shift 3
	err=$("$top/run.sh" "$@" --results "$tmp/results" 2>&1 >"$tmp/out" </dev/null) || rc=$?
	ktap_equal "$name: exit code" "$rc" "$code"
	ktap_match "$name: message" "$err" "$regex"
	ktap_equal "$name: one line" "$(wc -l <<<"$err")" 1
}

# the verbs that take no --results
refused_bare()
{
	local name=$1 code=$2 regex=$3 rc=0 err

	shift 3
	err=$("$top/run.sh" "$@" 2>&1 >"$tmp/out" </dev/null) || rc=$?
	ktap_equal "$name: exit code" "$rc" "$code"
	ktap_match "$name: message" "$err" "$regex"
}

scenarios='mremap|storm'
refused_bare "verb" 2 "unknown verb 'frobnicate'; valid: run test validate corpus bench bisect-step report replay minimize doctor" frobnicate
refused "option" 2 "unknown option '--frob'; valid: .*--ksrc.*--duration" --frob
refused "profile" 2 "unknown profile 'frob'; valid: .*nightly.*smoke" --profile frob
refused "profile path" 2 "unknown profile '../kernel/COMMON'" --profile ../kernel/COMMON
refused "scenario" 2 "unknown scenario 'frob'; valid: .*($scenarios)" --scenario frob
refused "second scenario" 2 "unknown scenario 'frob'; valid: " --scenario storm,frob
refused "no scenario" 2 "unknown scenario ''; valid: " --scenario ''
refused "only commas" 2 "unknown scenario" --scenario ,
refused "flavour" 2 "unknown flavour 'frob'; valid: .*DEBUG" --flavour frob
refused "COMMON is no flavour" 2 "unknown flavour 'COMMON'" --flavour COMMON
refused "engine" 2 "unknown engine 'frob'; valid: det live kvm tcg both" --engine frob
refused "perturbation" 2 "unknown perturbation 'frob'; valid: none all .*migrate.*rmap" --perturb frob
refused "second perturbation" 2 "unknown perturbation 'frob'; valid: none all " --perturb rmap,frob
refused "none and some" 2 "unknown perturbation 'none'" --perturb none,rmap
refused "seed" 2 "'12x' is no seed" --seed 12x
refused "seed too large" 2 "is no seed" --seed 9223372036854775808
refused "duration" 2 "'forever' is no duration" --duration forever
refused "duration 0" 2 "'0s' is no duration" --duration=0s
refused "mem" 2 "'lots' is no memory size" --mem lots
refused "cpus" 2 "'17' is no number of CPUs" --cpus 17
refused "vms" 2 "'0' is no number of guests" --vms 0
refused "kernel series" 2 "unknown kernel series 'newest'; valid: .*7.2" --kernel newest
refused "signature only for bisect" 2 "unknown option '--signature'" --signature x
refused "argument" 2 "takes no argument 'smoke'" run smoke
refused_bare "missing value" 2 "--seed needs a value" --seed
refused_bare "report nothing" 2 "no such results" report "$tmp/none"
refused_bare "replay nothing" 2 "not a run directory" replay "$tmp/none"
refused_bare "replay without dir" 2 "usage:" replay
: >"$tmp/program"
refused_bare "replay PROGRAM: option" 2 "unknown option '--seed'; valid: --in .*--ksrc" replay "$tmp/program" --seed 1
refused_bare "replay PROGRAM: --in" 2 "--in: no such directory" replay "$tmp/program" --in "$tmp/none"
refused_bare "replay RUNDIR: option" 2 "takes no options" replay "$tmp" --in "$tmp"
refused_bare "minimize nothing" 2 "not a run directory" minimize "$tmp/none"
refused_bare "minimize without dir" 2 "usage:" minimize
refused_bare "minimize: option" 2 "unknown option '--seed'; valid: --program" minimize "$tmp" --seed 1
refused_bare "minimize: --program" 2 "--program: no such file" minimize "$tmp" --program "$tmp/none"
refused_bare "resume nothing" 2 "no such directory" --resume "$tmp/none"
refused_bare "test option" 2 "unknown option '--frob'; valid: --only --list --again --help" test --frob
# git bisect run takes 1 .. 127 for "bad": a typing mistake must stop it
refused_bare "bisect without tree" 128 "bisect-step needs --ksrc" bisect-step
refused_bare "bisect with a bad option" 128 "unknown option '--frob'" bisect-step --frob
refused_bare "bisect with a bad seed" 128 "is no seed" bisect-step --seed x
refused_bare "bisect with a missing tree" 128 "no such directory" bisect-step --ksrc "$tmp/none"

# trees that cannot be tested
mkdir -p "$tmp/empty" "$tmp/old/mm"
printf 'VERSION = 4\n' >"$tmp/old/Makefile"
touch "$tmp/old/Kbuild"
printf 'config MMU\n' >"$tmp/old/mm/Kconfig"
refused "ksrc missing" 2 "no such directory" --ksrc "$tmp/none"
refused "ksrc a file" 2 "no such directory" --ksrc "$tmp/old/Makefile"
refused "ksrc no kernel" 2 "not a kernel source tree" --ksrc "$tmp/empty"
refused "ksrc too old" 2 "no ZONE_DEVICE or no THP" --ksrc "$tmp/old"
refused_bare "bisect of a tree too old" 125 "no ZONE_DEVICE" bisect-step --ksrc "$tmp/old"
refused "KSRC of the environment" 2 "ksrc and --kernel exclude|not a kernel source" --ksrc "$tmp/empty" --kernel 7.2

# --dry-run and --list print and do nothing
out=$("$top/run.sh" --dry-run --seed 7 --duration 20s --results "$tmp/results" </dev/null)
ktap_match "dry-run: seed" "$out" "seed 7"
ktap_match "dry-run: det" "$out" "engine det .*seed 7, 20s: "
ktap_match "dry-run: live" "$out" "engine live .*seed 7, 20s: "
ktap_equal "dry-run: two runs" "$(wc -l <<<"$out")" 3
out=$("$top/run.sh" --dry-run --seed 1 --engine det --scenario storm --duration 30s)
ktap_match "dry-run: one scenario" "$out" "001-det-DEBUG-storm: .* 30s: storm"
ktap_match "dry-run: perturbation by default" "$out" "perturb migrate, "
out=$("$top/run.sh" --dry-run --engine det --perturb none)
ktap_match "dry-run: no perturbation" "$out" "perturb none, "
out=$("$top/run.sh" --dry-run --engine det --perturb rmap,split)
ktap_match "dry-run: some perturbation" "$out" "perturb rmap,split, "
out=$("$top/run.sh" --dry-run --profile nightly --seed 5 --duration 1h)
total=$(sed -n 's/.* \([0-9]*\)s: .*/\1/p' <<<"$out" | awk '{ s += $1 } END { print int(s / 2 / 60 + 0.5) }')
# each of its runs is of whole seconds
ktap_match "dry-run: nightly scaled to an hour with 2 guests" "$total" '^(59|60|61)$'
out=$("$top/run.sh" --list)
ktap_match "list: profiles" "$out" "smoke"
ktap_match "list: scenarios" "$out" "scenarios: .*($scenarios)"
ktap_match "help" "$("$top/run.sh" --help)" "--duration"
if [ -e "$tmp/results" ] || [ -e "$HMMT_CACHE" ]; then
	ktap_fail "nothing was written" "$(ls -d "$tmp"/*)"
else
	ktap_pass "nothing was written"
fi

# a host that cannot: no disk, no memory
printf 'MemAvailable:      131072 kB\n' >"$tmp/meminfo"
rc=0
err=$(HMMT_MEMINFO=$tmp/meminfo "$top/run.sh" --results "$tmp/results" 2>&1 </dev/null) || rc=$?
ktap_equal "no memory: exit code" "$rc" 3
ktap_match "no memory: message" "$err" "128 MiB.* of memory available"
mkdir "$tmp/small"
if mount -t tmpfs -o size=8m none "$tmp/small" 2>/dev/null; then
	rc=0
	err=$(HMMT_CACHE=$tmp/small/cache "$top/run.sh" --results "$tmp/results" 2>&1 </dev/null) || rc=$?
	umount "$tmp/small"
	ktap_equal "no disk: exit code" "$rc" 3
	ktap_match "no disk: message" "$err" "MiB free"
else
	ktap_skip "no disk" "cannot mount a tmpfs here"
fi

ktap_end
