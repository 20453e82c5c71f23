#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Coverage: from what a guest leaves to percent, with a program of this machine in
# the place of the kernel. Two runs that each take one side of a branch make it
# whole; what none ran is listed, with its reason; reasons that do not hold are told;
# of a guest that died the last complete snapshot counts.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=tools/campaign/prepare.sh
. "$HMMT_TOP/tools/campaign/prepare.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
prepare_judge
coverage=${HMMT_COVERAGE:-$(host_bin_dir)/hmmt-coverage}
here=$HMMT_TOP/selftests/run

mkdir -p "$tmp/tree/mm" "$tmp/build/mm" "$tmp/build/hmmt"
echo "$tmp/tree" >"$tmp/build/hmmt/where"
cat >"$tmp/tree/mm/part.c" <<'END'
#include <stdlib.h>
#define WARN_ON(x) ((x) ? abort() : (void)0)

static int
private_only(int is_device_private,
	     int n)
{
	if (n > 7)
		return 1;
	if (n > 8)
		return 1;
	return is_device_private;
}

int main(int argc, char **argv)
{
	int n = 0;
	int is_device_private = argc > 1;

	WARN_ON(argc > 9 &&
		argv[0]);
	if (is_device_private) {
		n = private_only(is_device_private,
				 argc);
		n++;
	} else if (argc) {
		n = 2;
	}
	if (argc > 5) {
		int is_device_private_too = 1;

		n = argc;
		exit(9);
	}
	return n == 3 ? argv[0][0] : 0;
}
END
cat >"$tmp/config" <<'END'
match is_device_private
assert WARN_ON
mm/part.c	90	80
END
sed 's/90	80/-	-/' "$tmp/config" >"$tmp/matched"
echo "# none" >"$tmp/none"

# run NAME ARG...: the program, and its counts as a guest would leave them
run()
{
	local name=$1 data=$tmp/build/mm/part.gcda

	shift
	rm -f "$data"
	"$tmp/build/mm/part" "$@"
	mkdir -p "$tmp/$name"
	python3 "$here/mkcounts.py" "$tmp/$name/counts.bin" "1=$data"
}

# table CONFIG REASONS RUN...
table()
{
	local config=$1 reasons=$2 r
	local -a data=()

	shift 2
	rm -rf "$tmp/out"
	for r; do
		mapfile -t -O "${#data[@]}" data < <("$coverage" unpack "$tmp/$r/counts.bin" "$tmp/out/$r")
	done
	(cd "$tmp" && gcov --json-format --stdout --branch-probabilities "${data[@]}") |
		"$coverage" table "$config" "$reasons" "$tmp/tree" "$tmp/list" || echo "exit $?"
}

# listed TEXT: what the list says of a line
listed()
{
	grep -A 1 -F "$1" "$tmp/list" || true
}

# failing NAME STATUS TEXT COMMAND...
failing()
{
	local name=$1 status=$2 text=$3 rc=0 err

	shift 3
	err=$("$@" 2>&1 >/dev/null) || rc=$?
	ktap_equal "$name: exit code" "$rc" "$status"
	ktap_match "$name: says so" "$err" "$text"
}

(cd "$tmp/build/mm" && gcc -O0 --coverage -c -o part.o ../../tree/mm/part.c &&
	gcc --coverage -o part part.o)
run one
run two argument

ktap_match "one run: a side of each branch" "$(table "$tmp/config" "$tmp/none" one)" \
	'mm/part.c +45\.0% 9 of 20 +90%< +33\.3% 4 of 12 +80%<'
ktap_match "the other side is listed" "$(cat "$tmp/list")" \
	'mm/part.c:22: 1 of 2 branches never taken: *	if .is_device_private. .'
ktap_match "with how often each was" "$(listed 'if (is_device_private)')" 'NO REASON; taken: (0 1|1 0)'
ktap_match "what was not run is listed" "$(cat "$tmp/list")" 'mm/part.c:25: never run: *		n\+\+;'
ktap_match "its function is listed" "$(listed 'return is_device_private')" 'private_only\(\): NO REASON'
ktap_match "also of its head" "$(listed 'part.c:5: never run')" 'private_only\(\): NO REASON'
ktap_match "two runs add up" "$(table "$tmp/config" "$tmp/none" one two)" \
	'mm/part.c +75\.0% 15 of 20 +90%< +58\.3% 7 of 12 +80%<'
ktap_equal "an assertion has no branches, in none of its lines" \
	"$(grep -c 'WARN_ON\|argv.0.).;' "$tmp/list" || true)" 0
ktap_match "what matches, and the blocks that it opens or begins" \
	"$(table "$tmp/matched" "$tmp/none" one two)" 'mm/part.c +61\.5% 8 of 13 +all +66\.7% 4 of 6 +all'
ktap_match "only what matches, in half" "$(table "$tmp/matched" "$tmp/none" one)" \
	'mm/part.c +15\.4% 2 of 13 +all +16\.7% 1 of 6 +all'

cat >"$tmp/reasons" <<'END'
# a comment
mm/part.c private_only
= nobody calls it
= with so many
- return
? n > 7
= nor with more
? n >

mm/part.c main
= arguments are few
- .
? argc > 5
END
out=$(table "$tmp/config" "$tmp/reasons" one two)
for line in 9 11; do
	ktap_match "reasons: of line $line" "$(listed "part.c:$line: never")" \
		'private_only\(\): nobody calls it with so many'
done
ktap_match "reasons: of a branch, the first that matches" "$(listed 'n > 7')" \
	'nobody calls it with so many'
ktap_match "reasons: ... and the next" "$(listed 'n > 8')" 'nor with more'
ktap_match "reasons: of another function" "$(listed 'if (argc > 5)')" 'main\(\): arguments are few'
ktap_match "reasons: what is left without" "$out" \
	'10 lines are not covered .* 2 of them without a reason; 0 stale reasons; 1 aims are missed'

# stale NAME PATTERN: of main()
stale()
{
	printf 'mm/part.c main\n= so it is\n%s\n' "$2" >"$tmp/wrong"
	ktap_match "stale: $1" "$(table "$tmp/config" "$tmp/wrong" one two)" \
		'stale reason: .*wrong:3: nothing that is missing matches: .*; 1 stale reasons;'
}
stale "covered" '- n = 2;'
stale "branch covered" '? if .is_device_private.'
stale "gone" '- n = 4;'
stale "of another function" '- return 1;'
stale "branch of a line that never runs" '? exit'
for text in 'mm/other.c main' 'main' '- exit'; do
	echo "$text" >"$tmp/wrong"
	failing "reasons that are wrong: $text" 1 'wrong:1: n' "$coverage" table "$tmp/config" \
		"$tmp/wrong" "$tmp/tree" < <(echo '{"files":[]}')
done

# A guest that dies in the middle of a snapshot leaves the one before.
cp "$tmp/build/mm/part.gcda" "$tmp/two.gcda"
run one
mkdir -p "$tmp/dead" "$tmp/cut"
# mixed NUMBER1 NUMBER2: both snapshots are of the data file of the name that counts
mixed()
{
	cp "$tmp/build/mm/part.gcda" "$tmp/one.gcda"
	python3 "$here/mkcounts.py" "$tmp/a.bin" "$1=$tmp/build/mm/part.gcda"
	cp "$tmp/two.gcda" "$tmp/build/mm/part.gcda"
	python3 "$here/mkcounts.py" "$tmp/b.bin" "$2=$tmp/build/mm/part.gcda"
	cp "$tmp/one.gcda" "$tmp/build/mm/part.gcda"
	{ head -c 4M "$tmp/a.bin"; head -c 4M "$tmp/b.bin"; } >"$tmp/dead/counts.bin"
}
mixed 7 8
ktap_match "snapshots: the last one counts" "$(table "$tmp/config" "$tmp/none" dead)" '65\.0% 13 of 20'
mixed 9 8
ktap_match "snapshots: whichever it is" "$(table "$tmp/config" "$tmp/none" dead)" '45\.0% 9 of 20'
mixed 7 0
ktap_match "snapshots: not the incomplete one" "$(table "$tmp/config" "$tmp/none" dead)" '45\.0% 9 of 20'
mixed 0 0
failing "no snapshot" 1 'left no counts' "$coverage" unpack "$tmp/dead/counts.bin" "$tmp/out"
head -c 1M "$tmp/one/counts.bin" >"$tmp/cut/counts.bin"
failing "cut off" 1 'not what gcov-data writes' "$coverage" unpack "$tmp/cut/counts.bin" "$tmp/out"

ktap_match "the whole way" "$("$HMMT_TOP/tools/coverage/coverage.sh" "$tmp/one" "$tmp/two" 2>&1 || true)" \
	'configs/coverage|/mm/migrate_device.c: No such file'
failing "no counts" 1 'none of the runs has counts' "$HMMT_TOP/tools/coverage/coverage.sh" "$tmp/tree"
rm "$tmp/build/mm/part.gcno"
failing "the kernel was built again" 1 'was the kernel built again' \
	"$coverage" unpack "$tmp/one/counts.bin" "$tmp/out"
failing "no JSON" 1 'not what gcov prints' "$coverage" table "$tmp/config" "$tmp/none" "$tmp/tree" \
	< <(echo '{"files":')
ktap_end
