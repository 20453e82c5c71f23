# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# The options that run, bisect-step, replay and minimize share, as opt_* variables. Sourced.
# Nothing here touches the machine: a typing mistake costs no build.

readonly HMMT_ENGINES="det live kvm tcg both"
# Without an option and a word of the profile. Not all sets: waits everywhere cancel
# each other out, docs/perturb.md has the figures.
readonly HMMT_PERTURB=migrate
HMMT_OPTIONS="--ksrc --kernel --flavour --profile --scenario --engine --seed"
HMMT_OPTIONS+=" --duration --vms --cpus --mem --results --resume"
HMMT_OPTIONS+=" --perturb --stress --stop-on-fail --list --dry-run --help"
readonly HMMT_REPLAY_OPTIONS="--in --ksrc --kernel --flavour --engine --cpus --mem --results --help"
readonly HMMT_MINIMIZE_OPTIONS="--program --title --engine --vms --duration --results --help"

opt_ksrc=${KSRC:-}
opt_kernel=
opt_flavour=
opt_profile=smoke
opt_scenario=
opt_engine=
opt_seed=
opt_perturb=
opt_stress=
opt_duration=
opt_vms=2
opt_cpus=2
opt_mem=
opt_results=
opt_resume=
opt_signature=
opt_in=
opt_program=
opt_title=
opt_stop=0
opt_list=0
opt_dry_run=0

# Splits A,B into words, one line each
split_commas()
{
	local IFS=,
	local -a words

	read -r -a words <<<"$1"
	[ "${#words[@]}" -eq 0 ] || printf '%s\n' "${words[@]}"
}

# The torture program's own table; asking its source needs no compiler.
list_scenarios()
{
	sed -n 's/^[[:space:]]*\.name = "\([a-z0-9_-]*\)",\{0,1\}$/\1/p' \
		"$HMMT_TOP"/tools/torture/scenarios/*.c
}

# The programs that a guest has, from what builds them; hmm-tests is the tree's
list_programs()
{
	echo hmm-tests
	sed -n 's/^guest-progs[[:space:]]*+=//p' "$HMMT_TOP"/{tools,selftests}/*/Build.mk |
		tr -s '[:space:]' '\n' | grep -vxE '|init'
}

# A tree that cannot hold the code under test is the user's mistake, found
# before a build of minutes.
check_ksrc()
{
	local tree=$1

	[ -d "$tree" ] ||
		die "$EX_USAGE" "--ksrc: no such directory: $tree"
	if [ ! -f "$tree/Kbuild" ] || [ ! -f "$tree/mm/Kconfig" ] ||
	   ! grep -q '^VERSION = ' "$tree/Makefile" 2>/dev/null; then
		die "$EX_TREE" "--ksrc: not a kernel source tree: $tree"
	fi
	if ! grep -q '^config ZONE_DEVICE' "$tree/mm/Kconfig" ||
	   ! grep -qE '^(menu)?config TRANSPARENT_HUGEPAGE' "$tree/mm/Kconfig"; then
		die "$EX_TREE" "--ksrc: the tree has no ZONE_DEVICE or no THP: $tree"
	fi
	[ -f "$tree/mm/migrate_device.c" ] ||
		die "$EX_TREE" "--ksrc: the tree has no mm/migrate_device.c: $tree"
}

option_help()
{
	cat <<'END'
  --ksrc DIR        a kernel tree of yours (git or not), built out of tree
  --kernel SERIES   a series to fetch instead of the newest tested, such as 7.2
  --flavour F       kernel configuration: a file of configs/kernel
  --profile P       list of runs: a file of configs/profiles (default: smoke)
  --scenario A,B    only these scenarios
  --engine E        det, live (KVM if it works, else TCG), kvm, tcg, or both
  --seed N          0 .. 2^63-1, decimal or 0x hex (default: from the time)
  --perturb A,B     wait in the kernel functions of these sets of configs/perturb;
                    all, or none for no perturbation at all (default: migrate)
  --stress 'ARGS'   run stress-ng ARGS beside every torture, as in '--vm 1 --fork 1'
  --duration T      torture time of the whole campaign: 45s, 5m, 2h
  --vms N           guests at once (default: 2)
  --cpus N          CPUs of a guest, 1 .. 16 (default: 2)
  --mem SIZE        memory of a guest: 2G, 1536M
  --results DIR     where results go (default: results/ beside run.sh)
  --resume DIR      go on with a campaign that was cut
  --stop-on-fail    start no further run after a FAIL
  --list            list profiles, scenarios, flavours and engines
  --dry-run         print the plan; do nothing
END
}

list_perturb()
{
	local f

	for f in "$HMMT_TOP"/configs/perturb/*; do
		printf '%s\n' "${f##*/}"
	done
}

# perturb_sets WORD: names of sets, comma separated, or none
perturb_sets()
{
	local s
	local -a valid words

	mapfile -t valid < <(list_perturb)
	if [ "$1" = all ]; then
		list_perturb | paste -sd,
		return 0
	fi
	mapfile -t words < <(split_commas "$1")
	[ "${#words[@]}" -gt 0 ] || usage_die "perturbation" "$1" none all "${valid[@]}"
	for s in "${words[@]}"; do
		[ "$1" = none ] || in_list "$s" "${valid[@]}" ||
			usage_die "perturbation" "$s" none all "${valid[@]}"
	done
	printf '%s\n' "$1"
}

# needs_value OPTION COUNT-OF-WORDS-LEFT
needs_value()
{
	[ "$2" -ge 2 ] || die "$EX_USAGE" "$1 needs a value"
}

check_scenarios()
{
	local s
	local -a valid words

	mapfile -t valid < <(list_scenarios)
	mapfile -t words < <(split_commas "$1")
	[ "${#words[@]}" -gt 0 ] || usage_die scenario "$1" "${valid[@]}"
	for s in "${words[@]}"; do
		in_list "$s" "${valid[@]}" ||
			usage_die scenario "$s" "${valid[@]}"
	done
}

check_option()
{
	local -a valid

	case $1 in
	--ksrc) check_ksrc "$2" ;;
	--kernel)
		mapfile -t valid < <("$HMMT_TOP/tools/vm/fetch.sh" --list)
		in_list "$2" "${valid[@]}" ||
			usage_die "kernel series" "$2" "${valid[@]}" ;;
	--flavour)
		mapfile -t valid < <(list_flavours)
		in_list "$2" "${valid[@]}" ||
			usage_die flavour "$2" "${valid[@]}" ;;
	--profile)
		mapfile -t valid < <(list_profiles)
		in_list "$2" "${valid[@]}" ||
			usage_die profile "$2" "${valid[@]}" ;;
	--scenario) check_scenarios "$2" ;;
	--in) [ -d "$2" ] || die "$EX_USAGE" "--in: no such directory: $2" ;;
	--program) [ -f "$2" ] || die "$EX_USAGE" "--program: no such file: $2" ;;
	--engine)
		read -r -a valid <<<"$HMMT_ENGINES"
		in_list "$2" "${valid[@]}" ||
			usage_die engine "$2" "${valid[@]}" ;;
	esac
}

parse_value()
{
	local value

	case $1 in
	--seed)
		opt_seed=$(parse_seed "$2") ||
			die "$EX_USAGE" "--seed: '$2' is no seed, expected 0 .. 9223372036854775807 or 0x hex" ;;
	--duration)
		opt_duration=$(parse_duration "$2") ||
			die "$EX_USAGE" "--duration: '$2' is no duration, expected such as 45s, 5m or 2h" ;;
	--mem)
		opt_mem=$(parse_mem "$2") ||
			die "$EX_USAGE" "--mem: '$2' is no memory size of 512M or more, expected such as 2G or 1536M" ;;
	--cpus)
		opt_cpus=$(parse_count "$2" 16) ||
			die "$EX_USAGE" "--cpus: '$2' is no number of CPUs, expected 1 .. 16" ;;
	--vms)
		opt_vms=$(parse_count "$2" 256) ||
			die "$EX_USAGE" "--vms: '$2' is no number of guests, expected 1 .. 256" ;;
	--stress)
		[[ $2 == --[a-z]* && $2 != *[\"\'\`]* ]] ||
			die "$EX_USAGE" "--stress: '$2' are no options of stress-ng, expected such as '--vm 1 --fork 1'"
		opt_stress=$2 ;;
	--perturb) opt_perturb=$(perturb_sets "$2") ;;
	--ksrc) opt_ksrc=$2 ;;
	--kernel) opt_kernel=$2 ;;
	--flavour) opt_flavour=$2 ;;
	--profile) opt_profile=$2 ;;
	--scenario) opt_scenario=$2 ;;
	--engine) opt_engine=$2 ;;
	--results) opt_results=$2 ;;
	--resume) opt_resume=$2 ;;
	--signature) opt_signature=$2 ;;
	--in) opt_in=$2 ;;
	--program) opt_program=$2 ;;
	--title) opt_title=$2 ;;
	esac
	check_option "$1" "$2"
}

# after all of them
check_tree_options()
{
	[ -z "$opt_ksrc" ] || check_ksrc "$opt_ksrc"
	[ -z "$opt_ksrc" ] || [ -z "$opt_kernel" ] ||
		die "$EX_USAGE" "--ksrc and --kernel exclude each other"
}

# parse_options VERB WORD...
parse_options()
{
	local verb=$1 known=$HMMT_OPTIONS

	shift
	case $verb in
	bisect-step) known="$known --signature" ;;
	replay) known=$HMMT_REPLAY_OPTIONS ;;
	minimize) known=$HMMT_MINIMIZE_OPTIONS ;;
	esac
	# --opt=value is --opt value
	while [ $# -gt 0 ]; do
		case $1 in
		--*=*)
			set -- "${1%%=*}" "${1#*=}" "${@:2}"
			continue ;;
		--help | -h) exec "$HMMT_TOP/run.sh" "$verb" --help ;;
		-*)
			# the list is words, one line
			# shellcheck disable=SC2086
			in_list "$1" $known || usage_die option "$1" $known ;;
		esac
		case $1 in
		--stop-on-fail) opt_stop=1 ;;
		--list) opt_list=1 ;;
		--dry-run) opt_dry_run=1 ;;
		--ksrc | --kernel | --flavour | --profile | --scenario | \
		--engine | --seed | --perturb | --stress | --duration | --vms | --cpus | --mem | \
		--results | --resume | --signature | --in | --program | --title)
			needs_value "$1" $#
			parse_value "$1" "$2"
			shift ;;
		*)
			die "$EX_USAGE" "$verb takes no argument '$1', only options; see --help" ;;
		esac
		shift
	done
	check_tree_options
}

print_lists()
{
	local f

	printf 'profiles:\n'
	while read -r f; do
		printf '  %-10s %s\n' "$f" \
			"$(sed -n '2s/^# *//p' "$HMMT_TOP/configs/profiles/$f")"
	done < <(list_profiles)
	printf 'scenarios: %s\n' "$(list_scenarios | paste -sd' ')"
	printf 'flavours:  %s\n' "$(list_flavours | paste -sd' ')"
	printf 'engines:   %s\n' "$HMMT_ENGINES"
	printf 'perturb:   none all %s\n' "$(list_perturb | paste -sd' ')"
}
