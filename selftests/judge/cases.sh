# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Tests of hmmt-judge beside the fixtures. Sourced by test.sh.
# shellcheck disable=SC2154 # here, tmp, judge and rc are test.sh's

# sums NAME EXPECTED-VERDICT EXPECTED-EXIT FIXTURE...: judges several runs as one
sums()
{
	local name=$1 verdict=$2 exit=$3 dir=$tmp/sum-$1 f
	shift 3

	for f; do
		mkdir -p "$dir/${f//\//_}"
		cp "$here/fixtures/${f##*/}"/* "$dir/${f//\//_}/"
	done
	mkdir -p "$dir"
	judged sum "$dir" --known "$here/known"
	ktap_equal "sum: $name" \
		"$(facts "$dir/verdict.json" | sed -n 's/^verdict: //p'), exit $rc" \
		"$verdict, exit $exit"
}

xml_ok()
{
	python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$1"
}

sums empty LOST 3
sums pass PASS 0 pass pass-live
sums skip-and-pass PASS 0 pass skip-all
sums only-skips SKIP 3 skip-all skip-selftest
sums known-and-pass KNOWN 0 pass known skip-all
sums inconclusive INCONCLUSIVE 3 pass known inconclusive-oom
sums lost LOST 3 pass inconclusive-oom lost-slow
sums bug-wins FAIL 1 pass lost-slow inconclusive-oom known skip-all fail-oracle fail-selftest

dir=$tmp/sum-bug-wins
ktap_match "sum: title is that of the first bug" "$(facts "$dir/verdict.json")" \
	$'\ntitle: wrong slot: stale sequence\n'
ktap_match "sum: counts runs by verdict" "$(facts "$dir/verdict.json")" 'counts: FAIL 2'
ktap_match "sum: counters per engine" "$(facts "$dir/verdict.json")" \
	'engine: det .*"to_dev_thp": 1[0-9]*'
ktap_equal "sum: of one kernel, its name is left out" "$(grep -cE '^  det +[0-9]+ runs' "$tmp/out")" 1
sums two-kernels PASS 0 pass pass-selftest
sed -i 's/"kernel_release": *"[^"]*"/"kernel_release":"7.9.1"/' "$tmp/sum-two-kernels/pass/run.json"
judged sum "$tmp/sum-two-kernels" --known "$here/known"
ktap_match "sum: counters per kernel" "$(cat "$tmp/out")" '  det +7\.9\.1 +1 runs: .* [1-9][0-9]* oracle checks'
ktap_equal "sum: the other kernel apart" "$(grep -cE '^  [a-z]+ +[0-9.]+ +1 runs' "$tmp/out")" 2
judged sum "$dir" --known "$here/known"
ktap_match "sum: prints a table" "$(cat "$tmp/out")" 'FAIL +fail-oracle +wrong slot'
ktap_match "ktap: plan of all runs" "$(sed -n 2p "$dir/results.ktap")" '^1\.\.7$'
ktap_equal "ktap: one result a run" "$(grep -cE '^(not )?ok ' "$dir/results.ktap")" 7
ktap_match "ktap: a bug is not ok" "$(cat "$dir/results.ktap")" 'not ok 1 fail-oracle # FAIL wrong slot'
ktap_match "ktap: a lost run is not ok" "$(cat "$dir/results.ktap")" 'not ok [0-9]+ lost-slow # LOST slow guest'
ktap_match "ktap: known is an expected failure" "$(cat "$dir/results.ktap")" 'ok [0-9]+ known # XFAIL WARNING in'
ktap_match "ktap: all skipped is a skip" "$(cat "$dir/results.ktap")" 'ok [0-9]+ skip-all # SKIP mremap'
ktap_match "ktap: subtests are nested" "$(cat "$dir/results.ktap")" \
	$'\n    KTAP version 1\n    1\.\.2\n    ok 1 torture.mremap\n    not ok 2 torture.fork\n'
# The judge must accept what it wrote itself.
mkdir -p "$tmp/self"
cp "$here/fixtures/pass-selftest/run.json" "$here/fixtures/pass-selftest/console.log" "$tmp/self/"
{ cat "$tmp/sum-pass/results.ktap"; echo 'HMMT-END rc=0'; } >"$tmp/self/results.log"
judged run "$tmp/self"
ktap_equal "ktap: reads back as a pass" "$(head -n 1 "$tmp/out")" PASS

# pressed NAME LINE: a run that passed, and what stress-ng beside it left
pressed()
{
	local dir=$tmp/pressed-$1

	mkdir -p "$dir"
	cp "$here/fixtures/pass"/* "$dir/"
	sed -i "/^HMMT-END/i $2" "$dir/results.log"
	judged run "$dir" --known "$here/known"
	said="$(head -n 1 "$tmp/out"); $(facts "$dir/verdict.json" | { grep stress-ng || true; } | paste -sd';')"
}
pressed good '{"pressure":1,"exit":0,"signal":0,"early":false,"ended":true,"stressors":{"vm":7}}'
ktap_equal "pressure: what was done is told" "$said" "PASS; note: stress-ng: vm did 7 bogo operations"
pressed failed '{"pressure":1,"exit":2,"signal":0,"early":true,"ended":true,"stressors":{"vm":7}}'
ktap_match "pressure: a stressor failed" "$said" '^FAIL.*title: stress-ng: a stressor failed'
pressed idle '{"pressure":1,"exit":0,"signal":0,"early":false,"ended":true,"stressors":{"vm":7,"fork":0}}'
ktap_match "pressure: a stressor did nothing" "$said" '^INCONCLUSIVE.*reason: stress-ng: fork did nothing'
pressed early '{"pressure":1,"exit":0,"signal":0,"early":true,"ended":true,"stressors":{"vm":7}}'
ktap_match "pressure: it ended too early" "$said" '^INCONCLUSIVE.*: stress-ng ended before the torture'
pressed killed '{"pressure":1,"exit":0,"signal":9,"early":true,"ended":true,"stressors":{}}'
ktap_match "pressure: it was killed" "$said" '^INCONCLUSIVE.*: stress-ng was ended by signal 9'
pressed endless '{"pressure":1,"exit":0,"signal":9,"early":false,"ended":false,"stressors":{}}'
ktap_match "pressure: it did not end" "$said" '^INCONCLUSIVE.*: stress-ng did not end and was killed'
pressed refused '{"pressure":1,"exit":3,"signal":0,"early":true,"ended":true,"stressors":{}}'
ktap_match "pressure: it did not start" "$said" '^INCONCLUSIVE.*: stress-ng ended with status 3'
pressed cut '{"pressure":1,"exit":0,"sig'
ktap_match "pressure: no more than a part of its record" "$(head -n 1 "$tmp/out")" '^INCONCLUSIVE'

# Who asks what noticed it need not know which titles are those of a watchdog.
for name in hung-task soft-lockup hard-lockup rcu-stall; do
	cp -r "$here/fixtures/splat-$name" "$tmp/watchdog-$name"
	judged run "$tmp/watchdog-$name"
	ktap_match "watchdog: $name" "$(cat "$tmp/watchdog-$name/verdict.json")" \
		'"oracle": *"hang"'
done
cp -r "$here/fixtures/splat-null-deref" "$tmp/no-watchdog"
judged run "$tmp/no-watchdog"
ktap_equal "no watchdog: no oracle" \
	"$(grep -c '"oracle"' "$tmp/no-watchdog/verdict.json" || true)" 0

ktap_equal "junit: well-formed" "$(xml_ok "$dir/junit.xml" 2>&1 && echo yes)" yes
ktap_match "junit: totals" "$(sed -n 2p "$dir/junit.xml")" \
	'tests="[0-9]+" failures="5" errors="2" skipped="[0-9]+"'
ktap_match "junit: seed is a property" "$(cat "$dir/junit.xml")" '<property name="seed" value="7"/>'
ktap_match "junit: failure has title and detail" "$(cat "$dir/junit.xml")" \
	'<failure type="oracle" message="wrong slot: stale sequence">.*read by worker 1'
ktap_match "junit: timestamp and host" "$(cat "$dir/junit.xml")" \
	'timestamp="20[0-9-]+T[0-9:]+" hostname="[^"]+"'
ktap_match "junit: lost is an error" "$(cat "$dir/junit.xml")" '<error type="LOST" message="slow guest'

# What a guest prints is hostile: markup, quotes, control bytes, broken UTF-8.
mkdir -p "$tmp/sum-xml/evil"
cp "$here/fixtures/fail-selftest/"* "$tmp/sum-xml/evil/"
printf 'KTAP version 1\n1..2\n# ]]> <b>&amp; "q" \x01\x1b[0m \xff\xfe \xef\xbf\xbf\nnot ok 1 a<b> & "c" '"'d'"' \x02\xff\nok 2 x # SKIP <&>\nHMMT-END rc=1\n' \
	>"$tmp/sum-xml/evil/results.log"
judged sum "$tmp/sum-xml"
ktap_equal "junit: hostile text is escaped" "$(xml_ok "$tmp/sum-xml/junit.xml" 2>&1 && echo yes), exit $rc" "yes, exit 1"

# A repeated run's leftovers and links do not count twice.
mkdir -p "$tmp/sum-cut/cut" "$tmp/sum-cut/bundle"
cp -r "$here/fixtures/pass" "$tmp/sum-cut/run1"
cp -r "$here/fixtures/fail-oracle" "$tmp/sum-cut/cut/run1.1"
cp -r "$here/fixtures/fail-oracle" "$tmp/sum-cut/bundle/x"
ln -s run1 "$tmp/sum-cut/latest"
judged sum "$tmp/sum-cut"
ktap_equal "sum: cut runs, bundles and links are left out" \
	"$(facts "$tmp/sum-cut/verdict.json" | sed -n 's/^counts: //p'), exit $rc" "PASS 1, exit 0"

# A verdict that nobody could finish must not replace one that is there.
ktap_equal "verdict.json: no temporary file is left" "$(find "$tmp" -name '*.new.*' | wc -l)" 0

# match, for bisect
matches()
{
	local name=$1 wanted=$2 fixture=$3 title=$4

	rm -rf "$tmp/match"
	cp -r "$here/fixtures/$fixture" "$tmp/match"
	judged match "$tmp/match" --title "$title"
	ktap_equal "match: $name" "exit $rc" "exit $wanted"
}
matches "same title" 0 splat-warning 'WARNING in migrate_vma_collect_huge_pmd'
matches "same title before normalisation" 0 splat-warning-message 'WARNING in try_to_migrate_one.isra.0+0x12/0x34'
matches "passed" 1 pass 'WARNING in migrate_vma_collect_huge_pmd'
matches "other function" 3 splat-warning 'WARNING in migrate_vma_collect_pmd'
matches "part of a title" 3 splat-warning 'WARNING in migrate_vma_collect'
matches "second failure of the run" 0 two-splats 'non-zero pgtables_bytes'
matches "consequence of a crash" 3 folded-after-crash 'WARNING in migrate_vma_collect_huge_pmd'
matches "lost" 3 lost-slow 'WARNING in migrate_vma_collect_huge_pmd'
matches "inconclusive" 3 inconclusive-oracle 'WARNING in migrate_vma_collect_huge_pmd'

# known issues that are none
rejects()
{
	local name=$1 text=$2 says=$3

	rm -rf "$tmp/known"
	mkdir "$tmp/known"
	printf '%b' "$text" >"$tmp/known/x.known"
	rm -rf "$tmp/run"
	cp -r "$here/fixtures/pass" "$tmp/run"
	judged run "$tmp/run" --known "$tmp/known"
	ktap_match "known: $name" "exit $rc: $(cat "$tmp/err")" "^exit 2: .*x\\.known: .*$says"
}
rejects "without reference" 'title: x\nkernels: *\nevidence: e\n' 'reference: is missing'
rejects "with an empty reference" 'title: x\nkernels: *\nreference:  \nevidence: e\n' 'reference: is missing'
rejects "without evidence" 'title: x\nkernels: *\nreference: r\n' 'evidence: is missing'
rejects "without title" 'kernels: *\nreference: r\nevidence: e\n' 'title: is missing'
rejects "without kernels" 'title: x\nreference: r\nevidence: e\n' 'kernels: is missing'
rejects "unknown key" 'title: x\nkernel: *\n' 'unknown key "kernel"'
rejects "given twice" 'title: x\nkernels: *\nkernels: *\n' 'given twice'
rejects "more titles than there is room for" "$(printf 'title: x\\n%.0s' {1..17})" 'given too often'
rejects "bad expression" 'title: /a(b/\nkernels: *\nreference: r\nevidence: e\n' 'does not compile'
rejects "a second expression that is bad" 'title: x\ntitle: /a(b/\nkernels: *\nreference: r\nevidence: e\n' 'does not compile'
rejects "a bad expression for what is beside it" 'title: x\nkernels: *\nreference: r\nevidence: e\nbeside: /a(b/\n' 'does not compile'
rejects "no key" 'title x\n' 'not "key: value"'

# one bug, more than one title; splat-warning is a WARNING in migrate_vma_collect_huge_pmd
explains()
{
	local name=$1 code=$2 titles=$3

	printf '%b\nkernels: *\nreference: r\nevidence: e\n' "$titles" >"$tmp/known/x.known"
	rm -rf "$tmp/run"
	cp -r "$here/fixtures/${4:-splat-warning}" "$tmp/run"
	judged run "$tmp/run" --known "$tmp/known"
	ktap_equal "known: $name" "exit $rc" "exit $code"
}
explains "none of its titles" 1 'title: x\ntitle: /WARNING in else.*/'
explains "by its second title" 0 'title: x\ntitle: WARNING in migrate_vma_collect_huge_pmd'
explains "not without its row of the matrix" 1 'title: /WARNING in .*/\nrow: split.join'
sed -i '/cut here/s/^\(\[[^]]*\]\) .*/\1 hmm-validate: split.join\n&/' "$tmp/run/console.log"
judged run "$tmp/run" --known "$tmp/known"
ktap_equal "known: in that row" "exit $rc" "exit 0"
sed -i 's/hmm-validate: split.join/hmm-validate: split.joined/' "$tmp/run/console.log"
judged run "$tmp/run" --known "$tmp/known"
ktap_equal "known: not in another row" "exit $rc" "exit 1"
sed -i 's/hmm-validate: split.joined/hmm-validate: split.join/
	/cut here/s/^\(\[[^]]*\]\) .*/\1 hmmtorture: step hmm-validate ends, status 0\n&/' "$tmp/run/console.log"
judged run "$tmp/run" --known "$tmp/known"
ktap_equal "known: not behind the matrix" "exit $rc" "exit 1"
explains "in runs of another program" 0 'title: /WARNING in .*/\nexcept: tortur'
explains "but not of this one" 1 'title: /WARNING in .*/\nexcept: torture'
beside='beside: /Bad rss.*|non-zero pgtables_bytes/'
explains "what shows beside it" 0 "title: WARNING in migrate_vma_collect_huge_pmd\n$beside" two-splats
explains "but not all that does" 1 \
	'title: WARNING in migrate_vma_collect_huge_pmd\nbeside: non-zero pgtables_bytes' two-splats
explains "nor what was there long before" 1 \
	'title: /Bad rss.*|non-zero pgtables_bytes/\nbeside: WARNING in migrate_vma_collect_huge_pmd' two-splats
explains "nor without one of its titles" 1 "title: x\n$beside" two-splats
explains "by its second title, an expression" 0 'title: x\ntitle: /WARNING in migrate_.*/'
rm -rf "$tmp/run"
cp -r "$here/fixtures/pass" "$tmp/run"
judged run "$tmp/run" --known "$tmp/nowhere"
ktap_equal "known: no such directory" "exit $rc" "exit 2"
judged run "$tmp/run" --known "$here/../../configs/known"
ktap_equal "known: those of the repository are complete" "exit $rc" "exit 0"

# the journal
mkdir -p "$tmp/j"
python3 "$here/mkjournal.py" "$tmp/j/journal.bin"
judged journal "$tmp/j"
ktap_equal "journal: running ops come first" "exit $rc: $(sed -n 3p "$tmp/out")" \
	"exit 0:      1.500006 w0     40 mremap           0x7f0000000006 0x2 0x3 0x6 running"
ktap_equal "journal: oldest first, overwritten and incomplete ones left out" \
	"$(sed 1,3d "$tmp/out" | awk '{ print $1 }' | paste -sd' ')" \
	"1.500005 1.500007 1.500008 1.500010"
ktap_match "journal: result in words" "$(tail -n 1 "$tmp/out")" '= -12$'
ktap_match "journal: op without a name" "$(cat "$tmp/out")" ' op9 '
ktap_match "journal: phase" "$(head -n 1 "$tmp/out")" '10 records written, 5 readable, 4 op names, phase "storm round 3"'
mkdir -p "$tmp/jlong"
python3 -c 'import struct, sys; d = bytearray(open(sys.argv[1], "rb").read()); struct.pack_into("<I", d, 20, 1 << 30); struct.pack_into("<Q", d, 40, 1 << 40); open(sys.argv[2], "wb").write(d)' \
	"$tmp/j/journal.bin" "$tmp/jlong/journal.bin"
judged journal "$tmp/jlong"
ktap_equal "journal: ring larger than the file" "exit $rc" "exit 0"
judged journal "$tmp/j" --last 2
ktap_equal "journal: --last" "$(grep -c '= ' "$tmp/out") $(grep -c 'running$' "$tmp/out")" "2 1"
judged journal "$tmp/run"
ktap_equal "journal: none there" "exit $rc" "exit 3"
judged program "$tmp/j"
ktap_equal "program: head, ops with their seeds, end" "exit $rc: $(paste -sd'|' "$tmp/out")" \
	"exit 0: hmmtorture program 1|workers 2|regions thp:2|ops|1 write 0x105|0 mremap 0x106|1 fork 0x107|0 op9 0x108|0 mremap 0x10a|end 5"
# One guest, several programs: which failed so, and which it did not come to
rm -rf "$tmp/each"
cp -r "$here/fixtures/fail-oracle" "$tmp/each"
each()
{
	sed -i '/^KTAP/,$d' "$tmp/each/results.log"
	# shellcheck disable=SC2059
	printf "KTAP version 1\\n1..3\\n$1" >>"$tmp/each/results.log"
	judged match "$tmp/each" --each --title "wrong slot: stale sequence"
	ktap_equal "match --each: $2" "$(paste -sd' ' "$tmp/out")" "$3"
}
bad='# slot: wrong slot: stale sequence\n#   detail: of it\nnot ok'
other='# slot: wrong slot: garbage\nnot ok'
each "$bad 1 a\nok 2 b\n$other 3 c\nHMMT-END rc=1\n" "each its own" "same passed other"
each "ok 1 a # SKIP no device\n$bad 2 b\nok 3 c\nHMMT-END rc=1\n" "a skip" "unknown same passed"
each "ok 1 a\n" "it got lost in the second" "passed unknown"
cp "$here/fixtures/splat-null-deref/console.log" "$tmp/each/"
each "ok 1 a\n" "it died in the second, of something else" "passed other"
judged match "$tmp/each" --each --title "$(sed -n 's/^title: //p' "$here/fixtures/splat-null-deref/expect")"
ktap_equal "match --each: it died in the second, so" "$(paste -sd' ' "$tmp/out")" "passed same"
mkdir -p "$tmp/jgone"
python3 -c 'import struct, sys; d = bytearray(open(sys.argv[1], "rb").read()); struct.pack_into("<Q", d, 200, 3); open(sys.argv[2], "wb").write(d)' \
	"$tmp/j/journal.bin" "$tmp/jgone/journal.bin"
judged program "$tmp/jgone"
ktap_match "program: its beginning is no longer in the ring" "exit $rc: $(cat "$tmp/err")" \
	'^exit 3: .* beginning is gone$'

rm -rf "$tmp/hang"
cp -r "$here/fixtures/hang-nmi-idle" "$tmp/hang"
cp "$tmp/j/journal.bin" "$tmp/hang/"
judged run "$tmp/hang"
ktap_equal "journal: names the hang of an idle CPU" "$(head -n 1 "$tmp/out")" "FAIL: hang in op mremap"
ktap_match "journal: counters where no record came" "$(facts "$tmp/hang/verdict.json")" 'counter: thp_migrations 42'
rm -rf "$tmp/beat"
cp -r "$here/fixtures/lost-slow" "$tmp/beat"
python3 -c 'import sys; d = bytearray(open(sys.argv[1], "rb").read()); d[48:56] = bytes(8); open(sys.argv[2], "wb").write(d)' \
	"$tmp/j/journal.bin" "$tmp/beat/journal.bin"
judged run "$tmp/beat"
ktap_match "journal: no heartbeat" "$(head -n 1 "$tmp/out")" '^LOST: slow guest: .* no heartbeat was seen$'

bad=
python3 "$here/mkjournal.py" "$tmp/j/garbage" garbage "${FUZZ:-100}"
for ((seed = 0; seed < ${FUZZ:-100}; seed++)); do
	cp "$tmp/j/garbage.$seed" "$tmp/hang/journal.bin"
	for command in "journal $tmp/hang" "program $tmp/hang" "run $tmp/hang"; do
		# shellcheck disable=SC2086 # two words
		judged $command
		[ "$rc" -le 3 ] || bad+="seed $seed exit $rc; "
	done
done
ktap_equal "journal: garbage" "$bad" ""

# consoles and results cut off anywhere
bad=
rm -rf "$tmp/cut"
cp -r "$here/fixtures/folded-after-crash" "$tmp/cut"
size=$(stat -c %s "$tmp/cut/console.log")
for ((n = 0; n < size; n += size / 60 + 1)); do
	head -c "$n" "$here/fixtures/folded-after-crash/console.log" >"$tmp/cut/console.log"
	head -c "$((n % 700))" "$here/fixtures/fail-oracle/results.log" >"$tmp/cut/results.log"
	head -c "$n" /dev/urandom >>"$tmp/cut/results.log"
	judged run "$tmp/cut"
	case $rc in 1 | 3) ;; *) bad+="cut at $n: exit $rc; " ;; esac
done
ktap_equal "cut off anywhere: never a pass, never a crash" "$bad" ""

# long and large
rm -rf "$tmp/big"
cp -r "$here/fixtures/pass" "$tmp/big"
{
	awk 'BEGIN { for (i = 0; i < 200000; i++) printf "[%5d.%06d] test_hmm: mirror %d does something that is logged for no good reason\n", 2 + i / 1000, i % 1000, i }'
	head -c 30000000 /dev/zero | tr '\0' x
	printf '\n[  300.000000] BUG: Bad rss-counter state mm:0 type:MM_ANONPAGES val:1 Comm:x Pid:1\n'
} >>"$tmp/big/console.log"
rc=0
(ulimit -v "${MEMORY:-100000}" && timeout 60 "$judge" run "$tmp/big") >"$tmp/out" 2>&1 || rc=$?
ktap_equal "50 MB of console in little memory" "exit $rc: $(head -n 1 "$tmp/out")" "exit 1: FAIL: Bad rss-counter state (MM_ANONPAGES)"

# news: reports of the kernel's own code, and nothing else, of which one is not known
news()
{
	rm -rf "$tmp/news"
	cp -r "$here/fixtures/$1" "$tmp/news"
	judged news "$tmp/news" --known "$here/known"
	ktap_equal "news: $1" "exit $rc: $(cat "$tmp/out")" "$2"
}
news splat-kasan "exit 0: KASAN: slab-use-after-free Read in dmirror_devmem_fault"
news driver-kasan "exit 1: "
news driver-oops "exit 1: "
news fail-oracle "exit 1: "
news fail-selftest "exit 1: "
news known "exit 1: "
news pass "exit 1: "
news lost-slow "exit 1: "

# usage
usage()
{
	local name=$1
	shift
	judged "$@"
	ktap_equal "usage: $name" "exit $rc" "exit 2"
}
usage "no command"
usage "unknown command" frobnicate
usage "no directory" run
usage "directory that is not there" run "$tmp/nowhere"
usage "two directories" run "$tmp/run" "$tmp/run"
usage "unknown option" run "$tmp/run" --frobnicate x
usage "option without value" run "$tmp/run" --known
usage "match without title" match "$tmp/run"
usage "--last 0" journal "$tmp/j" --last 0
usage "--last -1" journal "$tmp/j" --last -1
judged --help
ktap_equal "usage: --help" "exit $rc" "exit 0"
