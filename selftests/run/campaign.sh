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
	mkdir -p "$fake/tools/torture/scenarios" "$fake/tools/vm" "$fake/selftests/fake"
	cp -R "$top/run.sh" "$top/configs" "$fake/"
	cp -R "$top/tools/campaign" "$top/tools/bisect" "$fake/tools/"
	cp "$top"/tools/vm/{fetch,common,sources,cache}.sh "$fake/tools/vm/"
	mkdir -p "$fake/tools/guest"
	: >"$fake/tools/guest/Build.mk"
	printf '\t.name = "storm",\n' >"$fake/tools/torture/scenarios/table.c"
	cat >"$fake/configs/profiles/fake" <<'END'
# Four runs of one scenario.
# run engines kernels flavours scenarios duration repeat seed
four det default DEBUG storm 10s 4 run
END
	printf 'guest-progs += init prog other\n' >"$fake/selftests/fake/Build.mk"
	cat >"$fake/configs/profiles/programs" <<'END'
# One run of a scenario, two of a program in two flavours.
# run engines kernels flavours scenarios duration repeat seed program
one  det  default DEBUG        storm  10s  1  run
prog both default DEBUG,KASAN  -      40s  1  7    prog --seed @seed --for @duration @avoid @after
END
	cp "$fake/tools/campaign/one.sh" "$fake/tools/campaign/one.real.sh"
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
# A program has rows a to d, and dies of those in FAKE_DEADLY.
if [[ $2 == *prog* ]]; then
	rows="a b c d"
	[[ $2 != *@after=* ]] || rows=${rows#*"${2##*=}"}
	for row in $rows; do
		echo "# row $row" >>"$dir/results.log"
		if [[ ${FAKE_DEADLY:-} == *$row* ]]; then
			printf '{"verdict":"%s","title":"died of %s",\n"elapsed_ms":9500}\n' \
				"${FAKE_DEATH:-KNOWN}" "$row" >"$dir/verdict.json"
			exit 0
		fi
		echo "ok 1 $row" >>"$dir/results.log"
	done
	echo "HMMT-END rc=0" >>"$dir/results.log"
fi
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

# column_of NAME...: of the plan
column_of()
{
	(HMMT_TOP=$fake && . "$fake/tools/campaign/lib.sh" &&
		plan_column "$@" <"$tmp/results/latest/plan.tsv")
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
ktap_equal "seeds go up" "$(column_of seed | paste -sd' ')" "5 6 7 8"
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

# Runs of a program beside those that torture
plan_of()
{
	cut -f2- "$tmp/results/latest/plan.tsv" | grep "$1" | tr '\t' ' '
}
programs()
{
	go --profile programs --vms 1 --engine det --flavour DEBUG
}
go --profile programs
ktap_equal "program: exit code" "$rc" 0
ktap_equal "program: runs of it and of the scenario" "$(finished)" 5
ktap_equal "program: in the plan" "$(plan_of 003)" \
	"003-live-DEBUG-prog live auto 7.2 DEBUG - 5 40 none prog --seed @seed --for @duration @avoid @after"
# Rows for other kernels, unless one is named
sed 's/^prog .*/more det all DEBUG storm 10s 1 run/' "$fake/configs/profiles/programs" \
	>"$fake/configs/profiles/kernels"
go --profile kernels
ktap_equal "kernels: a run for each" "$(column_of name kernel | tr '\t' ' ' | sort | paste -sd,)" \
	"001-det-DEBUG-storm 7.2,002-det-DEBUG-storm-7.3 7.3,003-det-DEBUG-storm 7.2,004-det-DEBUG-storm-6.12 6.12"
go --profile kernels --kernel 7.3
ktap_equal "kernels: the named one only" "$(column_of name kernel | tr '\t' ' ' | sort | paste -sd,)" \
	"001-det-DEBUG-storm 7.3,002-det-DEBUG-storm 7.3"
sed -i 's/ all / 7.3,9.9 /' "$fake/configs/profiles/kernels"
go --profile kernels
ktap_match "kernels: one that is not known" "exit $rc: $(cat "$tmp/out")" \
	"^exit 2: .*unknown kernel '9.9'; valid: default all 7.3 7.2 6.12"
# Mistakes of a profile
sed 's/^four det/four dett/' "$fake/configs/profiles/fake" >"$fake/configs/profiles/wrong"
go --profile wrong
ktap_match "profile: an engine that is not known" "exit $rc: $(cat "$tmp/out")" \
	"^exit 2: .*unknown engine 'dett'"
{ echo '# perturb: frob'; cat "$fake/configs/profiles/fake"; } >"$fake/configs/profiles/wrong"
go --profile wrong
ktap_match "profile: a perturbation that is not known" "exit $rc: $(cat "$tmp/out")" \
	"^exit 2: .*unknown perturbation 'frob'"
go --stress "--vm 1" --vms 4
ktap_equal "pressure: beside every torture" "$(column_of scenarios perturb program | sort -u)" \
	"$(printf 'storm\tmigrate\t& --vm 1')"
go --profile programs --stress "--vm 1" --vms 4
ktap_equal "pressure: not beside programs" "$(column_of program | grep -c '^& ')" 1
go --profile programs --scenario storm
ktap_equal "program: not with --scenario" "$(finished)" 1
go --profile programs --dry-run --duration 50s
ktap_match "program: dry-run" "$(cat "$tmp/out")" \
	"002-det-DEBUG-prog: .* [0-9]+s: prog --seed @seed --for @duration @avoid @after"
FAKE_DEADLY="b d" programs
ktap_equal "program that dies: goes on behind the row" \
	"$(plan_of prog | sed 's/.*@avoid //' | paste -sd' ')" "@after @after=b @after=d"
ktap_equal "program that dies: exit code" "$rc" 0
FAKE_DEADLY=c FAKE_DEATH=FAIL programs
ktap_equal "program that dies of news: goes on too, and that counts" \
	"$(plan_of prog | wc -l), exit $rc" "2, exit 1"
FAKE_DEADLY=c FAKE_DEATH=LOST programs
ktap_equal "program that is lost: nothing to go on with" "$(plan_of prog | wc -l), exit $rc" "1, exit 3"
sed -i 's/ @after$//' "$fake/configs/profiles/programs"
FAKE_DEADLY=a programs
ktap_equal "program with a duration that dies: another seed for the rest" \
	"$(column_of name seed seconds | grep prog | tr '\t' ' ' | paste -sd,)" \
	"002-det-DEBUG-prog 5 40,002-det-DEBUG-prog+2 6 30,002-det-DEBUG-prog+3 7 20"
sed 's/^prog both default/prog both 7.3/' "$fake/configs/profiles/programs" >"$fake/configs/profiles/there"
FAKE_DEADLY=a go --profile there --vms 1 --engine det --flavour DEBUG
ktap_equal "... of another kernel, too" "$(column_of name | grep prog | paste -sd,)" \
	"002-det-DEBUG-prog-7.3,002-det-DEBUG-prog-7.3+2,002-det-DEBUG-prog-7.3+3"
sed -i 's/ --for @duration//' "$fake/configs/profiles/programs"
FAKE_DEADLY=a programs
ktap_equal "program with neither that dies: no other guest" "$(plan_of prog | wc -l)" 1
sed -i 's/ prog --seed/ append:a=1 driver:b=2 nobody --seed/' "$fake/configs/profiles/programs"
programs
ktap_match "program that is none" "exit $rc: $(cat "$tmp/out")" \
	"^exit 2: .*unknown guest program 'nobody'; valid: hmm-tests prog other\$"
sed -i 's/ -  / storm  /' "$fake/configs/profiles/programs"
programs
ktap_match "program and scenarios" "exit $rc: $(cat "$tmp/out")" "^exit 2: .*not both"

# one.sh itself: what a guest is told to run
mkdir -p "$tmp/b/hmmt" "$tmp/t/host" "$tmp/one"
echo 7.2.12 >"$tmp/b/hmmt/release"
printf '%s\tDEBUG\t%s\t%s\timage\t2\t1024\n' 7.3 /none /none 7.2 "$tmp/t" "$tmp/b" \
	>"$tmp/one/prepared.tsv"
printf '#!/bin/sh\n' >"$tmp/t/host/hmmt-judge"
printf '#!/bin/sh\necho "$@" >%s/argv\n' "$tmp" >"$fake/tools/vm/boot.sh"
chmod +x "$tmp/t/host/hmmt-judge" "$fake/tools/vm/boot.sh"
rm "$fake"/configs/known/*
printf 'kernels: 7.1.* 7.2.*\nwithout: op\n' >"$fake/configs/known/here.known"
printf 'kernels: 7.*\n' >"$fake/configs/known/there.known"
printf 'kernels: 7.3.*\nwithout: no\n' >"$fake/configs/known/elsewhere.known"
# told SCENARIOS [PROGRAM]: the words behind --, and what is expected of them
told()
{
	"$fake/tools/campaign/one.real.sh" "$tmp/one" \
		"$(printf '1\t001\tdet\tauto\t7.2\tDEBUG\t%s\t5\t40\tsome%s' "$1" "${2:+$'\t'$2}")"
	sed 's/.*--expect \([a-z]*\) .* -- /\1: /; s/--pauses [1-9][0-9]*/--pauses N/' "$tmp/argv"
}
ktap_equal "one.sh: torture" "$(told storm,mremap)" \
	"torture: torture --seed 5 --duration 40s --scenario storm,mremap --perturb some --pauses N --without op"
ktap_equal "one.sh: torture under pressure" "$(told storm '& --vm 1 --fork 2')" \
	"torture: pressure --vm 1 --fork 2 : torture --seed 5 --duration 40s --scenario storm --perturb some --pauses N --without op --company"
ktap_equal "one.sh: program" "$(told - 'prog -s @seed -d @duration @avoid x @after')" \
	"selftest: prog -s 5 -d 40s --avoid here,there x"
ktap_equal "one.sh: program that goes on" "$(told - 'prog @after=a.b')" "selftest: prog --after a.b"
ktap_equal "one.sh: words for the driver" "$(told - 'append:a=1 driver:b=2 append:c prog d')" \
	"selftest: driver:b=2 prog d"
ktap_match "one.sh: words for the kernel" "$(cat "$tmp/argv")" '--append +a=1 c -- driver'
ktap_equal "one.sh: nothing is avoided" "$(HMMT_AVOID='' told - 'prog @avoid')" "selftest: prog"

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
