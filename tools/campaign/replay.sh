#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The verb "replay": the guest of a run again, from the bytes that the run kept,
# and whether the same came out; or a program, on the kernel of a run or of the
# options. The new run is kept beside other results.
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

new_run()
{
	new=${opt_results:-$HMMT_TOP/results}/replay-$(date +%Y%m%d-%H%M%S)-$1
}

# judged RC: what the judge says of the new run
judged()
{
	[ "$1" -ne 130 ] || exit 130
	[ -f "$new/run.json" ] || die "$EX_NOVERDICT" "the guest was not booted (exit $1)"
	"$(host_bin_dir)/hmmt-judge" run "$new" --known "$HMMT_TOP/configs/known"
}

# What det promises, or where it was broken
tell_bytes()
{
	local log at

	for log in console.log results.log; do
		cmp -s "$bundle_dir/$log" "$new/$log" && continue
		at=$(diff -a "$bundle_dir/$log" "$new/$log" 2>&1 | head -n 3 | cut -c 1-200 |
			paste -sd" " || true)
		printf '  %-9s %s: %s\n' "not same" "$log" "$at"
		return
	done
	printf '  %-9s console and results, byte for byte\n' "same"
}

# Exit 0 the same verdict and title, 1 a bug, but another one, 3 neither.
replay_run()
{
	local rc=0 verdict title words

	bundle_open "$1"
	prepare_host
	prepare_judge
	new_run "${bundle_dir##*/}"
	bundle_build "$tmp"
	words=$(sed 's/^.* -- run: //' "$bundle_dir/cmdline")
	# shellcheck disable=SC2086 # words of init
	boot_words "$new" "$(bundle_field seed)" "$(bundle_field expect)" $words || rc=$?
	judged "$rc" || true
	cmp -s "$bundle_dir/cmdline" "$new/cmdline" ||
		msg "note: the kernel command line differs from the recorded one"
	verdict=$(run_verdict "$bundle_dir")
	title=$(run_title "$bundle_dir")
	printf '  %-9s %s\n' "recorded" "$verdict${title:+: $title}"
	[ "$engine_word" != det ] || tell_bytes
	if [ "$(run_verdict "$new")" = "$verdict" ] && [ "$(run_title "$new")" = "$title" ]; then
		printf 'replayed: the same verdict\n'
		exit 0
	fi
	printf 'replayed: another verdict\n'
	[ "$(run_verdict "$new")" != FAIL ] || exit 1
	exit "$EX_NOVERDICT"
}

# Exits as the judge does.
replay_program()
{
	local program=$1 rc=0

	shift
	parse_options replay "$@"
	prepare_host
	prepare_tools
	"$tools_dir/guest/torture" --check "$program" || exit "$EX_USAGE"
	if [ -n "$opt_in" ]; then
		bundle_open "$opt_in"
		bundle_build "$tmp"
		[ -z "$opt_engine" ] || engine_word=$opt_engine
	else
		opt_flavour=${opt_flavour:-DEBUG}
		engine_word=${opt_engine:-det}
		prepare_source
		prepare_flavour "$opt_flavour"
	fi
	new_run "$(basename "$program" .txt)"
	boot_program "$new" "$program" draws,calls || rc=$?
	judged "$rc" && rc=0 || rc=$?
	printf '  %-9s %s\n' "run" "$new"
	exit "$rc"
}

main()
{
	local new tmp

	if [ $# -lt 1 ] || [[ $1 == -* ]]; then
		die "$EX_USAGE" "usage: ./run.sh replay RUNDIR | PROGRAM [OPTIONS]"
	fi
	tmp=$(mktemp -d)
	# not local when the trap runs
	# shellcheck disable=SC2064
	trap "rm -rf '$tmp'" EXIT
	trap : INT
	if [ -f "$1" ]; then
		replay_program "$@"
	else
		[[ $# -eq 1 || ($# -eq 3 && $2 == --results) ]] ||
			die "$EX_USAGE" "replay RUNDIR takes no options but --results DIR"
		opt_results=${3:-}
		replay_run "$1"
	fi
}

main "$@"
