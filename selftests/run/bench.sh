#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# stage: guest
# The benchmark in its short form: exact in the det engine, and not fooled by
# data that is not the same. On a kernel that other tests have, too: what DEBUG_VM costs
# there must be less than a tenth of each target, which are for the flavour PERF.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"
# shellcheck source=selftests/guest.sh
. "$HMMT_TOP/selftests/guest.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

rc=0
"$HMMT_TOP/run.sh" bench --engine det --rounds 1 --kernel 7.3 --flavour LIGHT --results "$tmp/run" >"$tmp/out" 2>&1 || rc=$?
ktap_equal "status" "$rc" 0
[ "$rc" -eq 0 ] || ktap_diag "$(tail -n 5 "$tmp/out")"
table=$(cat "$tmp"/run/*-bench/det/table.txt 2>/dev/null || true)
ktap_match "a row for each direction" "$table" "THP to device .*THP to system, ioctl .*CPU fault "
ktap_match "targets are told" "$table" "THP to device, stock / ours: [0-9.]+, target at least 6"
# Instructions are counted: what is reached here is reached everywhere.
far=$(sed -nE 's/^ +(ok|MISS) +(.*): ([0-9.]+), target at (least|most) ([0-9.]+)$/\3 \4 \5 \2/p' <<<"$table" |
	awk '{ n++ } $2 == "least" ? $1 < 0.9 * $3 : $1 > 1.1 * $3 { print }
	     END { print n " targets" }')
ktap_equal "no target is missed by a tenth" "$far" "6 targets"
[ "$far" = "6 targets" ] || ktap_diag "$table"

guest_image LIGHT "$("$vm/fetch.sh" --kernel 7.3)"
guest_boot "$tmp/bust" -- driver:none hmmt-bench 1 bust >"$tmp/out" 2>&1 || true
ktap_match "changed data is noticed" "$(cat "$tmp/bust/results.log")" \
	"the data is not the same.*not ok 1 bench"
ktap_end
