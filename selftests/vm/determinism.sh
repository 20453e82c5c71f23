#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# stage: guest
# The det engine keeps its word: the same torture with the same seed prints the
# same bytes on an idle host, on one with every core busy and on those of badhost.c; and
# another seed takes another schedule, even if it is only that of the waits in the kernel.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"
# shellcheck source=selftests/guest.sh
. "$HMMT_TOP/selftests/guest.sh"

# what is kept of such guests, by tools/vm/once.sh, is worth what is seen here
unset HMMT_ONCE
tmp=$(mktemp -d)
busy=()

end_busy()
{
	[ "${#busy[@]}" -eq 0 ] || kill "${busy[@]}" 2>/dev/null || true
	busy=()
}

clean()
{
	end_busy
	rm -rf "$tmp"
}
trap clean EXIT
trap 'exit 130' INT TERM

# One loop for each core, and one more
load_host()
{
	local i

	for ((i = 0; i <= $(nproc); i++)); do
		(while :; do :; done) &
		busy+=($!)
	done
}

# boot NAME SEED PERTURB-SEED: what shows the TLB, and a short torture of everything, perturbed
boot()
{
	guest_boot "$tmp/$1" --seed "$2" --expect torture -- \
		tlb-look + torture --seed "$2" --duration 3s --scenario everything \
		--perturb migrate,fault,rmap,split,layout --perturb-seed "$3" --without "$without" \
		>"$tmp/$1.log" 2>&1
}

# same NAME A B FILE
same()
{
	local at

	if at=$(cmp "$tmp/$2/$4" "$tmp/$3/$4" 2>&1); then
		ktap_pass "$1"
	else
		ktap_fail "$1" "$at
$(diff -a "$tmp/$2/$4" "$tmp/$3/$4" | head -n 6 | cut -c 1-200)"
	fi
}

guest_image LIGHT
# as a run does it: three seconds must not end with the first known issue
without=$(known_without "$(cat "$build/hmmt/release")")

for run in "idle 7 7" "loaded 7 7" "awake 7 7" "hasty 7 7" "other 8 8" "waits 7 8"; do
	read -r name seed waits <<<"$run"
	[ "$name" != loaded ] || load_host
	[[ $name != @(awake|hasty) ]] ||
		export LD_PRELOAD=$tools/host/badhost.so HMMT_BADHOST=$name
	# A kernel that panics is an end too, the same one each time.
	if boot "$name" "$seed" "$waits" && grep -qaE '^HMMT-END rc=|Kernel panic' \
		"$tmp/$name/results.log" "$tmp/$name/console.log"; then
		ktap_pass "guest reached its end: $name"
	else
		ktap_fail "guest reached its end: $name" \
			"$(tail -n 5 "$tmp/$name.log" "$tmp/$name/console.log" 2>&1)"
	fi
	end_busy
	unset LD_PRELOAD HMMT_BADHOST
done
for name in awake hasty; do
	ktap_match "the host was bad: $name" "$(cat "$tmp/$name/qemu.log")" "^badhost: $name\$"
done
ktap_match "the guest looked at its TLB" "$(cat "$tmp/idle/results.log")" '# round 99: [1-9]'
for name in loaded awake hasty; do
	same "same console: $name" idle "$name" console.log
	same "same results: $name" idle "$name" results.log
done

# The counters of the guest's scheduler, not the seed that it prints; and when
# the kernel spoke last, for a guest that did not come to print them
schedule()
{
	{
		grep -aE '^# guest (interrupts|context)' "$tmp/$1/results.log" || true
		tail -n 1 "$tmp/$1/console.log"
	} | paste -sd' '
}

for name in other waits; do
	if [ "$(schedule idle)" != "$(schedule "$name")" ]; then
		ktap_pass "another seed, another schedule: $name"
	else
		ktap_fail "another seed, another schedule: $name" "$(schedule idle)"
	fi
done
(cd "$tmp/idle" && ./replay.sh) >"$tmp/replay.log" 2>&1 || true
ktap_match "the bundle replays to the same bytes" "$(tail -n 1 "$tmp/replay.log")" "byte for byte"
ktap_end
