#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: races.sh [--trials N] [--race A,B] [--engine A,B] [--perturb A,B]
#	[--ksrc DIR | --kernel SERIES] [--results DIR]
#
# What perturbation is worth: how many of N trials (50) hit each race of
# tools/perturb/hmm-race.c, without waits in the kernel and with those of sets of
# configs/perturb (the default of a run), in the engines det and live.
# A trial that the guest does not survive is a hit; another guest makes the rest.
# The race pgtable-leak needs a tree that has this bug of selftests/corpus: --ksrc.
set -euo pipefail

HMMT_TOP=${HMMT_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=tools/campaign/options.sh
. "$HMMT_TOP/tools/campaign/options.sh"
# shellcheck source=tools/campaign/prepare.sh
. "$HMMT_TOP/tools/campaign/prepare.sh"

trials=50 races=collect-split,collect-get,zap-migration engines=det,live perturb=$HMMT_PERTURB
results=$HMMT_TOP/results/races-$(date +%Y%m%d-%H%M%S)

# trials_of RACE ENGINE SET...: "HITS of TRIALS", with the boots that it took
trials_of()
{
	local race=$1 engine=$2 made=0 hits=0 boots=0 pauses=24 dir log n
	shift 2

	[ "$engine" = det ] || pauses=400
	while [ "$made" -lt "$trials" ]; do
		boots=$((boots + 1))
		dir=$results/$race-$engine-${1:+perturbed-}$boots
		vm boot --dir "$dir" --tools "$tools_dir" --build "$build_dir" --image "$image_file" \
			--engine "$engine" --seed "$made" --mem "$PREPARE_GUEST_MIB" --expect selftest \
			--flavour DEBUG --quiet -- hmm-race "$race" "$((trials - made))" "$((made + 1))" \
			"$pauses" "$@" </dev/null >"$dir.log" 2>&1 || true
		log=$dir/results.log
		n=$(grep -c '^# trial ' "$log" 2>/dev/null) || true
		if [ "${n:-0}" -eq 0 ] || grep -qE '^not ok|^Bail out' "$log"; then
			printf 'no trial was made, see %s\n' "$dir"
			return 0
		fi
		made=$((made + n))
		hits=$((hits + $(grep -c '^# hit ' "$log" || true)))
		# the last one ended the guest
		grep -q '^HMMT-END' "$log" || hits=$((hits + 1))
	done
	printf '%d of %d (%d boots)\n' "$hits" "$made" "$boots"
}

main()
{
	local race engine
	local -a sets

	while [ $# -gt 0 ]; do
		case $1 in
		--trials) trials=$(parse_count "${2:-}" 1000) || die "$EX_USAGE" "--trials: 1 to 1000" ;;
		--race) races=${2:?} ;;
		--engine) engines=${2:?} ;;
		--perturb) perturb=$(perturb_sets "${2:-}") ;;
		--ksrc) parse_value "$1" "${2:?}" && check_ksrc "$opt_ksrc" ;;
		--kernel) parse_value "$1" "${2:?}" ;;
		--results) results=${2:?} ;;
		*) usage_die option "$1" --trials --race --engine --perturb --ksrc --kernel --results ;;
		esac
		shift 2
	done
	mapfile -t sets < <(split_commas "$perturb")
	prepare_host
	prepare_tools
	prepare_source
	prepare_flavour DEBUG
	mkdir -p "$results"
	printf '%-16s %-5s %-24s %s\n' race engine without perturbed
	while read -r race; do
		while read -r engine; do
			printf '%-16s %-5s %-24s %s\n' "$race" "$engine" "$(trials_of "$race" "$engine")" \
				"$(trials_of "$race" "$engine" "${sets[@]}")"
		done < <(split_commas "$engines")
	done < <(split_commas "$races")
}

main "$@"
