#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: scaling.sh [--guests N] [--duration T] [--build DIR]
#
# What N det guests at once (2) do in the time of one: the same run, so the same
# instructions, first alone and then N times side by side. On a machine that does
# something else as well the number means nothing; its load is printed with it.
# Also what the torture program takes beside the kernel and the regions.
set -euo pipefail

HMMT_TOP=${HMMT_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=tools/campaign/prepare.sh
. "$HMMT_TOP/tools/campaign/prepare.sh"

guests=2 duration=10s

# at_once N: milliseconds until the last of N guests was done
at_once()
{
	local n=$1 i start=${EPOCHREALTIME/./}
	local -a pids=()

	for ((i = 1; i <= n; i++)); do
		vm boot --dir "$tmp/$n-$i" --tools "$tools_dir" --build "$build_dir" \
			--image "$image_file" --engine det --mem "$PREPARE_GUEST_MIB" --expect torture \
			--flavour DEBUG --quiet -- torture --scenario mremap --duration "$duration" \
			--keep-going </dev/null >"$tmp/log" 2>&1 &
		pids+=($!)
	done
	# that a stock kernel's bug was found is no matter here
	for i in "${pids[@]}"; do wait "$i" || true; done
	grep -q '^HMMT-END' "$tmp/$n-$n/results.log" || die "$EX_NOVERDICT" "the guest did not come to its end"
	printf '%d\n' $(((${EPOCHREALTIME/./} - start) / 1000))
}

main()
{
	local one many load

	while [ $# -gt 0 ]; do
		case $1 in
		--guests) guests=$(parse_count "${2:-}" 64) || die "$EX_USAGE" "--guests: 1 to 64" ;;
		--duration) duration=${2:?} ;;
		--build) build_dir=${2:?} ;;
		*) usage_die option "$1" --guests --duration --build ;;
		esac
		shift 2
	done
	prepare_host
	prepare_tools
	if [ -n "${build_dir:-}" ]; then
		image_file=$(vm image --tools "$tools_dir" --build "$build_dir")
	else
		prepare_source
		prepare_flavour DEBUG
	fi
	tmp=$(mktemp -d)
	trap 'rm -rf "$tmp"' EXIT
	read -r load _ </proc/loadavg
	one=$(at_once 1)
	many=$(at_once "$guests")
	printf 'one guest %d ms, %d at once %d ms: %d.%02d times the work (load before: %s)\n' \
		"$one" "$guests" "$many" $((guests * one / many)) \
		$((guests * one * 100 / many % 100)) "$load"
	sed -n 's/.*"cost":{"user_ms":\([0-9]*\),"system_ms":\([0-9]*\),"supervisor_kb":\([0-9]*\),"round_kb":\([0-9]*\)}.*/\1 \2 \3 \4/p' \
		"$tmp/1-1/results.log" | while read -r user system supervisor round; do
		printf 'CPU time in the kernel %d.%d percent, memory beside the regions %d KiB\n' \
			$((system * 100 / (user + system))) $((system * 1000 / (user + system) % 10)) \
			$((supervisor + round))
	done
}

main "$@"
