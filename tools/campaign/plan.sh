# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# A profile and the user's options become a plan: one line a run, tab separated
#	NUMBER NAME ENGINE ACCEL FLAVOUR SCENARIOS SEED SECONDS PERTURB [PROGRAM]
# NAME is also the run's directory. SCENARIOS is "-" where the guest does not
# torture but runs PROGRAM, a guest program and its arguments, before which words
#	driver:KEY=VALUE	are for its driver, see tools/guest/init.c,
#	append:KEY=VALUE	for its kernel
# may come, and in which
#	@seed @duration	are those of the run
#	@avoid		is --avoid and the known issues of the kernel
#	@after[=ROW]	is --after ROW, or nothing: with it a guest that died is
#			followed by one that goes on behind the row it died in
# Sourced, after options.sh.

# engines_of WORD: "engine accel" pairs, one a line
engines_of()
{
	case $1 in
	det) echo "det auto" ;;
	live) echo "live auto" ;;
	kvm) echo "live kvm" ;;
	tcg) echo "live tcg" ;;
	both) printf '%s\n' "det auto" "live auto" ;;
	*)
		# shellcheck disable=SC2086
		usage_die engine "$1" $HMMT_ENGINES ;;
	esac
}

# scenario_sets WORD: each line is what one run tortures with. --scenario leaves
# out the runs of programs.
scenario_sets()
{
	local which=$1 names

	if [ "$which" = - ]; then
		[ -n "$opt_scenario" ] || echo -
		return 0
	fi
	if [ -n "$opt_scenario" ]; then
		names=$(split_commas "$opt_scenario")
	elif [ "$which" = all ] || [ "$which" = each ]; then
		names=$(list_scenarios)
	else
		check_scenarios "$which"
		printf '%s\n' "$which"
		return 0
	fi
	if [ "$which" = each ]; then
		printf '%s\n' "$names"
	else
		paste -sd, <<<"$names"
	fi
}

# program_name PROGRAM: without the words before it
program_name()
{
	local word

	for word in $1; do
		[[ $word == @(driver|append):* ]] || break
	done
	printf '%s\n' "$word"
}

# plan_rows PROFILE SEED: the runs with the durations of the profile
plan_rows()
{
	local profile=$1 base=$2
	local row engines flavours scenarios duration repeat seed perturb waits r n=0
	local engine accel flavour set secs start label program name
	local -a programs

	perturb=$(sed -n 's/^# perturb: //p' "$HMMT_TOP/configs/profiles/$profile")
	perturb=${opt_perturb:-$(perturb_sets "${perturb:-$HMMT_PERTURB}")}
	mapfile -t programs < <(list_programs)
	while read -r row engines flavours scenarios duration repeat seed program; do
		secs=$(parse_duration "$duration") ||
			die "$EX_USAGE" "profile $profile, run $row: '$duration' is no duration"
		repeat=$(parse_count "$repeat" 1000) ||
			die "$EX_USAGE" "profile $profile, run $row: bad repeat count"
		start=$base
		if [ "$seed" != run ] && [ -z "$opt_seed" ]; then
			start=$(parse_seed "$seed") ||
				die "$EX_USAGE" "profile $profile, run $row: '$seed' is no seed"
		fi
		if [ "$scenarios" != - ] && [ -n "$program" ]; then
			die "$EX_USAGE" "profile $profile, run $row: scenarios or a program, not both"
		elif [ "$scenarios" = - ]; then
			name=$(program_name "$program")
			in_list "$name" "${programs[@]}" ||
				usage_die "guest program" "$name" "${programs[@]}"
		fi
		for ((r = 0; r < repeat; r++)); do
			while read -r set; do
			while read -r flavour; do
			while read -r engine accel; do
				n=$((n + 1))
				label=$row
				[[ $set == *,* || $set == - ]] || label=$set
				# what a program perturbs is its own matter
				waits=$perturb
				[ -z "$program" ] || waits=none
				printf '%d\t%03d-%s-%s-%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s%s\n' \
					"$n" "$n" "$engine" "$flavour" "$label" \
					"$engine" "$accel" "$flavour" "$set" \
					"$(((start + r) & 0x7fffffffffffffff))" \
					"$secs" "$waits" "${program:+$'\t'$program}"
			done < <(engines_of "${opt_engine:-$engines}")
			done < <(split_commas "${opt_flavour:-$flavours}")
			done < <(scenario_sets "$scenarios")
		done
	done < <(profile_rows "$profile")
}

# make_plan PROFILE SEED VMS [SECONDS]: --duration is the time that the whole
# campaign tortures, so the durations of the profile are scaled to fit into it
# with that many guests at once.
make_plan()
{
	plan_rows "$1" "$2" |
		awk -F'\t' -v OFS='\t' -v vms="$3" -v total="${4:-0}" '
		{ line[NR] = $0; sum += $8 }
		END {
			n = vms < NR ? vms : NR
			for (i = 1; i <= NR; i++) {
				$0 = line[i]
				if (total > 0) {
					$8 = int($8 * total * n / sum + 0.5)
					if ($8 < 1)
						$8 = 1
				}
				print
			}
		}'
}
