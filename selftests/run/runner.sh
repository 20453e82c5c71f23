#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The runner of the tests itself, with units that are made up: what it counts, and
# what can be read of a failure when nothing but the output is left.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cat >"$tmp/runner.sh" <<'END'
. "$HMMT_REAL_TOP/selftests/runner.sh"
find_units() { sed 's/.*/host\t&\t&/' <<<"${HMMT_UNITS// /$'\n'}"; }
prepare_host() { :; }
prepare_tools() { :; }
host_bin_dir() { :; }

good() { printf 'ok 1 a\nok 2 b # SKIP why\n1..2\n'; }
bad() { printf 'ok 1 a\nnot ok 2 b\n1..2\n'; seq -f 'line %g.' 100; }
short() { printf 'ok 1 a\n1..3\n'; }
mute() { echo why; return 7; }
hangs() { echo on and on; sleep 1000; }

HMMT_TOP=$HMMT_FAKE_TOP
main "$@"
END

# runner UNIT...: what the runner says of them, in $out; the end of it in $end
runner()
{
	rc=0
	out=$(HMMT_REAL_TOP=$HMMT_TOP HMMT_FAKE_TOP=$tmp HMMT_UNITS=$* \
		bash "$tmp/runner.sh" 2>&1) || rc=$?
	end=$(sed -n '/^the end of/,$p' <<<"$out")
}

runner good
ktap_equal "good: status" "$rc" 0
ktap_match "good: counted" "$out" '1 passed, 0 failed, 1 skipped'
ktap_equal "good: no log is shown" "$end" ""

runner good bad
ktap_equal "bad: status" "$rc" 1
ktap_match "bad: counted" "$out" '2 passed, 1 failed, 1 skipped'
ktap_match "bad: named" "$end" 'failed:.  bad: b \(log: .*bad.log\)'
ktap_match "bad: the end of its log" "$end" '^the end of [^ ]*/bad.log:.    line 61\..*    line 100\.'
ktap_equal "bad: not the rest" "$(grep -c 'line 60\.' <<<"$end" || true)" 0
ktap_equal "bad: nothing of the others" "$(grep -c 'the end of' <<<"$end")" 1

runner short
ktap_equal "short: status" "$rc" 1
ktap_match "short: told" "$end" '    1\.\.3.*short: 3 tests planned, 1 seen'

runner mute
ktap_equal "mute: status" "$rc" 1
ktap_match "mute: told" "$end" '    why.*mute: exit status 7'

HMMT_TEST_SECONDS=1 runner good hangs
ktap_equal "hangs: status" "$rc" 1
ktap_match "hangs: told" "$end" \
	'hangs.log:.    on and on.failed:.  hangs: did not end in 1 s .*1 passed, 1 failed, 1 skipped'
ktap_end
