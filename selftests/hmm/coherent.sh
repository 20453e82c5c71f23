#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# stage: guest
# Device-coherent devices, on memory that the guest's kernel leaves alone.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"
# shellcheck source=selftests/guest.sh
. "$HMMT_TOP/selftests/guest.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
guest_image DEBUG

# 128 MiB at 512 MiB, half for each of two devices of 32 chunks
rc=0
# shellcheck disable=SC2016 # the kernel's $
guest_boot "$tmp/run" --append 'memmap=128M$512M' -- \
	driver:chunks=32 driver:spm_addr_dev0=0x20000000 driver:spm_addr_dev1=0x24000000 \
	hmm-uapi >"$tmp/out" 2>&1 || rc=$?
ktap_equal "guest ends" "$rc" 0
"$tools/host/hmmt-judge" run "$tmp/run" --known "$HMMT_TOP/configs/known" >>"$tmp/out" 2>&1 || true
ktap_match "verdict" "$(cat "$tmp/run/verdict.json")" '"verdict": "(PASS|KNOWN)"'
results=$(grep -aE '^(not ok|ok|#) ' "$tmp/run/results.log" || true)
ktap_match "coherent memory is used" "$results" 'ok [0-9]+ hmm.coherent'$'\n'
ktap_match "... and goes" "$results" 'ok [0-9]+ hmm.coherent_unplug'
ktap_equal "nothing fails, coherent is not skipped" \
	"$(grep -aE '^not ok|hmm.coherent # SKIP' <<<"$results" || true)" ""
ktap_end
