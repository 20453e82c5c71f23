#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The verb "run": options -> plan -> everything built -> guests -> one verdict.
set -euo pipefail

HMMT_TOP=${HMMT_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=tools/campaign/options.sh
. "$HMMT_TOP/tools/campaign/options.sh"
# shellcheck source=tools/campaign/plan.sh
. "$HMMT_TOP/tools/campaign/plan.sh"
# shellcheck source=tools/campaign/progress.sh
. "$HMMT_TOP/tools/campaign/progress.sh"
# shellcheck source=tools/campaign/execute.sh
. "$HMMT_TOP/tools/campaign/execute.sh"
# shellcheck source=tools/campaign/prepare.sh
. "$HMMT_TOP/tools/campaign/prepare.sh"

# What was asked for is kept word by word: --resume and the reader need it.
open_results()
{
	campaign_dir=$(fresh_dir "$opt_profile-$opt_seed") || exit
	# A seed from the time is as good as one that was given.
	[ "$seed_given" -eq 1 ] || set -- "$@" --seed "$opt_seed"
	printf '%s\0' "$@" >"$campaign_dir/argv"
	printf '%s\n' "$plan" >"$campaign_dir/plan.tsv"
	ln -sfn "${campaign_dir##*/}" "${campaign_dir%/*}/latest"
}

open_resumed()
{
	campaign_dir=$(cd "$opt_resume" 2>/dev/null && pwd) ||
		die "$EX_USAGE" "--resume: no such directory: $opt_resume"
	if [ ! -f "$campaign_dir/argv" ] || [ ! -f "$campaign_dir/plan.tsv" ]; then
		die "$EX_USAGE" "--resume: not a campaign's results: $opt_resume"
	fi
	mapfile -d '' -t resumed_argv <"$campaign_dir/argv"
}

dry_run()
{
	local line what number name engine accel kernel flavour scenarios seed seconds perturb program

	printf 'profile %s, seed %s, %s guest(s) at once\n' "$opt_profile" "$opt_seed" "$opt_vms"
	while IFS= read -r line; do
		plan_read "$line"
		what=$program
		[ "$scenarios" = - ] || what="$scenarios${program:+ $program}"
		printf '%s: engine %s (%s), kernel %s, flavour %s, perturb %s, seed %s, %ss: %s\n' \
			"$name" "$engine" "$accel" "${kernel/#own/$opt_ksrc}" "$flavour" "$perturb" \
			"$seed" "$seconds" "$what"
	done <<<"$plan"
}

main()
{
	local resumed=0 rc=0 cut=0 seed_given=1
	local -a resumed_argv=()

	parse_options run "$@"
	if [ -n "$opt_resume" ]; then
		open_resumed
		parse_options run "${resumed_argv[@]}" "$@"
		resumed=1
	fi
	if [ "$opt_list" -eq 1 ]; then
		print_lists
		exit 0
	fi
	if [ "$resumed" -eq 1 ]; then
		plan=$(cat "$campaign_dir/plan.tsv")
	else
		[ -n "$opt_seed" ] || { opt_seed=$(($(date +%s) % 1000000)) seed_given=0; }
		plan=$(make_plan "$opt_profile" "$opt_seed" "$opt_vms" \
			"${opt_duration:-0}")
	fi
	[ -n "$plan" ] ||
		die "$EX_USAGE" "profile $opt_profile has no runs"
	if [ "$opt_dry_run" -eq 1 ]; then
		dry_run
		exit 0
	fi
	msg "seed $opt_seed"
	trap 'msg "interrupted while preparing: no guest was started"; exit 130' INT TERM
	prepare_host
	prepare_all "$plan"
	trap - INT TERM
	[ "$resumed" -eq 1 ] || open_results "$@"
	prepare_record "$campaign_dir"
	step "torture: $(wc -l <<<"$plan") run(s), results in $campaign_dir"
	execute_plan "$campaign_dir" "$opt_vms" "$opt_stop" || cut=1
	"$HMMT_TOP/tools/campaign/report.sh" "$campaign_dir" || rc=$?
	if [ "$cut" -eq 1 ]; then
		msg "interrupted; results kept in $campaign_dir"
		msg "go on with: ./run.sh --resume $campaign_dir"
		exit 130
	fi
	exit "$rc"
}

main "$@"
