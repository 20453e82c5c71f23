#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# stage: guest
# A failing run in det, from its journal to a program, a smaller one, and a C test
# that compiles in the tree. The failure is a mistake that takes several ops
# (--bust moved), so that the kernel cannot spoil it.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"
# shellcheck source=selftests/guest.sh
. "$HMMT_TOP/selftests/guest.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
guest_image DEBUG
# the very tree that it was built from
ksrc=$(realpath "$build/source")
title='wrong slot: stale sequence'

title_of()
{
	sed -n 's/^ *"title": "\(.*\)",$/\1/p' "$1/verdict.json" | head -n 1
}

# One worker: what a mistake is found as must not depend on the schedule.
# No device: what a stock kernel does with device pages is not tested here.
guest_boot "$tmp/run" --seed 5 --expect torture --append numa=fake=2 -- \
	torture --seed 5 --workers 1 --duration 2s --round-ms 1000 --scenario mremap --no-device \
	--bust moved >"$tmp/run.log" 2>&1 || true
"$tools/host/hmmt-judge" run "$tmp/run" >"$tmp/judge.log" 2>&1 || true
found=$(title_of "$tmp/run")
ktap_match "the mistake is found" "$found" '^wrong slot: '
ktap_match "the run has a program" "$(head -n 2 "$tmp/run/program.txt" | paste -sd'|')" \
	"^# $found\|hmmtorture program 1"

rc=0
"$HMMT_TOP/run.sh" replay "$tmp/run/program.txt" --in "$tmp/run" --results "$tmp" \
	>"$tmp/replay.log" 2>&1 || rc=$?
ktap_match "replay of it fails the same way" "exit $rc: $(cat "$tmp/replay.log")" \
	"^exit 1: .*FAIL: $found"
ktap_match "... with the parameters of the kernel" "$(cat "$tmp"/replay-*-program/cmdline)" \
	' numa=fake=2 -- '
rc=0
"$HMMT_TOP/run.sh" replay "$tmp/run" --results "$tmp" >"$tmp/replay.log" 2>&1 || rc=$?
ktap_match "replay of the run" "exit $rc: $(grep -v differs "$tmp/replay.log" | paste -sd' ')" \
	"^exit 0: .*console and results, byte for byte.*replayed: the same verdict"
ktap_match "... with the same command line" "$(grep -c differs "$tmp/replay.log" || true)" '^0$'

# A shorter one to shrink: of these ops two moves by one worker are enough, a look
# at what came of them is taken at the end of each round.
cat >"$tmp/long" <<'END'
hmmtorture program 1
workers 2
devices 0
regions thp:2
bust moved
ops
1 read 11
0 mremap 0 0 512
0 mremap 0 1
1 sweep 14
end 4
END
guest_boot "$tmp/short" --expect torture --program "$tmp/long" -- \
	torture --program /program --trace draws >"$tmp/short.log" 2>&1 || true
"$tools/host/hmmt-judge" run "$tmp/short" >"$tmp/judge.log" 2>&1 || true
ktap_equal "a program by hand fails" "$(title_of "$tmp/short")" "$title"
rc=0
"$HMMT_TOP/run.sh" minimize "$tmp/short" --results "$tmp" >"$tmp/minimize.log" 2>&1 || rc=$?
best=$(echo "$tmp"/minimize-*-short/program.txt)
ktap_match "minimize" "exit $rc: $(tail -n 4 "$tmp/minimize.log")" \
	"^exit 0: .*C test .*/test.c$"
ops=$(sed -n 's/^end //p' "$best" 2>/dev/null || echo 99)
if [ "$ops" -ge 1 ] && [ "$ops" -le 3 ]; then
	ktap_pass "minimize: a handful of ops"
else
	ktap_fail "minimize: a handful of ops" "$(cat "$best" "$tmp/minimize.log" 2>&1)"
fi
moves=$(grep -c '^0 mremap' "$best" 2>/dev/null || true)
if [ "${moves:-0}" -ge 2 ]; then
	ktap_pass "minimize: two moves are needed"
else
	ktap_fail "minimize: two moves are needed" "$(paste -sd'|' "$best" 2>&1)"
fi
test=$(dirname "$best")/test.c
rc=0
"$vm/hmm-tests.sh" --ksrc "$ksrc" --build "$build" --add "$test" --out "$tmp/hmm-tests" \
	>/dev/null 2>"$tmp/cc.log" || rc=$?
ktap_equal "the C test compiles in the tree" "exit $rc $(tail -n 3 "$tmp/cc.log")" "exit 0 $(tail -n 3 "$tmp/cc.log")"
ktap_match "... and is in the program" "$("$tmp/hmm-tests" -l 2>&1 || true)" 'hmmtorture_program'
ktap_end
