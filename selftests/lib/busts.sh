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

without=$(known_without "$(cat "$build/hmmt/release")")
: >"$tmp/results"

# guest SEED FIRST: the mistakes from number FIRST on, their lines in $tmp/results; fails if the
# guest did not come to its end
guest()
{
	local dir=$tmp/$1 rc=0

	"$vm/boot.sh" --dir "$dir" --tools "$tools" --build "$build" --image "$image" \
		--seed "$1" --mem 1024 --expect selftest --flavour DEBUG --quiet \
		--append numa=fake=2 -- hmm-busts guest /bin/torture "$2" "$without" \
		>"$tmp/out" 2>&1 || rc=$?
	[ "$rc" -eq 0 ] || ktap_diag "exit status $rc" "$(cat "$tmp/out")" \
		"$(tail -n 4 "$dir/console.log")"
	grep -a '^[^{]' "$dir/results.log" >>"$tmp/results" || true
	grep -q '^HMMT-END' "$dir/results.log"
}

# Whom a known issue of the kernel ends, another one goes on for, with the mistake that
# was under way.
readonly GUESTS=8
first=1
for ((seed = 0; seed < GUESTS; seed++)); do
	! guest "$seed" "$first" || break
	verdict=$("$tools/host/hmmt-judge" run "$tmp/$seed" --known "$HMMT_TOP/configs/known" |
		head -n 1) || true
	ktap_diag "guest $seed: $verdict"
	[[ $verdict == KNOWN:* ]] || break
	first=$(($(grep -acE '^(not )?ok ' "$tmp/results" || true) + 1))
done
# Its own lines count, and that the last guest came to its end.
grep -E '^(not ok|ok|#) ' "$tmp/results" || true
ktap_n=$(grep -cE '^(not )?ok ' "$tmp/results" || true)
ktap_failed=$(grep -cE '^not ok ' "$tmp/results" || true)
ktap_equal "results of all of them" "$ktap_n" \
	"$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$tmp/results" | head -n 1)"
ktap_end
