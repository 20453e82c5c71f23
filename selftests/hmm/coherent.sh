#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# stage: guest
# Device-coherent devices, on memory that the guest's kernel leaves alone.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"
vm=$HMMT_TOP/tools/vm

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
tools=$("$vm/tools.sh")
build=$("$vm/kernel.sh" --ksrc "$("$vm/fetch.sh")")
image=$("$vm/image.sh" --tools "$tools" --build "$build")

# 128 MiB at 512 MiB, half for each of two devices of 32 chunks
rc=0
# shellcheck disable=SC2016 # the kernel's $
"$vm/boot.sh" --dir "$tmp/run" --tools "$tools" --build "$build" --image "$image" \
	--mem 1024 --expect selftest --flavour DEBUG --quiet --append 'memmap=128M$512M' -- \
	driver:chunks=32 driver:spm_addr_dev0=0x20000000 driver:spm_addr_dev1=0x24000000 \
	hmm-uapi >"$tmp/out" 2>&1 || rc=$?
ktap_equal "guest ends" "$rc" 0
"$tools/host/hmmt-judge" run "$tmp/run" --known "$HMMT_TOP/configs/known" >>"$tmp/out" 2>&1 || true
ktap_match "verdict" "$(cat "$tmp/run/verdict.json")" '"verdict": "(PASS|KNOWN)"'
results=$(grep -aE '^(not ok|ok|#) ' "$tmp/run/results.log" || true)
ktap_match "coherent memory is used" "$results" 'ok [0-9]+ hmm.coherent'
ktap_equal "nothing fails, coherent is not skipped" \
	"$(grep -aE '^not ok|hmm.coherent # SKIP' <<<"$results" || true)" ""
ktap_end
