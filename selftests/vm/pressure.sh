#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# stage: guest
# stress-ng beside the torture in a guest: it works, and what becomes of it is told.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# pressed ARGS DURATION: the verdict, and what it says of stress-ng
pressed()
{
	"$HMMT_TOP/run.sh" --engine det --scenario zero-and-holes --duration "$2" --seed 1 \
		--results "$tmp/results" --stress "$1" >"$tmp/out" 2>&1 || true
	verdict=$(grep -h '^INCONCLUSIVE\|^PASS\|^FAIL\|^KNOWN' "$tmp/out" | tail -n 1)
	said=$(grep -h 'stress-ng' "$tmp"/results/latest/*/verdict.json || true)
}

pressed '--fork 1 --fork-max 1 --vdso 1' 8s
ktap_match "both stressors did something" "$said" \
	'fork did [1-9][0-9]* bogo.*vdso did [1-9][0-9]* bogo'
ktap_match "the torture has a verdict beside it" "$verdict: $(tail -n 20 "$tmp/out")" '^(PASS|KNOWN)'
# so short that no known issue comes first, which would be the verdict
pressed '--frobnicate 1' 1s
ktap_match "options that it does not have" "$verdict: $said" \
	'^INCONCLUSIVE: .*stress-ng ended with status [1-9]'
ktap_end
