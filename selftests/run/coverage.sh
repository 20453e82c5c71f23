#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Coverage: from what a guest prints to percent, with a program of this machine in
# the place of the kernel. Two runs that each take one side of a branch make it
# whole; what none ran is listed; data that is cut off is refused.
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
coverage=$(host_bin_dir)/hmmt-coverage

mkdir -p "$tmp/tree/mm" "$tmp/build"
cat >"$tmp/tree/mm/part.c" <<'END'
#include <stdlib.h>
#define WARN_ON(x) ((x) ? abort() : (void)0)

int main(int argc, char **argv)
{
	int is_device_private = argc > 1;
	int n = 0;

	WARN_ON(argc > 9);
	if (is_device_private)
		n = 1;
	else
		n = 2;
	if (argc > 5)
		exit(9);
	return n == 3 ? argv[0][0] : 0;
}
END
cat >"$tmp/config" <<'END'
match is_device_private
assert WARN_ON
mm/part.c	90	80
END
sed 's/90	80/-	-/' "$tmp/config" >"$tmp/matched"

# run NAME ARG...: the program, and its counts as a guest would print them
run()
{
	local name=$1 data=$tmp/build/part.gcda

	shift
	rm -f "$data"
	"$tmp/build/part" "$@"
	mkdir -p "$tmp/$name"
	{
		echo "ok 1 something"
		echo "# gcov file $data"
		base64 -w 720 "$data" | sed 's/^/# gcov data /'
		echo "HMMT-END rc=0"
	} >"$tmp/$name/results.log"
}

# table CONFIG RUN...
table()
{
	local config=$1 r
	local -a data=()

	shift
	rm -rf "$tmp/out"
	for r; do
		mapfile -t -O "${#data[@]}" data < <("$coverage" unpack "$tmp/$r/results.log" "$tmp/out/$r")
	done
	(cd "$tmp" && gcov --json-format --stdout --branch-probabilities "${data[@]}") |
		"$coverage" table "$config" "$tmp/tree" "$tmp/list" || echo "exit $?"
}

(cd "$tmp/build" && gcc -O0 --coverage -c -o part.o ../tree/mm/part.c && gcc --coverage -o part part.o)
run one
run two argument

ktap_match "one run: a side of each branch" "$(table "$tmp/config" one)" \
	'mm/part.c +80\.0% 8 of 10 +90% +50\.0% 3 of 6 +80%'
ktap_match "the other side is listed" "$(cat "$tmp/list")" \
	'mm/part.c:10: 1 of 2 branches never taken: *	if .is_device_private'
ktap_match "what was not run is listed" "$(cat "$tmp/list")" 'mm/part.c:11: never run: *		n = 1'
ktap_match "two runs add up" "$(table "$tmp/config" one two)" \
	'mm/part.c +90\.0% 9 of 10 +90% +66\.7% 4 of 6 +80%'
ktap_equal "an assertion has no branches" "$(grep -c WARN_ON "$tmp/list" || true)" 0
ktap_match "only what matches" "$(table "$tmp/matched" one two)" \
	'mm/part.c +100\.0% 2 of 2 +all +100\.0% 2 of 2 +all'
ktap_match "only what matches, in half" "$(table "$tmp/matched" one)" \
	'mm/part.c +100\.0% 2 of 2 +all +50\.0% 1 of 2 +all'

mkdir -p "$tmp/cut"
head -c -30 "$tmp/one/results.log" >"$tmp/cut/results.log"
rc=0
err=$("$coverage" unpack "$tmp/cut/results.log" "$tmp/out" 2>&1 >/dev/null) || rc=$?
ktap_equal "cut off: exit code" "$rc" 1
ktap_match "cut off: says so" "$err" 'cut off'
rc=0
err=$("$HMMT_TOP/tools/coverage/coverage.sh" "$tmp/tree" 2>&1 >/dev/null) || rc=$?
ktap_equal "no counts: exit code" "$rc" 1
ktap_match "no counts: says so" "$err" 'none of the runs has counts'
rc=0
err=$(echo '{"files":' | "$coverage" table "$tmp/config" "$tmp/tree" 2>&1 >/dev/null) || rc=$?
ktap_equal "no JSON: exit code" "$rc" 1
ktap_end
