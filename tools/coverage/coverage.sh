#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: coverage.sh [--list FILE] RUNDIR...
#
# What of configs/coverage the runs of flavour GCOV went through, all of them
# together: a table, and line by line in FILE what none did, with the reasons of
# configs/uncovered. All must be of one kernel build. Runs without counts, such as of
# a guest that died in its first second, are named and left out. Exit 1: none had any.
set -euo pipefail

HMMT_TOP=${HMMT_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=tools/campaign/prepare.sh
. "$HMMT_TOP/tools/campaign/prepare.sh"

main()
{
	local list='' run build='' n=0 tmp
	local -a data=()

	if [ "${1:-}" = --list ]; then
		list=${2:?--list needs a file}
		shift 2
	fi
	[ $# -gt 0 ] || die "$EX_USAGE" "usage: coverage.sh [--list FILE] RUNDIR..."
	prepare_judge
	tmp=$(mktemp -d)
	# not local when the trap runs
	# shellcheck disable=SC2064
	trap "rm -rf '$tmp'" EXIT
	for run in "$@"; do
		[ -f "$run/counts.bin" ] || continue
		n=$((n + 1))
		"$(host_bin_dir)/hmmt-coverage" unpack "$run/counts.bin" "$tmp/$n" >>"$tmp/names" ||
			msg "no counts: $run"
	done
	[ -s "$tmp/names" ] || die 1 "none of the runs has counts: flavour GCOV has"
	build=$(sed -n "s,^$tmp/[0-9]*\(/.*\)/mm/[^/]*\$,\1,p" "$tmp/names" | sort -u)
	[ "$(wc -l <<<"$build")" -eq 1 ] || die 1 "runs of several kernels:" "$build"
	mapfile -t data <"$tmp/names"
	# beside the data, since gcov writes even what it prints
	(cd "$tmp" && gcov --json-format --stdout --branch-probabilities "${data[@]}") \
		>"$tmp/json" 2>"$tmp/err" || { cat "$tmp/err" >&2; exit 1; }
	printf 'coverage of %d run(s)\n' "$n"
	"$(host_bin_dir)/hmmt-coverage" table "$HMMT_TOP/configs/coverage" \
		"$HMMT_TOP/configs/uncovered" "$(head -n 1 "$build/hmmt/where")" ${list:+"$list"} <"$tmp/json"
	[ -z "$list" ] || printf 'what is missing: %s\n' "$list"
}

main "$@"
