#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: one-bug.sh RESULTS ID FLAVOUR SECONDS PROFILE SEED
#
# Tortures the kernel in RESULTS/ID/boot until something new is found or SECONDS
# of torture are over: guest after guest, as the profile says, each with the waits of another
# set (configs/perturb) after the first; again with other seeds and with those of all sets when
# it is at its end. A guest that a known issue ends early has used only its time; where it told its
# rows (@after), the next one does the rest of them.
# Guests that were judged before are not run again, so that one that was cut, or is to be
# tortured for longer, goes on. RESULTS/ID/done says for how many seconds it was.
set -euo pipefail

HMMT_TOP=${HMMT_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=tools/campaign/options.sh
. "$HMMT_TOP/tools/campaign/options.sh"
# shellcheck source=tools/campaign/plan.sh
. "$HMMT_TOP/tools/campaign/plan.sh"
# shellcheck source=tools/campaign/execute.sh
. "$HMMT_TOP/tools/campaign/execute.sh"

# A guest that dies at once, or does not even boot, has cost more than it tortured.
readonly LEAST_SECONDS=5
# Less is not worth a boot.
readonly SHORTEST_RUN=15

results=$1 id=$2 flavour=$3 budget=$4 profile=$5 first_seed=$6
dir=$results/$id
# used by plan.sh; the kernel is one of its own
# shellcheck disable=SC2034
opt_flavour=$flavour opt_ksrc=$dir/boot
child=
trap '[ -z "$child" ] || kill "$child" 2>/dev/null; wait; exit 130' INT TERM

# boot_guest LINE
boot_guest()
{
	# shellcheck disable=SC2034 # columns of the plan
	local number name engine accel kernel flavour scenarios seed seconds perturb program

	plan_read "$1"
	run_is_done "$dir/$name" && return
	(
		# Of what known issues forbid these two have only what is deadly with fork.
		[[ $scenarios != @(mremap|storm|mremap,storm) ]] || export HMMT_WITHOUT=
		HMMT_CAMPAIGN_DIR=$dir exec setpriv --pdeathsig TERM \
			"$HMMT_TOP/tools/campaign/one.sh" "$dir" "$1" </dev/null >>"$dir/log" 2>&1
	) &
	child=$!
	wait "$child" || true
	child=
}

# guest NAME LINE: 0 when it found something new; adds its time to $used
guest()
{
	local name=$1 said rc=0 elapsed
	local -a control=("$results/control")

	boot_guest "$2"
	# what is new in the control is to be kept, too
	[ "$id" != control ] || control=()
	said=$("$judge" new "$dir/$name" "${control[@]}") || rc=$?
	elapsed=${said%%$'\t'*}
	[ "$elapsed" -ge "$LEAST_SECONDS" ] || elapsed=$LEAST_SECONDS
	used=$((used + elapsed))
	[ "$rc" -ne 0 ] || [ "$id" != control ] ||
		step "control: $name: the unmodified kernel shows ${said#*$'\t'}"
	[ "$rc" -eq 0 ] || rm -rf "${dir:?}/$name/bundle"
	return "$rc"
}

main()
{
	local n=0 pass=0 used=0 line left what
	# shellcheck disable=SC2034 # columns of the plan
	local number name engine accel kernel scenarios seed seconds perturb program
	local -a sets

	rm -f "$dir/done"
	: >"$dir/plan.tsv"
	mapfile -t sets < <(list_perturb)
	judge=$(awk -F'\t' 'NR == 1 { print $3 }' "$dir/prepared.tsv")/host/hmmt-corpus
	while :; do
		while IFS= read -r line <&3; do
			[ "$used" -lt "$budget" ] || break 2
			plan_read "$line"
			what=${name#*-}
			while [ "$used" -lt "$budget" ]; do
				n=$((n + 1))
				# the number, also in the name, goes on from pass to pass
				number=$n
				name=$(printf '%03d-%s' "$n" "$what")
				left=$((budget - used))
				[ "$left" -ge "$SHORTEST_RUN" ] || left=$SHORTEST_RUN
				[ "$seconds" -le "$left" ] || seconds=$left
				[ "$perturb" = none ] || [ "$n" -eq 1 ] || [ "$pass" -gt 0 ] ||
					perturb=${sets[n % ${#sets[@]}]}
				line=$(plan_print)
				printf '%s\n' "$line" >>"$dir/plan.tsv"
				# The control is there to find all that it can.
				! guest "$name" "$line" || [ "$id" = control ] || break 3
				program=$(program_behind "$program" "$dir/$name") || break
			done
		done 3< <(plan_rows "$profile" "$((first_seed + 100 * pass))")
		pass=$((pass + 1))
		# shellcheck disable=SC2034 # used by plan.sh
		opt_perturb=$(perturb_sets all)
	done
	rm -rf "${dir:?}/boot"
	echo "$used" >"$dir/done"
}

main
