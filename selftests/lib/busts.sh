#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# stage: guest
# The deliberate mistakes that need a device, in the det engine. Those of the flavour
# SOFTDIRTY are in the profile nightly.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"
vm=$HMMT_TOP/tools/vm

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
tools=$("$vm/tools.sh")
build=$("$vm/kernel.sh" --ksrc "$("$vm/fetch.sh")")
image=$("$vm/image.sh" --tools "$tools" --build "$build")

rc=0
"$vm/boot.sh" --dir "$tmp/run" --tools "$tools" --build "$build" --image "$image" \
	--mem 1024 --expect selftest --flavour DEBUG --quiet --append numa=fake=2 -- \
	hmm-busts guest /bin/torture "$(known_without "$(cat "$build/hmmt/release")")" \
	>"$tmp/out" 2>&1 || rc=$?
[ "$rc" -eq 0 ] || ktap_diag "exit status $rc" "$(cat "$tmp/out")" "$(tail -n 4 "$tmp/run/console.log")"
# Its own lines count, and that the guest came to its end.
grep -aE '^(not ok|ok|#) ' "$tmp/run/results.log" || true
ktap_n=$(grep -acE '^(not )?ok ' "$tmp/run/results.log" || true)
ktap_failed=$(grep -acE '^not ok ' "$tmp/run/results.log" || true)
ktap_equal "results of all of them" "$ktap_n" \
	"$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$tmp/run/results.log" | head -n 1)"
ktap_end
