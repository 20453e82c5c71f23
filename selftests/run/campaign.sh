#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The executor of plans, with guests that are shell scripts: how many at once,
# stop on fail, interruption, being killed, resuming.
set -euo pipefail
# A shell cannot take back that SIGINT is ignored, as in a background job of CI.
[ "${SIGINT_IS_DEFAULT:-}" ] || SIGINT_IS_DEFAULT=1 exec env --default-signal=INT "$0" "$@"

top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$top/selftests/ktap.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fake=$tmp/top
unset KSRC HMMT_TOP

# A checkout whose guests and preparations are replaced, all else being real.
make_checkout()
{
	mkdir -p "$fake/tools/torture/scenarios"
	cp -R "$top/run.sh" "$top/configs" "$fake/"
	cp -R "$top/tools/campaign" "$top/tools/bisect" "$fake/tools/"
	printf '\t.name = "storm",\n' >"$fake/tools/torture/scenarios/table.c"
	cat >"$fake/configs/profiles/fake" <<'END'
# Four runs of one scenario.
# run engines flavours scenarios duration repeat seed
four det DEBUG storm 10s 4 run
END
	cat >"$fake/tools/campaign/one.sh" <<'END'
#!/bin/bash
# Fake guest: FAKE_VERDICT of the run with number FAKE_FAIL is FAIL.
dir=$1/$(cut -f2 <<<"$2")
n=$(cut -f1 <<<"$2")
mkdir -p "$dir"
echo '{"hmmtorture_run":1}' >"$dir/run.json"
verdict() { printf '{"verdict":"%s","title":"%s"}\n' "$1" "$2" >"$dir/verdict.json"; }
trap 'verdict LOST interrupted; exit 3' INT TERM
echo start >>"$FAKE_LOG"
sleep "${FAKE_SLEEP:-0.1}" &
wait $!
echo stop >>"$FAKE_LOG"
[ "$n" = "${FAKE_FAIL:-0}" ] && verdict FAIL "wrong slot: stale" || verdict PASS ""
END
	chmod +x "$fake/tools/campaign/one.sh"
	cat >"$fake/tools/campaign/prepare.sh" <<'END'
prepare_host() { :; }
prepare_all() { :; }
prepare_record() { :; }
END
	cat >"$fake/tools/campaign/report.sh" <<'END'
#!/bin/bash
# The judge has tests of its own: here only the worst verdict counts.
cat "$1"/*/verdict.json
! grep -q FAIL "$1"/*/verdict.json || exit 1
! grep -q LOST "$1"/*/verdict.json || exit 3
END
}

# go OPTION...: a campaign in the fake checkout; output in $tmp/out
go()
{
	rc=0
	: >"$FAKE_LOG"
	"$fake/run.sh" --profile fake --seed 5 --results "$tmp/results" "$@" \
		>"$tmp/out" 2>&1 </dev/null || rc=$?
}

# The highest number of guests that ran at the same time
max_at_once()
{
	awk '/start/ { n++; if (n > m) m = n } /stop/ { n-- } END { print m + 0 }' "$FAKE_LOG"
}

finished()
{
	find "$tmp/results/latest/" -name verdict.json | wc -l
}

export FAKE_LOG=$tmp/log
make_checkout

go --vms 2
ktap_equal "all pass: exit code" "$rc" 0
ktap_equal "all pass: four runs" "$(finished)" 4
ktap_equal "at most two at once" "$(max_at_once)" 2
ktap_match "seeds go up" "$(tail -n 1 "$tmp/results/latest/plan.tsv" | cut -f7)" '^8$'
go --vms 1
ktap_equal "one at once" "$(max_at_once)" 1
FAKE_FAIL=2 go --vms 1
ktap_equal "a bug: exit code" "$rc" 1
ktap_equal "a bug: the rest was run" "$(finished)" 4
FAKE_FAIL=2 go --vms 1 --stop-on-fail
ktap_equal "stop on fail: exit code" "$rc" 1
ktap_equal "stop on fail: two runs" "$(finished)" 2

# Ctrl-C: guests stop, results stay, it is said
: >"$FAKE_LOG"
set -m
FAKE_SLEEP=30 "$fake/run.sh" --profile fake --vms 2 --results "$tmp/results" \
	>"$tmp/out" 2>&1 </dev/null &
pid=$!
set +m
for _ in $(seq 100); do [ "$(wc -l <"$FAKE_LOG")" -lt 2 ] || break; sleep 0.1; done
rc=0
kill -INT "$pid"
wait "$pid" || rc=$?
ktap_equal "interrupted: exit code" "$rc" 130
ktap_match "interrupted: says so" "$(cat "$tmp/out")" "interrupted; results kept in .*/results/"
ktap_equal "interrupted: results are kept" "$(finished)" 2
ktap_match "interrupted: not a pass" "$(cat "$tmp"/results/latest/001*/verdict.json)" LOST

# Going on where it was cut: the two that have no verdict, and the two others
go --resume "$tmp/results/latest"
ktap_equal "resumed: exit code" "$rc" 0
ktap_equal "resumed: four runs" "$(grep -c start "$FAKE_LOG")" 4
go --resume "$tmp/results/latest"
ktap_equal "resumed again: nothing left to run" "$(grep -c start "$FAKE_LOG")" 0
ktap_equal "resumed: what was cut is kept aside" \
	"$(find "$tmp/results/latest/cut" -mindepth 1 -maxdepth 1 | wc -l)" 2

# kill -9 of the campaign: the guests go too, and nothing says PASS
: >"$FAKE_LOG"
FAKE_SLEEP=30 "$fake/run.sh" --profile fake --vms 2 --results "$tmp/results" \
	>"$tmp/out" 2>&1 </dev/null &
pid=$!
for _ in $(seq 100); do [ "$(wc -l <"$FAKE_LOG")" -lt 2 ] || break; sleep 0.1; done
kill -KILL "$pid"
wait "$pid" 2>/dev/null || true
sleep 0.5
rc=0
"$fake/run.sh" report "$tmp/results/latest" >"$tmp/out" 2>&1 || rc=$?
ktap_equal "killed: no verdict" "$rc" 3
ktap_match "killed: LOST" "$(cat "$tmp/out")" LOST
go --resume "$tmp/results/latest"
ktap_equal "killed, resumed: exit code" "$rc" 0

# bisect-step maps what a run said
step()
{
	rc=0
	: >"$FAKE_LOG"
	"$fake/run.sh" bisect-step --ksrc "$tmp/tree" --profile fake \
		--results "$tmp/results" "$@" >"$tmp/out" 2>&1 </dev/null || rc=$?
}
mkdir -p "$tmp/tree/mm"
printf 'VERSION = 7\n' >"$tmp/tree/Makefile"
touch "$tmp/tree/Kbuild" "$tmp/tree/mm/migrate_device.c"
printf 'config ZONE_DEVICE\nmenuconfig TRANSPARENT_HUGEPAGE\n' >"$tmp/tree/mm/Kconfig"
step
ktap_equal "bisect-step: good" "$rc" 0
export FAKE_FAIL=1
step
ktap_equal "bisect-step: bad" "$rc" 1
ktap_match "bisect-step: says why" "$(tail -n 1 "$tmp/out")" "bad: wrong slot: stale"
step --signature "wrong slot"
ktap_equal "bisect-step: the signature" "$rc" 1
step --signature "livelock"
ktap_equal "bisect-step: another signature" "$rc" 125
printf 'prepare_host() { :; }\nprepare_all() { exit 3; }\n' >"$fake/tools/campaign/prepare.sh"
step
ktap_equal "bisect-step: the build fails" "$rc" 125
# shellcheck disable=SC2016 # for the shell that sources it
printf 'prepare_host() { exit "$EX_NOVERDICT"; }\n' >"$fake/tools/campaign/prepare.sh"
step
ktap_equal "bisect-step: the host cannot" "$rc" 128

ktap_end
