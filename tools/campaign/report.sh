#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The verb "report", and the end of every campaign: one verdict of all runs,
# where to look, how to see it again. Exits as the campaign did.
set -euo pipefail

HMMT_TOP=${HMMT_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=tools/campaign/execute.sh
. "$HMMT_TOP/tools/campaign/execute.sh"
# shellcheck source=tools/campaign/prepare.sh
. "$HMMT_TOP/tools/campaign/prepare.sh"

# Runs of the plan that were never started: a campaign that was cut early must
# not pass by what it happened to do.
not_started()
{
	local name n=0

	[ -f "$1/plan.tsv" ] || return 0
	while IFS=$'\t' read -r _ name _; do
		[ -d "$1/$name" ] || n=$((n + 1))
	done <"$1/plan.tsv"
	[ "$n" -eq 0 ] || printf '%d of %d planned runs were not started\n' \
		"$n" "$(wc -l <"$1/plan.tsv")"
}

# The run that one would look at first: the first that failed, else the first
# without a verdict.
worst_run()
{
	local want name

	[ -f "$1/plan.tsv" ] || return 0
	for want in FAIL LOST INCONCLUSIVE; do
		while IFS=$'\t' read -r _ name _; do
			if [ -d "$1/$name" ] && [ "$(run_verdict "$1/$name")" = "$want" ]; then
				printf '%s\n' "$1/$name"
				return 0
			fi
		done <"$1/plan.tsv"
	done
}

main()
{
	local dir=${1:-$HMMT_TOP/results/latest} rc=0 missing worst

	[ $# -le 1 ] || die "$EX_USAGE" "report takes one directory"
	[[ $dir != -* ]] || usage_die option "$dir" --help
	[ -d "$dir" ] || die "$EX_USAGE" "no such results: $dir"
	dir=$(cd "$dir" && pwd -P)
	if [ ! -f "$dir/plan.tsv" ] && [ ! -f "$dir/run.json" ]; then
		die "$EX_USAGE" "no such results: $dir holds no campaign and no run"
	fi
	prepare_judge
	"$(host_bin_dir)/hmmt-judge" sum "$dir" --known "$HMMT_TOP/configs/known" || rc=$?
	[ ! -f "$dir/plan.tsv" ] ||
		printf '  %-8s %s\n' "seed" "$(plan_column seed <"$dir/plan.tsv" | sort -un | paste -sd' ')"
	if [ -f "$dir/plan.tsv" ] && compgen -G "$dir/[0-9]*/counts.bin" >/dev/null; then
		"$HMMT_TOP/tools/coverage/coverage.sh" --list "$dir/uncovered.txt" "$dir"/[0-9]*/ ||
			msg "the coverage could not be added up"
	fi
	worst=$(worst_run "$dir")
	[ ! -f "$worst/console.log" ] ||
		printf '  %-8s %s\n' "console" "$worst/console.log"
	if [ -x "$worst/replay.sh" ]; then
		printf '  %-8s %s\n' "replay" "./run.sh replay $worst"
		[ ! -f "$worst/program.txt" ] ||
			printf '  %-8s %s\n' "minimize" "./run.sh minimize $worst"
	elif [ -f "$dir/argv" ]; then
		printf '  %-8s ./run.sh %s\n' "again" \
			"$(xargs -0 printf '%q ' <"$dir/argv")"
	fi
	missing=$(not_started "$dir")
	if [ -n "$missing" ]; then
		printf '  %-8s %s\n' "missing" "$missing"
		[ "$rc" -ne 0 ] || rc=$EX_NOVERDICT
	fi
	exit "$rc"
}

main "$@"
