#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What selftests/verdict.sh makes of saved guests: only a kernel's own report in the
# live engine may be a skip.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"
# shellcheck source=selftests/verdict.sh
. "$HMMT_TOP/selftests/verdict.sh"

HMMT_JUDGE=${HMMT_JUDGE:-$("$HMMT_TOP/tools/vm/tools.sh")/host/hmmt-judge}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# is FIXTURE ENGINE WORD
is()
{
	local dir=$tmp/$1-$2

	cp -r "$HMMT_TOP/selftests/judge/fixtures/$1" "$dir"
	sed -i "s/\"engine\": *\"[a-z]*\"/\"engine\": \"$2\"/" "$dir/run.json"
	"$HMMT_JUDGE" run "$dir" --known "$HMMT_TOP/configs/known" >/dev/null 2>&1 || true
	ktap_match "$1, $2: $3" "$(stock_verdict "$dir")" "^$3"
}

is pass det pass
is pass live pass
is splat-kasan live skip
is splat-kasan det fail
is driver-kasan live fail
is fail-oracle live fail
is fail-selftest live fail
is fail-livelock-stalled live fail
is lost-slow live fail
is lost-killed det fail
is inconclusive-oracle live fail
is skip-all live skip
mkdir "$tmp/nothing"
ktap_match "no verdict at all" "$(stock_verdict "$tmp/nothing")" "^fail no verdict"
ktap_end
