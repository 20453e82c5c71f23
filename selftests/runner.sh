#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The verb "test": every test of hmmtorture, cheap ones first.
#
# A unit is something that is run and that speaks KTAP, or only exits 0, 4
# (skip) or anything else (fail). Units are found, not listed:
#   host/NAME	   unit tests in C (host-tests of the Build.mk files)
#   AREA/NAME	   executable selftests/AREA/NAME.sh; a line "# stage: guest" in
#		   it puts it behind the kernel build
# and the few at the end of find_units(). Names of tests are UNIT:TEST.
set -euo pipefail

HMMT_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=tools/campaign/prepare.sh
. "$HMMT_TOP/tools/campaign/prepare.sh"
# shellcheck source=selftests/verdict.sh
. "$HMMT_TOP/selftests/verdict.sh"

only=
list=0
again=0
passed=0
failed=0
skipped=0
failures=()
failed_units=()
started=()
# On a new machine, with all its kernels to build, all of it takes 40 minutes.
TEST_SECONDS=${HMMT_TEST_SECONDS:-4800}
# of the log of a unit that failed
readonly TAIL_LINES=40

parse_args()
{
	while [ $# -gt 0 ]; do
		case $1 in
		--only=*) only=${1#*=} ;;
		--only)
			[ $# -ge 2 ] || die "$EX_USAGE" "--only needs a value"
			only=$2
			shift ;;
		--list) list=1 ;;
		--again) again=1 ;;
		--help | -h) exec "$HMMT_TOP/run.sh" test --help ;;
		*) usage_die option "$1" --only --list --again --help ;;
		esac
		shift
	done
	rc=0
	grep -qE -- "$only" <<<x || rc=$?
	[ "$rc" -lt 2 ] || die "$EX_USAGE" "--only: '$only' is no regular expression"
}

# build_mk_names VARIABLE FILE...: what these Build.mk files append to it
build_mk_names()
{
	local variable=$1

	shift
	cat "$@" 2>/dev/null | sed -n "s/^${variable}[[:space:]]*+=//p" |
		tr ' ' '\n' | sed '/^$/d' | sort -u
}

# find_units: lines "stage name command"
find_units()
{
	local f name stage t

	while read -r t; do
		printf 'host\thost/%s\thost_test %s\n' "$t" "$t"
	done < <(build_mk_names host-tests "$HMMT_TOP"/{*,*/*}/Build.mk)
	printf 'host\thost/busts\tbusts_test\n'
	printf 'host\tshellcheck\tcheck_shell\n'
	# Programs of the guest's selftests, one behind the other, once in each
	# engine; findings are single bugs, by name, and the fuzzer, the matrix and
	# the deliberate mistakes have scripts. First, as nothing takes longer. What
	# takes long in live, by waits that det skips or by thousands of calls, is left to
	# nightly there.
	t=$(build_mk_names guest-progs "$HMMT_TOP"/selftests/*/Build.mk |
		grep -vE -- '-(busts|findings|fuzz|validate)$' | sed '2,$s/^/+ /' | paste -sd' ')
	printf 'guest\tguest/live\tguest_test live %s\n' \
		"$(sed -E 's/\+ hmm-(capacity|ends|failnth|module|unplug) //g' <<<"$t ")"
	printf 'guest\tguest/det\tguest_test det %s\n' "$t"
	for f in "$HMMT_TOP"/selftests/*/*.sh; do
		[ -x "$f" ] || continue
		name=${f#"$HMMT_TOP"/selftests/}
		stage=host
		if grep -q '^# stage: guest$' "$f"; then stage=guest; fi
		printf '%s\t%s\t%s\n' "$stage" "${name%.sh}" "$f"
	done
	for t in warnings sparse checkpatch; do
		printf 'kernel\tstatic/%s\t%s/selftests/static.sh %s\n' \
			"$t" "$HMMT_TOP" "$t"
	done
	printf 'guest\ttorture\ttorture_short\n'
}

# Unit tests run from the top: their fixtures are named from there.
host_test()
{
	cd "$HMMT_TOP"
	"$(host_bin_dir)/$1"
}

check_shell()
{
	local f n=0 bad=0

	command -v shellcheck >/dev/null || {
		echo "1..0 # SKIP shellcheck is not installed"
		return 4
	}
	echo "KTAP version 1"
	cd "$HMMT_TOP"
	while IFS= read -r f; do
		n=$((n + 1))
		if shellcheck -x "$f" >"$logs/shellcheck.out" 2>&1; then
			echo "ok $n $f"
		else
			bad=1
			sed 's/^/# /' "$logs/shellcheck.out"
			echo "not ok $n $f"
		fi
	done < <(find . -path ./.git -prune -o -path ./results -prune -o -path ./build -prune -o \
			-type f \( -name '*.sh' -o -path ./.ci/run \) -print | sort)
	echo "1..$n"
	return "$bad"
}

busts_test()
{
	"$(host_bin_dir)/busts" host "$tools_dir/guest/torture"
}

torture_short()
{
	local dir n=0

	"$HMMT_TOP/run.sh" run --profile test --seed 1 --results "$logs/torture" || true
	for dir in "$logs"/torture/latest/[0-9]*/; do
		dir=${dir%/}
		n=$((n + 1))
		stock_result "$n" "${dir##*/}" "$dir"
	done
	[ "$n" -gt 0 ] || echo "not ok 1 no guest was run"
}

# guest_test ENGINE PROGRAM [+ PROGRAM]...: programs of the selftests in one guest.
# Their own KTAP counts, and so does what the judge says of the guest around them.
guest_test()
{
	local dir=$logs/guest-$1 engine=$1

	shift
	vm boot --dir "$dir" --tools "$tools_dir" --build "$build_dir" \
		--image "$image_file" --engine "$engine" --seed 1 --mem "$PREPARE_GUEST_MIB" \
		--expect selftest --flavour DEBUG --quiet -- "$@" || true
	[ -f "$dir/run.json" ] || {
		echo "not ok 1 the guest was not booted"
		return 1
	}
	"$(host_bin_dir)/hmmt-judge" run "$dir" --known "$HMMT_TOP/configs/known" || true
	grep -aE '^(not ok|ok|#) ' "$dir/results.log" || true
	stock_result 0 "verdict of the guest" "$dir"
}

# count UNIT LOG RC SECONDS: adds what the unit said to the totals
count()
{
	local unit=$1 log=$2 rc=$3 secs=$4 line name plan p=0 f=0 s=0

	while IFS= read -r line; do
		[[ $line =~ ^(not\ )?ok\ [0-9]+\ ?(-\ )?(.*)$ ]] || continue
		name=${BASH_REMATCH[3]}
		if [ -n "${BASH_REMATCH[1]}" ]; then
			f=$((f + 1))
			failures+=("$unit: $name (log: $log)")
		elif [[ $line =~ \#\ *SKIP ]]; then
			s=$((s + 1))
			printf '    skip %s: %s\n' "$unit" "$name"
		else
			p=$((p + 1))
		fi
	done < <(grep -aE '^(not )?ok [0-9]+' "$log" || true)
	# A result that got lost is not a pass.
	plan=$(sed -n 's/^1\.\.\([0-9][0-9]*\)$/\1/p' "$log" | tail -n 1)
	if [ -n "$plan" ] && [ "$plan" -ne $((p + f + s)) ]; then
		f=$((f + 1))
		failures+=("$unit: $plan tests planned, $((p + f + s - 1)) seen (log: $log)")
	fi
	if [ "$rc" -eq 4 ] && [ "$f" -eq 0 ]; then
		[ "$s" -gt 0 ] || {
			s=1
			printf '    skip %s: %s\n' "$unit" "$(tail -n 1 "$log")"
		}
	elif [ "$rc" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
		failures+=("$unit: exit status $rc (log: $log)")
	elif [ $((p + f + s)) -eq 0 ]; then
		p=1
	fi
	passed=$((passed + p))
	failed=$((failed + f))
	skipped=$((skipped + s))
	line="$p ok"
	[ "$f" -eq 0 ] || line="$line, $f FAILED"
	[ "$s" -eq 0 ] || line="$line, $s skipped"
	printf '[%3ds] %-24s %s (%d s)\n' "$((EPOCHSECONDS - HMMT_T0))" "$unit" "$line" "$secs"
	if [ "$f" -gt 0 ]; then
		failed_units+=("$unit")
		{ grep -aE -B 6 '^not ok ' "$log" || tail -n 20 "$log"; } |
			head -n 60 | sed 's/^/    /'
	fi
}

log_of()
{
	printf '%s/%s.log\n' "$logs" "${1//\//-}"
}

# run_unit NAME COMMAND: writes the log and, last, exit status and seconds beside it
run_unit()
{
	local log rc=0 began=$EPOCHSECONDS

	log=$(log_of "$1")
	# COMMAND is "program [argument]", made above
	# shellcheck disable=SC2086
	($2) >"$log" 2>&1 </dev/null || rc=$?
	echo "$rc $((EPOCHSECONDS - began))" >"$log.rc.new"
	mv "$log.rc.new" "$log.rc"
}

# run_stage STAGE JOBS: starts its units, not more than JOBS at once; those that
# run at its end go on beside what follows. Results are told as they come.
run_stage()
{
	local stage=$1 jobs=$2 st name cmd

	while IFS=$'\t' read -r st name cmd <&3; do
		[ "$st" = "$stage" ] || continue
		while [ "$(units_running)" -ge "$jobs" ]; do wait -n || true; done
		settle
		run_unit "$name" "$cmd" &
		started+=("$name")
	done 3<<<"$units"
}

end_stages()
{
	while [ "$(units_running)" -gt 0 ]; do
		wait -n || true
		settle
	done
	settle
}

# the watchdog is a job as well
units_running()
{
	jobs -rp | grep -cvx "$watchdog" || true
}

# Counts those that have ended and were not counted yet
settle()
{
	local name log rc secs

	for name in "${started[@]}"; do
		log=$(log_of "$name")
		if [ -e "$log.rc" ] && [ ! -e "$log.counted" ]; then
			: >"$log.counted"
			read -r rc secs <"$log.rc"
			count "$name" "$log" "$rc" "$secs"
		fi
	done
}

# give_up: says what did not end, and what there is so far
give_up()
{
	local name log

	for name in "${started[@]}"; do
		log=$(log_of "$name")
		[ ! -e "$log.rc" ] || continue
		failures+=("$name: did not end in $TEST_SECONDS s (log: $log)")
		failed_units+=("$name")
	done
	failed=$((failed + 1))
	finish || exit
}

# Jobs are process groups of their own ("set -m").
end_jobs()
{
	local pid

	for pid in $(jobs -rp); do kill -TERM -- "-$pid" 2>/dev/null || true; done
}

# finish: the totals; fails as the test does. The ends of logs are in the output, since
# that may be all that is left of the machine.
finish()
{
	local unit

	for unit in "${failed_units[@]}"; do
		printf 'the end of %s:\n' "$(log_of "$unit")"
		tail -n "$TAIL_LINES" "$(log_of "$unit")" | sed 's/^/    /'
	done
	if [ "$failed" -gt 0 ]; then
		printf 'failed:\n'
		printf '  %s\n' "${failures[@]}"
	fi
	printf 'logs: %s\n' "$logs"
	[ ! -s "$logs/once" ] ||
		printf '%d guests of the det engine were not booted again, what they left was judged again; --again boots them\n' \
			"$(wc -l <"$logs/once")"
	printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
	[ $((passed + failed)) -gt 0 ] || exit "$EX_NOVERDICT"
	[ "$failed" -eq 0 ]
}

stage_wanted()
{
	grep -q "^$1	" <<<"$units"
}

main()
{
	local rc

	parse_args "$@"
	units=$(find_units | awk -F'\t' -v only="$only" 'only == "" || $2 ~ only')
	if [ "$list" -eq 1 ]; then
		cut -f2 <<<"$units"
		exit 0
	fi
	[ -n "$units" ] || die "$EX_NOVERDICT" "no test matches '$only'"
	logs=$HMMT_TOP/results/test-$(date +%Y%m%d-%H%M%S)-$$
	mkdir -p "$logs"
	export logs HMMT_TOP
	# tools/vm/once.sh
	[ "$again" -eq 1 ] || export HMMT_ONCE=$logs/once
	# A test that hangs must not take the others' results with it.
	trap 'trap - USR1; give_up' USR1
	set -m
	{ sleep "$TEST_SECONDS" && kill -USR1 $$; } >/dev/null 2>&1 &
	watchdog=$!
	trap end_jobs EXIT
	trap 'trap - INT TERM; msg "interrupted; logs kept in $logs"; end_jobs; exit 130' INT TERM
	prepare_host
	prepare_tools
	# the tests of the judge would build one of their own
	HMMT_JUDGE=$(host_bin_dir)/hmmt-judge
	export HMMT_JUDGE
	# of these half the time is waiting
	if stage_wanted host; then run_stage host 4; fi
	if stage_wanted kernel || stage_wanted guest; then
		prepare_source
		prepare_flavour DEBUG
	fi
	if stage_wanted kernel; then run_stage kernel 2; fi
	# a guest keeps a core busy, but for some that wait in real time
	if stage_wanted guest; then run_stage guest 3; fi
	end_stages
	finish
}

# its own test sources it
[ "${BASH_SOURCE[0]}" != "$0" ] || main "$@"
