#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vmrun against scripts that pretend to be QEMU: every way a run can end.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"

vmrun=$("$HMMT_TOP/tools/vm/tools.sh")/host/vmrun
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# fake NAME: a QEMU made of the script on stdin; $run is its run directory, $qmp
# the number of the monitor's descriptor
fake()
{
	run=$tmp/$1
	mkdir -p "$run"
	{
		cat <<-END
			#!/bin/bash
			run=$run
			qmp=\$(sed -n 's/.*id=hmmtqmp,fd=\([0-9]*\).*/\1/p' <<<"\$*")
			# pause SECONDS; an NMI ends it
			pause() {
				read -r -t "\$1" -u "\$qmp" l || return 0
				[[ \$l != *nmi* ]] || exit 0
			}
		END
		cat
	} >"$run/qemu"
	chmod +x "$run/qemu"
}

# field KEY: of run.json of the current run
field()
{
	sed -n "s/^ *\"$1\": *\"\{0,1\}\([^\",]*\).*/\1/p" "$run/run.json"
}

# gone PID: ended, whether or not somebody has collected it
gone()
{
	local state

	state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || true
	case $state in '' | Z) echo gone ;; *) echo "state $state" ;; esac
}

# start OPTIONS...: vmrun with the current fake; its status goes to $rc
start()
{
	rc=0
	"$vmrun" --dir "$run" "$@" -- "$run/qemu" >"$run/out" 2>&1 || rc=$?
}

fake ends <<'END'
echo "WARNING: CPU: 0 PID: 1 at mm/x.c:1 f+0x1/0x2" >"$run/console.log"
cp "$run/run.json" "$run/before.json"
END
start --set engine=det --int seed=7 --bool config_verified=true
ktap_equal "exit: status" "$rc" 0
ktap_equal "exit: run.json" "$(field end) $(field engine) $(field seed)" "exit det 7"
ktap_equal "exit: splat lines" "$(field splat_lines)" 1
ktap_equal "exit: run.json was there before the start, without an end" \
	"$(grep -c '"seed": 7' "$run/before.json") $(grep -c '"end"' "$run/before.json" || true)" "1 0"

fake fails <<'END'
echo "cannot set MSR" >&2
exit 3
END
start
ktap_equal "killed: status" "$rc $(field end) $(field qemu_status)" "6 killed 3"
ktap_match "killed: says what QEMU said" "$(cat "$run/out")" "cannot set MSR"

run=$tmp/none
mkdir "$run"
rc=0
"$vmrun" --dir "$run" -- "$tmp/no-such-qemu" >"$run/out" 2>&1 || rc=$?
ktap_equal "no QEMU: not a run that ended well" "$rc $(field end)" "6 killed"

fake hangs <<'END'
echo "booting" >"$run/console.log"
while read -r -u "$qmp" line; do
	[[ $line == *inject-nmi* ]] || continue
	echo "Kernel panic - not syncing: NMI: Not continuing" >>"$run/console.log"
	exit 0
done
END
start --stall 2
ktap_equal "stalled: status" "$rc $(field end)" "4 stalled"
ktap_match "stalled: the guest got its NMI" "$(cat "$run/console.log")" "NMI: Not continuing"

fake slow <<'END'
for i in 1 2 3 4 5; do echo "$i" >>"$run/console.log"; sleep 1; done
END
start --stall 3
ktap_equal "slow console is no stall" "$rc $(field end)" "0 exit"

# A heartbeat in the journal alone: byte 48 of its header.
fake heartbeat <<'END'
for i in 1 2 3 4 5; do
	printf "\\x$i" | dd of="$run/journal.bin" bs=1 seek=48 conv=notrunc 2>/dev/null
	sleep 1
done
END
start --stall 3
ktap_equal "a heartbeat alone is no stall" "$rc $(field end)" "0 exit"

# A machine without time for the guest, and a guest that spins
fake starved <<'END'
sleep 4
END
start --stall 2 --busy
ktap_equal "busy: silence without CPU time is no stall" "$rc $(field end)" "0 exit"
start --stall 1
ktap_equal "the same, not busy: stalled" "$rc $(field end)" "4 stalled"
fake spins <<'END'
while ! read -r -t 0 -u "$qmp"; do :; done
END
start --stall 2 --busy
ktap_equal "busy: silence with CPU time is a stall" "$rc $(field end)" "4 stalled"
fake blocked <<'END'
read -r -u "$qmp"
END
start --stall 1 --busy
ktap_equal "busy: silence for ten times as long is a stall" "$rc $(field end)" "4 stalled"

fake limit <<'END'
while :; do echo x >>"$run/console.log"; pause 1; done
END
start --stall 60 --limit 2
ktap_equal "time limit" "$rc $(field end)" "5 timeout"

# A kernel that reports the same lockup for ever, and does not stop at an NMI
fake lockup <<'END'
for i in {1..100}; do echo "[  $i.000001] watchdog: BUG: soft lockup" >>"$run/console.log"; sleep 0.1; done
END
start --stall 60 --overdue 99999
ktap_equal "lockup, not overdue: runs to its end" "$rc $(field end)" "0 exit"
fake overdue <<'END'
i=0
while :; do
	i=$((i + 1))
	echo "[  $i.000001] watchdog: BUG: soft lockup" >>"$run/console.log"
	pause 0.1
done
END
start --stall 60 --overdue 30
ktap_equal "overdue by its own clock: stalled" "$rc $(field end)" "4 stalled"
ktap_match "overdue: says so" "$(cat "$run/out")" "the guest's clock is at 3[0-9] s, it should have ended"
fake stuck <<'END'
echo "[   40.000001] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [torture-1:77]" >>"$run/console.log"
sleep 2
echo "[   80.000001] watchdog: BUG: soft lockup - CPU#1 stuck for 63s! [torture-0:76]" >>"$run/console.log"
while :; do pause 1; done
END
start --stall 60
ktap_equal "a CPU that is stuck for a minute: stalled" "$rc $(field end)" "4 stalled"
ktap_match "stuck: says so" "$(cat "$run/out")" "a CPU of the guest is stuck for 63 s"

# One that prints without end, and no clock
fake talks <<'END'
size=60
while :; do
	truncate -s "${size}M" "$run/console.log"
	size=$((size + 1))
	pause 0.3
done
END
start --stall 60 --overdue 30
ktap_equal "prints for ever: stalled" "$rc $(field end)" "4 stalled"
ktap_match "prints for ever: says so" "$(cat "$run/out")" "console.log has 64 MiB"

# interrupt NAME SIGNAL: the current fake, ended from outside after a second
interrupt()
{
	local pid

	setsid "$vmrun" --dir "$run" -- "$run/qemu" >"$run/out" 2>&1 &
	pid=$!
	sleep 1
	kill "-$1" "$pid"
	rc=0
	wait "$pid" 2>/dev/null || rc=$?
}

fake polite <<'END'
echo $$ >"$run/pid"
exec sleep 60
END
interrupt TERM
ktap_equal "interrupted: status" "$rc $(field end)" "130 interrupted"
ktap_match "interrupted: says where the results are" "$(cat "$run/out")" "results are in $run"
ktap_equal "interrupted: QEMU is gone" "$(gone "$(cat "$run/pid")")" gone

fake stubborn <<'END'
trap '' TERM INT
while :; do sleep 0.2; done
END
interrupt TERM
ktap_equal "interrupted: one that does not listen is killed" "$rc $(field end)" "130 interrupted"

fake orphan <<'END'
echo $$ >"$run/pid"
exec sleep 60
END
interrupt KILL
sleep 0.3
ktap_equal "vmrun killed: no end in run.json" "$(field hmmtorture_run) $(field end)" "1 "
ktap_equal "vmrun killed: QEMU dies with it" "$(gone "$(cat "$run/pid")")" gone

for bad in "--stall x" "--stall 0" "--limit -1" "--int seed=x" "--nonsense"; do
	rc=0
	# shellcheck disable=SC2086 # option and value
	"$vmrun" --dir "$tmp" $bad -- true >/dev/null 2>&1 || rc=$?
	ktap_equal "usage: $bad" "$rc" 2
done
ktap_end
