#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Real guests that are ended: by Ctrl-C, and with everything around them by
# kill -9. Neither may end in a verdict, nor leave a guest behind.
# stage: guest
set -euo pipefail
# A shell cannot take back that SIGINT is ignored, as in a background job of CI.
[ "${SIGINT_IS_DEFAULT:-}" ] || SIGINT_IS_DEFAULT=1 exec env --default-signal=INT "$0" "$@"

top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$top/selftests/ktap.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# A guest that is not booted again cannot be interrupted.
unset HMMT_T0 HMMT_ONCE

# start: a long campaign in the background; returns when its guest runs
start()
{
	set -m
	"$top/run.sh" --engine det --scenario storm --duration 10m --seed 1 \
		--results "$tmp/results" >"$tmp/out" 2>&1 </dev/null &
	pid=$!
	set +m
	for _ in $(seq 600); do
		[ -z "$(find "$tmp/results/latest/" -name progress 2>/dev/null)" ] || return 0
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	kill -INT "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	ktap_fail "a guest started" "$(tail -n 5 "$tmp/out")"
	ktap_end
	exit 1
}

# No process works on the run directory any more, within ten seconds
guest_gone()
{
	for _ in $(seq 100); do
		pgrep -f "$tmp/results" >/dev/null || return 0
		sleep 0.1
	done
	return 1
}

start
rc=0
kill -INT "$pid"
wait "$pid" || rc=$?
ktap_equal "Ctrl-C: exit code" "$rc" 130
ktap_match "Ctrl-C: says so" "$(cat "$tmp/out")" "interrupted; results kept in"
if guest_gone; then ktap_pass "Ctrl-C: no guest left"; else ktap_fail "Ctrl-C: no guest left"; fi
ktap_match "Ctrl-C: run.json says how it ended" \
	"$(cat "$tmp"/results/latest/001*/run.json)" '"end": "interrupted"'
rc=0
"$top/run.sh" report "$tmp/results/latest" >"$tmp/out" 2>&1 || rc=$?
ktap_equal "Ctrl-C: no verdict" "$rc" 3

rm -rf "$tmp/results"
start
kill -KILL "$pid"
wait "$pid" 2>/dev/null || true
if guest_gone; then ktap_pass "kill -9: no guest left"; else ktap_fail "kill -9: no guest left"; fi
rc=0
"$top/run.sh" report "$tmp/results/latest" >"$tmp/out" 2>&1 || rc=$?
ktap_equal "kill -9: no verdict" "$rc" 3
ktap_match "kill -9: LOST" "$(cat "$tmp/out")" "LOST"
ktap_end
