#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Programs as text: what is no program gets its line and a reason, what is one
# does what it says, and hmmt-minimize finds the smallest, on the host.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"

tools=$("$HMMT_TOP/tools/vm/tools.sh")
torture=$tools/guest/torture
judge=$tools/host/hmmt-judge
minimize=$tools/host/hmmt-minimize
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

head='hmmtorture program 1\nworkers 2\nregions thp:2 hole:1\n'

# refused NAME LINE REGEX TEXT: the text as printf takes it
refused()
{
	local rc=0 err

	# shellcheck disable=SC2059
	printf "$4" >"$tmp/bad"
	err=$("$torture" --check "$tmp/bad" 2>&1) || rc=$?
	ktap_match "$1" "exit $rc, $err" "^exit 2, torture: .*/bad: line $2: $3"
}

refused "no program" 1 "not a program: the first line must be" 'read 1\n'
refused "another version" 1 "not a program" 'hmmtorture program 2\nend 0\n'
refused "unknown op" 6 "unknown op 'frob'" "${head}ops\n0 read 1\n0 frob 1\nend 2\n"
refused "no op" 5 "op: a word is missing" "${head}ops\n0\nend 1\n"
refused "no such worker" 5 "worker: '2' is no number from 0 to 1" "${head}ops\n2 read 1\nend 1\n"
refused "no seed" 5 "seed of the op: a number is missing" "${head}ops\n0 read\nend 1\n"
refused "seed too large" 5 "seed of the op: '4294967296' is no number" \
	"${head}ops\n0 read 4294967296\nend 1\n"
refused "a choice that is no number" 5 "choice: '-1' is no number" \
	"${head}ops\n0 read 1 5 - -1\nend 1\n"
refused "unknown word in the head" 4 "unknown word 'frob'" "${head}frob 1\nops\nend 0\n"
refused "a word too many" 4 "one word too many: '2'" "${head}seed 1 2\nops\nend 0\n"
refused "no workers" 3 "'ops' without 'workers'" 'hmmtorture program 1\nregions thp:2\nops\nend 0\n'
refused "no regions" 3 "'ops' without 'regions'" 'hmmtorture program 1\nworkers 1\nops\nend 0\n'
refused "unknown shape" 3 "regions: unknown shape 'frob'" \
	'hmmtorture program 1\nworkers 1\nregions frob:2\nops\nend 0\n'
refused "too few blocks" 3 "regions: 1 blocks, there must be 2 to" \
	'hmmtorture program 1\nworkers 1\nregions thp:1\nops\nend 0\n'
refused "too many blocks" 3 "regions: 60 blocks" \
	'hmmtorture program 1\nworkers 1\nregions thp:30 hole:30\nops\nend 0\n'
refused "unknown mistake" 4 "bust: unknown mistake 'frob'" "${head}bust frob\nops\nend 0\n"
refused "answer of no op" 4 "bust: unknown mistake 'answer:frob:x'" \
	"${head}bust answer:frob:x\nops\nend 0\n"
refused "an op is missing" 6 "the end says 2 ops, there are 1" "${head}ops\n0 read 1\nend 2\n"
refused "a zero byte" 5 "a zero byte" "${head}ops\n0 re\\000ad 1\nend 1\n"

cat >"$tmp/good" <<'END'
# a comment
hmmtorture program 1
seed 7
scenario mremap
round 3
workers 2
devices 0
pauses 0
order serial
regions thp:2 hole:1
without to_sys,evict
ops
0 write 0 512
1 mremap 0x20 0 - 512
0 read 99
end 3
END
rc=0
"$torture" --check "$tmp/good" || rc=$?
ktap_equal "a good one" "exit $rc" "exit 0"
bad=
for ((n = 14; n < $(wc -c <"$tmp/good"); n++)); do
	head -c "$n" "$tmp/good" >"$tmp/cut"
	rc=0
	err=$("$torture" --check "$tmp/cut" 2>&1) || rc=$?
	if [ "$rc" -ne 2 ] || [[ $err != *"line "*": "* ]]; then bad+="at $n: exit $rc, $err; "; fi
done
ktap_equal "cut off anywhere" "$bad" ""

# run NAME [OPTION...]: runs $tmp/NAME, leaves its directory, $rc and $out
run()
{
	local name=$1

	shift
	mkdir -p "$tmp/$name.d"
	rc=0
	out=$("$torture" --no-device --journal "$tmp/$name.d/journal.bin" "$@" \
		--program "$tmp/$name" 2>/dev/null) || rc=$?
}

run good
ktap_match "it runs" "exit $rc: $out" '^exit 0: .*ok 1 torture.mremap.*"ops":3'
"$judge" program "$tmp/good.d" >"$tmp/good.again"
ktap_equal "its journal gives it back" \
	"$(sed '/^#/d; s/^\([01] [a-z]* [0-9a-fx]*\).*/\1/' "$tmp/good" |
		sed 's/ 99$/ 0x63/' | diff - "$tmp/good.again")" ""
run good --trace draws
"$judge" program "$tmp/good.d" >"$tmp/drawn"
run drawn --trace draws
"$judge" program "$tmp/drawn.d" >"$tmp/drawn.again"
ktap_equal "with its draws it draws the same" "$(diff "$tmp/drawn" "$tmp/drawn.again")" ""
ktap_match "its draws are said" "$(cat "$tmp/drawn")" $'\n0 write 0 512\n1 mremap 0x20 0 [0-9]+ 512\n'
rm -f "$tmp/drawn.again"

cat "$tmp/good" "$tmp/drawn" >"$tmp/both"
run both
ktap_match "two in one file" "exit $rc: $out" '^exit 0: .*ok 1 torture.mremap.*ok 2 torture.mremap'
sed 's/^0 read/0 to_dev/' "$tmp/good" >"$tmp/device"
run device
ktap_match "an op that cannot run here is a skip" "exit $rc: $out" \
	'ok 1 torture.mremap # SKIP --no-device'

# A mistake that takes two moves, and a look at what was moved.
cat >"$tmp/bust" <<'END'
hmmtorture program 1
workers 2
pauses 0
order serial
regions thp:1 hole:1
bust moved
ops
0 mremap 0 1
0 mremap 0 0 512
0 read 0 0 0 4
end 3
END
run bust --trace draws,calls
ktap_match "a mistake is found again" "exit $rc: $out" \
	'^exit 1: .*slot: wrong slot: stale sequence.*not ok 1 torture.program'
sed '/^0 mremap 0 1/d; s/^end 3/end 2/' "$tmp/bust" >"$tmp/bustless"
run bustless
ktap_match "without one of its ops it is none" "exit $rc: $out" '^exit 0: .*ok 1 torture.program'
sed 's/^bust .*/bust answer:read:future/' "$tmp/bustless" >"$tmp/answer"
run answer
ktap_match "a falsified answer is found again" "exit $rc: $out" \
	'^exit 1: .*wrong slot: sequence never written.*not ok 1 torture.program'
"$judge" ctest "$tmp/bust.d" >"$tmp/test.c"
ktap_equal "as a C test: what happened, in its order" \
	"$(grep -oE '(hmmt_store|hmmt_load|mremap)\([^,]*' "$tmp/test.c" | sed '1,/hmmt_store(B/d' |
		head -n 3 | paste -sd'|')" \
	'mremap((void *)(B + 0)|mremap((void *)(B + 0x200000)|hmmt_load(B + 0xff8'
ktap_match "as a C test: with the values that the model expects" "$(cat "$tmp/test.c")" \
	'hmmt_store\(B \+ 0xff8, 512, 0x10000\) == 0.*hmmt_load\(B \+ 0xff8, &val\) && val == 0x10000'
rm -rf "$tmp/good.d/journal.bin"
rc=0
"$judge" ctest "$tmp/good.d" >/dev/null 2>&1 || rc=$?
ktap_equal "as a C test: no journal" "exit $rc" "exit 3"

# Whatever a round is made of, its program can say. Some have none without a device.
bad='' rounds=0
while read -r name; do
	mkdir "$tmp/$name"
	"$torture" --no-device --scenario "$name" --duration 100ms --round-ms 100 \
		--journal "$tmp/$name/journal.bin" >"$tmp/$name/out" 2>&1 || true
	! grep -q "^ok 1 torture.$name # SKIP" "$tmp/$name/out" || continue
	rounds=$((rounds + 1))
	"$judge" program "$tmp/$name" >"$tmp/$name/program.txt" 2>&1 || true
	err=$("$torture" --check "$tmp/$name/program.txt" 2>&1) || bad+="$name: $err; "
done < <("$torture" --list | sed -n '/^scenarios:/,/^ops:/s/^  \([a-z0-9_-]*\) .*/\1/p')
ktap_equal "every scenario's round reads back" "$bad" ""
ktap_match "... and there were many" "$rounds" '^[1-9][0-9]$'

# --- hmmt-minimize, with a command in the place of guests ----------------------

# A program fails if it writes before it moves; FAKE says how else it may be.
cat >"$tmp/fake" <<'END'
#!/bin/bash
mkdir "$2"
cp "$1" "$2/program.txt"
n=0
fails=0
programs=$(grep -c '^hmmtorture' "$1")
while read -r worker op _; do
	case $worker-$op in
	*-write) n=1 ;;
	*-mremap) [ "$n" -eq 0 ] || fails=1 ;;
	end-*)
		if [ "$FAKE" = company ] && [ "$programs" -gt 1 ]; then fails=1; fi
		if [ "$FAKE" = rare ] && [ $((${2##*-} % 3)) -ne 0 ]; then fails=0; fi
		if [ "$fails" -eq 1 ]; then
			echo same
			[ "$FAKE" != crash ] || exit 0
		else
			echo passed
		fi
		n=0
		fails=0 ;;
	esac
done <"$1" >"$2/outcome"
END
chmod +x "$tmp/fake"
{
	printf 'hmmtorture program 1\nworkers 4\nregions thp:4 hole:4\nops\n'
	for ((i = 0; i < 40; i++)); do
		printf '%d read %d 7 8\n' $((i % 4)) $((i + 1))
		[ "$i" -ne 11 ] || printf '3 write 12 100\n'
		[ "$i" -ne 23 ] || printf '1 mremap 13 8\n'
	done
	printf 'end 42\n'
} >"$tmp/start"
for FAKE in plain crash company rare; do
	export FAKE
	mkdir "$tmp/min-$FAKE"
	args=(--batch 4)
	[ "$FAKE" != rare ] || args=(--live)
	rc=0
	"$minimize" --out "$tmp/min-$FAKE" "${args[@]}" "$tmp/start" -- "$tmp/fake" \
		2>"$tmp/log" || rc=$?
	ktap_equal "minimize, $FAKE: only what it takes" \
		"exit $rc: $(grep -vE 'seed|scenario|round|devices' "$tmp/min-$FAKE/best.txt" | paste -sd'|')" \
		"exit 0: hmmtorture program 1|workers 1|pauses 0|order serial|regions thp:2|ops|0 write 0|0 mremap 0|end 2"
	ktap_equal "minimize, $FAKE: nothing else is left" "$(ls "$tmp/min-$FAKE")" best.txt
done
ktap_match "minimize, rare: says how sure it is" "$(cat "$tmp/log")" 'failed in 4 of 12 runs: what does not in 8 is given up'
printf 'hmmtorture program 1\nworkers 1\nregions thp:2\nops\n0 read 1\nend 1\n' >"$tmp/none"
rc=0
"$minimize" --out "$tmp/min-rare" "$tmp/none" -- "$tmp/fake" 2>"$tmp/log" || rc=$?
ktap_match "minimize: what does not fail" "exit $rc: $(cat "$tmp/log")" '^exit 3: .*did not fail with this title'
rc=0
"$minimize" --out "$tmp/min-rare" "$tmp/cut" -- "$tmp/fake" 2>"$tmp/log" || rc=$?
ktap_match "minimize: no program" "exit $rc: $(cat "$tmp/log")" '^exit 2: .*line 16: cut off'
ktap_end
