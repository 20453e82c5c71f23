#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The verb "bisect-step": one commit, judged in the words of "git bisect run":
# 0 good, 1 bad, 125 cannot tell, 128 (ends the bisection) the host or the
# command line is at fault. A commit is bad only by a bug that a run named; a
# build that fails or a guest that got lost says nothing about it.
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

readonly BISECT_GOOD=0 BISECT_BAD=1 BISECT_SKIP=125 BISECT_ABORT=128

# say CODE TEXT
say()
{
	local word

	case $1 in
	"$BISECT_GOOD") word=good ;;
	"$BISECT_BAD") word=bad ;;
	"$BISECT_SKIP") word="cannot tell" ;;
	*) word=abort ;;
	esac
	printf 'bisect-step: %s: %s: %s\n' "$commit" "$word" "$2"
	exit "$1"
}

# The titles of every run that failed, one a line
failed_titles()
{
	local dir

	for dir in "$1"/*/; do
		[ "$(run_verdict "${dir%/}")" = FAIL ] || continue
		run_title "${dir%/}"
	done | sort -u
}

judge_failure()
{
	local titles

	titles=$(failed_titles "$1")
	if [ -n "$opt_signature" ] &&
	   ! grep -qF -- "$opt_signature" <<<"$titles"; then
		say "$BISECT_SKIP" "another bug: $(paste -sd';' <<<"$titles")"
	fi
	say "$BISECT_BAD" "$(paste -sd';' <<<"$titles")"
}

main()
{
	local rc=0 results
	local -a given=()

	EX_USAGE=$BISECT_ABORT
	EX_TREE=$BISECT_SKIP
	# for what prepare_host() finds missing
	# shellcheck disable=SC2034
	EX_NOVERDICT=$BISECT_ABORT
	parse_options bisect-step "$@"
	[ -n "$opt_ksrc" ] || die "$EX_USAGE" "bisect-step needs --ksrc TREE"
	while [ $# -gt 0 ]; do
		case $1 in
		--signature | --results | --profile | --seed) shift ;;
		--signature=* | --results=* | --profile=* | --seed=*) ;;
		*) given+=("$1") ;;
		esac
		shift
	done
	[[ " ${given[*]} " == *" --ksrc"* ]] || given+=(--ksrc "$opt_ksrc")
	[ "$opt_profile" != smoke ] || opt_profile=bisect
	commit=$(git -C "$opt_ksrc" rev-parse --short=12 HEAD 2>/dev/null) ||
		commit=$(basename "$opt_ksrc")
	[ "$opt_dry_run$opt_list" != 00 ] || prepare_host
	results=${opt_results:-$HMMT_TOP/results}/bisect-$(date +%Y%m%d-%H%M%S)-$commit
	# The same seed for every commit, unless the user says otherwise.
	"$HMMT_TOP/run.sh" run "${given[@]}" --profile "$opt_profile" \
		--seed "${opt_seed:-1}" --results "$results" || rc=$?
	[ "$opt_dry_run$opt_list" = 00 ] || exit "$rc"
	case $rc in
	0) say "$BISECT_GOOD" "pass, see $results/latest" ;;
	1) judge_failure "$results/latest" ;;
	130) say "$BISECT_ABORT" "interrupted" ;;
	*) say "$BISECT_SKIP" "no verdict (exit $rc), see $results" ;;
	esac
}

main "$@"
