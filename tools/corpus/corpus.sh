#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The verb "corpus": puts one bug after another into a kernel and looks whether
# the torture finds it. One kernel is built while the guests of others run.
# docs/corpus.md says what counts as found.
set -euo pipefail

HMMT_TOP=${HMMT_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=tools/campaign/options.sh
. "$HMMT_TOP/tools/campaign/options.sh"
# shellcheck source=tools/campaign/prepare.sh
. "$HMMT_TOP/tools/campaign/prepare.sh"
# shellcheck source=tools/corpus/tree.sh
. "$HMMT_TOP/tools/corpus/tree.sh"
# shellcheck source=tools/campaign/execute.sh
. "$HMMT_TOP/tools/campaign/execute.sh"

# another directory only in tests
readonly CORPUS=${HMMT_CORPUS:-$HMMT_TOP/selftests/corpus} CONTROL_SECONDS=600
# of most of the bugs
readonly CONTROL_FLAVOUR=LIGHT

ids=() check=0 budget='' half='' class='' hmm_tests=0 table='' jobs=() builder='' caught=''
readonly VALUES="--budget --half --class --table --ksrc --kernel --flavour --profile --seed --vms
	--cpus --mem --results --resume"
opt_profile=corpus

parse()
{
	while [ $# -gt 0 ]; do
		case $1 in
		--*=*)
			set -- "${1%%=*}" "${1#*=}" "${@:2}"
			continue ;;
		--help | -h) exec "$HMMT_TOP/run.sh" corpus --help ;;
		--list) opt_list=1 ;;
		--check) check=1 ;;
		--hmm-tests) hmm_tests=1 ;;
		--*)
			# shellcheck disable=SC2086 # the list is words
			in_list "$1" $VALUES ||
				usage_die option "$1" $VALUES --list --check --hmm-tests --help
			needs_value "$1" $#
			parse_own "$1" "$2"
			shift ;;
		-*) usage_die option "$1" --help ;;
		*) ids+=("$1") ;;
		esac
		shift
	done
	check_tree_options
}

parse_own()
{
	case $1 in
	--budget)
		# 0 only builds, which is most of the work, and asks hmm-tests
		budget=$2
		[ "$2" = 0 ] || budget=$(parse_duration "$2") ||
			die "$EX_USAGE" "--budget: '$2' is no duration, expected such as 45s, 5m, 2h or 0" ;;
	--half)
		in_list "$2" tuned held || usage_die half "$2" tuned held
		half=$2 ;;
	--class)
		in_list "$2" logic race || usage_die class "$2" logic race
		class=$2 ;;
	--table) table=$2 ;;
	*) parse_value "$1" "$2" ;;
	esac
}

# bugs_of_run: those of the run to go on with, or of them those that were named
bugs_of_run()
{
	local id

	[ -f "$opt_resume/bugs.tsv" ] ||
		die "$EX_USAGE" "--resume: not a corpus run's results: $opt_resume"
	if [ "${#ids[@]}" -eq 0 ]; then
		cat "$opt_resume/bugs.tsv"
		return
	fi
	for id in "${ids[@]}"; do
		grep -P "^\Q$id\E\t" "$opt_resume/bugs.tsv" ||
			die "$EX_USAGE" "--resume: '$id' is not in $opt_resume/bugs.tsv"
	done
}

# are_wanted: of the lines on stdin those of --half and --class, and the control
are_wanted()
{
	awk -F'\t' -v OFS='\t' -v half="$half" -v class="$class" -v flavour="$opt_flavour" \
		'flavour != "" { $4 = flavour }
		 $1 == "control" || (half == "" || $7 == half) && (class == "" || $6 == class)'
}

# choose_bugs: lines as hmmt-corpus prints them; "control" is the unmodified kernel
choose_bugs()
{
	local bugs
	local -a named=()
	local id control=0

	if [ -n "$opt_resume" ]; then
		bugs=$(bugs_of_run) || exit
		are_wanted <<<"$bugs"
		return
	fi
	for id in "${ids[@]}"; do
		if [ "$id" = control ]; then control=1; else named+=("$id"); fi
	done
	# Everything needs its control; a few by name may have been compared before,
	# but hmm-tests fails a test or two on the unmodified kernel as well.
	[ "${#ids[@]}" -gt 0 ] && [ "$hmm_tests" -eq 0 ] || control=1
	[ "$control" -eq 0 ] || [ "$check" -eq 1 ] ||
		printf 'control\t-\t-\t%s\t%d\t-\t-\t-\n' "${opt_flavour:-$CONTROL_FLAVOUR}" \
			"$CONTROL_SECONDS"
	[ "${#named[@]}" -gt 0 ] || [ "${#ids[@]}" -eq 0 ] || return 0
	bugs=$("$(host_bin_dir)/hmmt-corpus" bugs "$CORPUS" "${named[@]}") || exit "$EX_USAGE"
	are_wanted <<<"$bugs"
}

open_results()
{
	if [ -n "$opt_resume" ]; then
		results=$(cd "$opt_resume" && pwd)
		caught=$("$(host_bin_dir)/hmmt-corpus" table "$CORPUS" "$results" >/dev/null || true
			awk -F'\t' '$4 == "caught" { print $1 }' "$results/table.tsv")
		return
	fi
	results=$(fresh_dir corpus) || exit
	printf '%s\n' "$bugs" >"$results/bugs.tsv"
}

# state ID WORD [TEXT]: what became of the patch
state()
{
	printf '%s\n' "${*:2}" >"$results/$1/state"
	[ "$2" = built ] || step "$1: ${*:2}"
}

# tests_of ID FLAVOUR: where the run of the tree's tests is; they fail on the unmodified
# kernel as well, on that of each flavour in another way
tests_of()
{
	if [ "$1" = control ]; then
		echo "$results/stock-$2/hmm-tests"
	else
		echo "$results/$1/hmm-tests"
	fi
}

# tests_are_done ID FLAVOUR: if they are wanted
tests_are_done()
{
	[ "$hmm_tests" -eq 0 ] || [ "$(run_verdict "$(tests_of "$1" "$2")")" != LOST ]
}

# is_done ID FLAVOUR SECONDS: caught, or tortured for so long, and by the tree's tests if wanted
is_done()
{
	local dir=$results/$1

	[ -f "$dir/done" ] && [ "$(cat "$dir/state")" = built ] || return 1
	tests_are_done "$1" "$2" && tests_are_done control "$2" || return 1
	grep -qx "$1" <<<"$caught" || [ "$(cat "$dir/done")" -ge "$3" ]
}

# prepare_bug ID FILE CHANGES FLAVOUR: applied and built, or why not
prepare_bug()
{
	local why file=$2

	if [ "$1" = control ]; then
		file=
	else
		why=$(tree_patch "$1" "$2" "$3") || { state "$1" apply "$why"; return 1; }
	fi
	if [ "$check" -eq 1 ]; then
		tree_start "$4"
		tree_apply "$2" || { state "$1" build no room in the tree; return 1; }
		vm kernel --ksrc "$tree" --flavour "$4" --object "${2%.c}.o" \
			>"$results/$1/build.log" 2>&1 ||
			{ state "$1" build failed, see build.log; return 1; }
	else
		tree_build "$1" "$4" "$file" ||
			{ state "$1" build failed, see build.log; return 1; }
	fi
	state "$1" built
}

# prepare_stock FLAVOUR: driver and image, which a bug in a .c file does not change
prepare_stock()
{
	[ -z "${stock[$1]:-}" ] || return 0
	[ "$hmm_tests" -eq 0 ] || tree_tests=1
	prepare_flavour "$1"
	stock[$1]=$image_file
}

# The tree's own tests on the tree's own driver. What is long there is its
# benchmark, which says nothing under emulation. All of it takes 110 s of the guest, and what
# hangs is reported within 120 s; a kernel that is lost would go on for ever.
hmm_tests_guest()
{
	local dir build=$results/$1/boot

	dir=$(tests_of "$1" "$2")
	run_is_done "$dir" && return
	[ "$1" != control ] || build=$(kernel_build_dir "$source_dir" "$2")
	mkdir -p "${dir%/*}"
	setpriv --pdeathsig TERM "$HMMT_TOP/tools/vm/boot.sh" --dir "$dir" --tools "$tools_dir" \
		--build "$build" --image "${stock[$2]}" --engine det --seed 1 \
		--mem 2048 --overdue 250 --expect selftest --flavour "$2" --label "$1" \
		--quiet -- driver:stock hmm-tests </dev/null >>"${dir%/*}/log" 2>&1 || true
	"$(host_bin_dir)/hmmt-judge" run "$dir" --known "$HMMT_TOP/configs/known" \
		>"$dir/verdict.txt" 2>&1 || true
	rm -rf "$dir/bundle"
}

# bug_job ID FLAVOUR SECONDS
bug_job()
{
	[ "$hmm_tests" -eq 0 ] || [ "$1" = control ] || hmm_tests_guest "$1" "$2"
	setpriv --pdeathsig TERM "$HMMT_TOP/tools/corpus/one-bug.sh" "$results" "$1" "$2" "$3" \
		"$opt_profile" "${opt_seed:-1}" || return 0
	"$(host_bin_dir)/hmmt-corpus" table "$CORPUS" "$results" >"$results/table.txt.$1" || true
	step "$(grep "^$1 " "$results/table.txt.$1" || echo "$1: done")"
	rm -f "$results/table.txt.$1"
}

running_jobs()
{
	local pid left=()

	for pid in "${jobs[@]}"; do
		! kill -0 "$pid" 2>/dev/null || left+=("$pid")
	done
	jobs=("${left[@]}")
	[ "${#jobs[@]}" -ge "$1" ]
}

wait_below()
{
	while running_jobs "$1"; do wait -n "${jobs[@]}" 2>/dev/null || true; done
}

# start_stock_tests FLAVOUR: once
start_stock_tests()
{
	if [ -n "${stock_tests[$1]:-}" ] || tests_are_done control "$1"; then return; fi
	stock_tests[$1]=1
	wait_below "$opt_vms"
	hmm_tests_guest control "$1" &
	jobs+=($!)
}

run_bugs()
{
	local id file changes flavour secs kind rc

	while IFS=$'\t' read -r id file changes flavour secs _ _ kind <&3; do
		# more time shows nothing of what cannot be seen
		[ -z "$budget" ] || [[ $kind = equivalent && $budget -gt $secs ]] || secs=$budget
		if is_done "$id" "$flavour" "$secs"; then continue; fi
		mkdir -p "$results/$id"
		if [ "$check" -eq 0 ]; then
			prepare_stock "$flavour"
			start_stock_tests "$flavour"
		fi
		rc=0
		tree_lock
		prepare_bug "$id" "$file" "$changes" "$flavour" || rc=$?
		tree_unlock
		if [ "$rc" -ne 0 ] || [ "$check" -eq 1 ]; then
			echo 0 >"$results/$id/done"
			continue
		fi
		prepared_line own "$flavour" "$results/$id/boot" "${stock[$flavour]}" \
			>"$results/$id/prepared.tsv"
		# the kernel of the next one is built while these run
		wait_below "$opt_vms"
		bug_job "$id" "$flavour" "$secs" &
		jobs+=($!)
	done 3<<<"$bugs"
	wait_below 1
}

# shellcheck disable=SC2317 # by the trap
interrupted()
{
	trap '' INT TERM
	kill "${jobs[@]}" ${builder:+"$builder"} 2>/dev/null || true
	msg "interrupted; go on with: ./run.sh corpus --resume $results"
	exit 130
}

main()
{
	local bugs rc=0
	declare -gA stock=() stock_tests=()

	parse "$@"
	if [ -n "$table" ]; then
		prepare_judge
		[ -f "$table/bugs.tsv" ] || die "$EX_USAGE" "--table: no corpus run's results: $table"
		"$(host_bin_dir)/hmmt-corpus" table "$CORPUS" "$table" || rc=$?
		exit "$rc"
	fi
	prepare_host
	prepare_tools
	if [ "$opt_list" -eq 1 ]; then
		exec "$(host_bin_dir)/hmmt-corpus" list "$CORPUS" "${ids[@]}"
	fi
	vm deps --corpus || die "$EX_NOVERDICT" "the packages that the corpus needs are not there"
	bugs=$(choose_bugs) || exit
	[ -n "$bugs" ] || die "$EX_NOVERDICT" "no bug is like that"
	open_results
	prepare_source
	tree_open
	trap interrupted INT TERM
	step "corpus: $(wc -l <<<"$bugs") kernels, results in $results"
	run_bugs
	if [ "$check" -eq 1 ]; then
		# what is wrong with the others was said as they came
		[ -z "$(grep -Lx built "$results"/*/state || true)" ] || exit 1
		exit 0
	fi
	"$(host_bin_dir)/hmmt-corpus" table "$CORPUS" "$results" >"$results/table.txt" || rc=$?
	cat "$results/table.txt"
	exit "$rc"
}

main "$@"
