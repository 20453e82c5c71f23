#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The verb "minimize": the program of a failed run, made smaller on the very
# kernel of that run, until nothing can go without the failure going too.
#
# Everything is below one directory: best.txt, at any time the smallest program
# known, and in the end program.txt, test.c and final/, a run of it.
set -euo pipefail

HMMT_TOP=${HMMT_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=tools/campaign/options.sh
. "$HMMT_TOP/tools/campaign/options.sh"
# shellcheck source=tools/campaign/execute.sh
. "$HMMT_TOP/tools/campaign/execute.sh"
# shellcheck source=tools/campaign/prepare.sh
. "$HMMT_TOP/tools/campaign/prepare.sh"
# shellcheck source=tools/campaign/bundle.sh
. "$HMMT_TOP/tools/campaign/bundle.sh"
# set by bundle.sh and prepare.sh
# shellcheck disable=SC2154

# A guest that an oracle stopped goes on with the next program; a kernel that
# died does not, and one that warned will not do it twice.
batch_of()
{
	case $(sed -n 's/.*"source":[[:space:]]*"\([a-z]*\)".*/\1/p' "$1/verdict.json" | head -n 1) in
	oracle) echo 8 ;;
	*) echo 1 ;;
	esac
}

# try TITLE RUNDIR BUILD TOOLS ENGINE PROGRAMS DIR: one guest, and what became of
# each program in it
try()
{
	local title=$1 programs=$6 dir=$7

	bundle_open "$2"
	bundle_use "$3"
	tools_dir=$4
	engine_word=$5
	boot_args=(--quiet --overdue 900)
	boot_program "$dir" "$programs" draws >/dev/null 2>&1 || [ $? -ne 130 ] || exit 130
	"$(host_bin_dir)/hmmt-judge" match "$dir" --title "$title" --each \
		>"$dir/outcome" 2>/dev/null || true
	"$(host_bin_dir)/hmmt-judge" program "$dir" >"$dir/program.txt" 2>/dev/null || true
	find "$dir" -mindepth 1 ! -name outcome ! -name program.txt -delete
}

# The smallest program as everything that one wants of it
finish()
{
	local out=$1

	boot_program "$out/final" "$out/best.txt" draws,calls || true
	"$(host_bin_dir)/hmmt-judge" match "$out/final" --title "$opt_title" ||
		die "$EX_NOVERDICT" "$out/best.txt did not fail so when it was run once more"
	"$(host_bin_dir)/hmmt-judge" run "$out/final" --known "$HMMT_TOP/configs/known" \
		>/dev/null || true
	{
		printf '# %s\n' "$opt_title"
		cat "$out/best.txt"
	} >"$out/program.txt"
	"$(host_bin_dir)/hmmt-judge" ctest "$out/final" --known "$HMMT_TOP/configs/known" \
		>"$out/test.c" || rm -f "$out/test.c"
	printf '  %-9s %s\n' "program" "$out/program.txt" "again" "./run.sh replay $out/final"
	[ ! -f "$out/test.c" ] || printf '  %-9s %s\n' "C test" "$out/test.c"
}

main()
{
	local run=${1:-} tmp out batch rc=0
	local -a args=()

	if [ $# -lt 1 ] || [[ $1 == -* ]]; then
		die "$EX_USAGE" "usage: ./run.sh minimize RUNDIR [OPTIONS]"
	fi
	shift
	parse_options minimize "$@"
	bundle_open "$run"
	opt_title=${opt_title:-$(run_title "$run")}
	case $(run_verdict "$run") in
	FAIL | KNOWN) ;;
	*) die "$EX_USAGE" "$run did not fail: $(run_verdict "$run")" ;;
	esac
	[ -z "$opt_engine" ] || engine_word=$opt_engine
	prepare_host
	prepare_tools
	tmp=$(mktemp -d)
	# not local when the trap runs
	# shellcheck disable=SC2064
	trap "rm -rf '$tmp'" EXIT
	bundle_build "$tmp"
	out=${opt_results:-$HMMT_TOP/results}/minimize-$(date +%Y%m%d-%H%M%S)-${bundle_dir##*/}
	mkdir -p "$out"
	out=$(cd "$out" && pwd)
	if [ -n "$opt_program" ]; then
		cp "$opt_program" "$out/start.txt"
	else
		"$(host_bin_dir)/hmmt-judge" program "$bundle_dir" >"$out/start.txt" ||
			die "$EX_NOVERDICT" "no program of $run"
	fi
	"$tools_dir/guest/torture" --check "$out/start.txt" || exit "$EX_USAGE"
	batch=$(batch_of "$bundle_dir")
	step "minimize: '$opt_title', up to $batch programs a guest, best so far in $out/best.txt"
	[ "$engine_word" = det ] || args+=(--live)
	[ -z "$opt_duration" ] || args+=(--seconds "$opt_duration")
	trap : INT
	"$(host_bin_dir)/hmmt-minimize" --out "$out" --jobs "$opt_vms" --batch "$batch" \
		"${args[@]}" "$out/start.txt" -- "$HMMT_TOP/tools/campaign/minimize.sh" \
		--try "$opt_title" "$bundle_dir" "$build_dir" "$tools_dir" "$engine_word" || rc=$?
	trap - INT
	if [ "$rc" -eq 130 ]; then
		msg "interrupted; go on with: ./run.sh minimize $run --program $out/best.txt"
		exit 130
	fi
	[ "$rc" -eq 0 ] || exit "$EX_NOVERDICT"
	finish "$out"
}

if [ "${1:-}" = --try ]; then
	shift
	try "$@"
else
	main "$@"
fi
