# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# A profile and the user's options become a plan: one line a run, tab separated
# whose columns are PLAN_COLUMNS of lib.sh. NAME is also the run's directory. KERNEL is a
# series to fetch, or "own": the tree of --ksrc. SCENARIOS is "-" where the guest does not
# torture but runs PROGRAM, a guest program and its arguments.
# Beside SCENARIOS it is "& ARGS": what stress-ng does meanwhile. The words of a program:
#	driver:KEY=VALUE	before it: for the driver, see tools/guest/init.c
#	append:KEY=VALUE	before it: for the kernel
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

# default_kernel: what runs are for where nothing else is said
default_kernel()
{
	if [ -n "$opt_ksrc${KDIR:-}" ]; then
		echo own
	else
		printf '%s\n' "${opt_kernel:-$("$HMMT_TOP/tools/vm/fetch.sh" --default)}"
	fi
}

# kernels_of WORD: default, all, or series A,B. Who names a kernel gets every run with
# that one, and once.
kernels_of()
{
	local series
	local -a valid

	if [ "$1" = default ] || [ -n "$opt_ksrc${KDIR:-}$opt_kernel" ]; then
		default_kernel
		return 0
	fi
	mapfile -t valid < <("$HMMT_TOP/tools/vm/fetch.sh" --list)
	if [ "$1" = all ]; then
		printf '%s\n' "${valid[@]}"
		return 0
	fi
	while read -r series; do
		in_list "$series" "${valid[@]}" || usage_die kernel "$series" default all "${valid[@]}"
		printf '%s\n' "$series"
	done < <(split_commas "$1")
}

# plan_rows PROFILE SEED: the runs with the durations of the profile
# shellcheck disable=SC2034 # what plan_print prints
plan_rows()
{
	local profile=$1 base=$2
	local row engines kernels flavours sets duration repeat first sets_waits r
	local start label usual guest_program
	local scenario_lines kernel_lines engine_lines
	local number=0 name engine accel kernel flavour scenarios seed seconds perturb program
	local -a programs

	usual=$(default_kernel)
	sets_waits=$(sed -n 's/^# perturb: //p' "$HMMT_TOP/configs/profiles/$profile")
	sets_waits=${opt_perturb:-$(perturb_sets "${sets_waits:-$HMMT_PERTURB}")} || exit
	mapfile -t programs < <(list_programs)
	while read -r row engines kernels flavours sets duration repeat first program; do
		seconds=$(parse_duration "$duration") ||
			die "$EX_USAGE" "profile $profile, run $row: '$duration' is no duration"
		repeat=$(parse_count "$repeat" 1000) ||
			die "$EX_USAGE" "profile $profile, run $row: bad repeat count"
		start=$base
		if [ "$first" != run ] && [ -z "$opt_seed" ]; then
			start=$(parse_seed "$first") ||
				die "$EX_USAGE" "profile $profile, run $row: '$first' is no seed"
		fi
		[ "$sets" = - ] || [ -z "$opt_stress" ] || program="& $opt_stress"
		if [ "$sets" != - ] && [ -n "$program" ] && [[ $program != "& "* ]]; then
			die "$EX_USAGE" "profile $profile, run $row: scenarios or a program, not both"
		elif [ "$sets" = - ]; then
			guest_program=$(program_name "$program")
			in_list "$guest_program" "${programs[@]}" ||
				usage_die "guest program" "$guest_program" "${programs[@]}"
		fi
		kernel_lines=$(kernels_of "$kernels") || exit
		engine_lines=$(engines_of "${opt_engine:-$engines}") || exit
		scenario_lines=$(scenario_sets "$sets") || exit
		[ -n "$scenario_lines" ] || continue
		# what a program perturbs is its own matter
		perturb=$sets_waits
		[ "$sets" != - ] || perturb=none
		for ((r = 0; r < repeat; r++)); do
			seed=$(((start + r) & 0x7fffffffffffffff))
			while read -r scenarios; do
			while read -r kernel; do
			while read -r flavour; do
			while read -r engine accel; do
				number=$((number + 1))
				label=$row
				[[ $scenarios == *,* || $scenarios == - ]] || label=$scenarios
				[ "$kernel" = "$usual" ] || label=$label-$kernel
				printf -v name '%03d-%s-%s-%s' "$number" "$engine" "$flavour" "$label"
				plan_print
			done <<<"$engine_lines"
			done < <(split_commas "${opt_flavour:-$flavours}")
			done <<<"$kernel_lines"
			done <<<"$scenario_lines"
		done
	done < <(profile_rows "$profile")
}

# make_plan PROFILE SEED VMS [SECONDS]: --duration is the time that the whole
# campaign tortures, so the durations of the profile are scaled to fit into it
# with that many guests at once.
make_plan()
{
	local columns=" $PLAN_COLUMNS " before

	before=${columns%% seconds *}
	# shellcheck disable=SC2086 # words to count
	set -- "$@" "$(set -- $before && echo $(($# + 1)))"
	plan_rows "$1" "$2" |
		awk -F'\t' -v OFS='\t' -v vms="$3" -v total="${4:-0}" -v at="$5" '
		{ line[NR] = $0; sum += $at }
		END {
			n = vms < NR ? vms : NR
			for (i = 1; i <= NR; i++) {
				$0 = line[i]
				if (total > 0) {
					$at = int($at * total * n / sum + 0.5)
					if ($at < 1)
						$at = 1
				}
				print
			}
		}'
}
