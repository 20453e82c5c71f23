#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# stage: guest
# The driver loads in guests made by run.sh, elsewhere only when told to. The
# other machine is such a guest without the word that run.sh boots it with.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"
# shellcheck source=selftests/guest.sh
. "$HMMT_TOP/selftests/guest.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
guest_image DEBUG

# boot NAME WORDS...: a run of WORDS, then the same where nobody asked for it
boot()
{
	local name=$1

	shift
	guest_boot "$tmp/$name" -- "$@" >"$tmp/$name.out" 2>&1 || true
	sed -i 's/ *\\\? *hmmtorture.guest=1//' "$tmp/$name/replay.sh"
	ktap_equal "$name: another machine" \
		"$(grep -c hmmtorture.guest "$tmp/$name/replay.sh" || true)" 0
	"$tmp/$name/replay.sh" "$tmp/$name.again" >"$tmp/$name.out" 2>&1 || true
	console=$tmp/$name.again/console.log results=$tmp/$name.again/results.log
}

boot asked-for torture --list
ktap_match "run.sh's guest: loaded" "$(cat "$tmp/asked-for/console.log")" "test_hmm: [0-9]+ devices"
ktap_match "elsewhere: refused, and how to" "$(cat "$console")" \
	"test_hmm: made to provoke kernel bugs.* set i_know_this_may_crash=1"
ktap_equal "elsewhere: no device" "$(grep -cE 'test_hmm: [0-9]+ devices' "$console" || true)" 0
ktap_match "elsewhere: not a green end" "$(cat "$results")" "HMMT-END rc=126"

boot told driver:i_know_this_may_crash=1 torture --list
ktap_match "elsewhere, told: loaded" "$(cat "$console")" "test_hmm: [0-9]+ devices"
ktap_match "elsewhere, told: went on" "$(cat "$results")" "HMMT-END rc=0"
ktap_end
