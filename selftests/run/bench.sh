#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# stage: guest
# The benchmark in its short form: exact in the det engine, and not fooled by
# data that is not the same.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"
# shellcheck source=selftests/guest.sh
. "$HMMT_TOP/selftests/guest.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

rc=0
"$HMMT_TOP/run.sh" bench --engine det --rounds 1 --results "$tmp/run" >"$tmp/out" 2>&1 || rc=$?
ktap_equal "status" "$rc" 0
[ "$rc" -eq 0 ] || ktap_diag "$(tail -n 5 "$tmp/out")"
table=$(cat "$tmp/run/det/table.txt" 2>/dev/null || true)
ktap_match "a row for each direction" "$table" "THP to device .*THP to system, ioctl .*CPU fault "
ktap_match "targets are told" "$table" "THP to device, stock / ours: [0-9.]+, target at least 6"
# Instructions are counted: what is reached here is reached everywhere.
ktap_equal "no target is missed" "$(grep -c MISS <<<"$table" || true)" 0
[ -z "$(grep MISS <<<"$table" || true)" ] || ktap_diag "$table"

guest_image PERF
guest_boot "$tmp/bust" -- driver:none hmmt-bench 1 bust >"$tmp/out" 2>&1 || true
ktap_match "changed data is noticed" "$(cat "$tmp/bust/results.log")" \
	"the data is not the same.*not ok 1 bench"
ktap_end
