#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# hmmt-corpus: the heads of all bugs are in order, bad ones are refused; what
# counts as caught; the sums of the table.
set -euo pipefail

HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"

corpus=$(dirname "${HMMT_JUDGE:-$("$HMMT_TOP/tools/vm/tools.sh")/host/hmmt-judge}")/hmmt-corpus
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

heads()
{
	local n races

	n=$("$corpus" bugs "$HMMT_TOP/selftests/corpus" | wc -l)
	ktap_equal "every head is in order" "$n" \
		"$(find "$HMMT_TOP/selftests/corpus" -name '*.cocci' | wc -l)"
	ktap_equal "at least 60 bugs that are not equivalent" "$(("$(
		"$corpus" bugs "$HMMT_TOP/selftests/corpus" | grep -c 'bug$')" >= 60))" 1
	races=$("$corpus" bugs "$HMMT_TOP/selftests/corpus" | cut -f 6 | grep -c race)
	ktap_equal "races among them" "$((races >= 20))" 1
}

# make_bug ID CLASS [LINE...]: in $tmp/bugs
make_bug()
{
	local id=$1

	mkdir -p "$tmp/bugs"
	{
		printf '// %s\n' "SPDX-License-Identifier: GPL-2.0" "bug: $1" "what: x" "why: y" \
			"source: derived" "file: mm/rmap.c" "changes: -1 +0" "kernels: 7.2.*" \
			"flavour: DEBUG" "scenario: fork" "oracle: slot" "budget: 60s" "class: $2"
		shift 2
		[ $# -eq 0 ] || printf '// %s\n' "$@"
		printf '\n@@\n@@\n-x();\n'
	} >"$tmp/bugs/$id.cocci"
}

# refused NAME SED: a good head with this edit must not be accepted
refused()
{
	local rc=0

	make_bug good logic
	sed -i -e "$2" "$tmp/bugs/good.cocci"
	"$corpus" bugs "$tmp/bugs" >"$tmp/out" 2>&1 || rc=$?
	ktap_equal "refused: $1" "$rc" 2
	rm -r "$tmp/bugs"
}

# run DIR ENGINE SECONDS TITLE...: a judged run; a title "known:X" is a known issue, "oracle:X" is
# of the oracle slot, all others are the console's; at 3 s, or "X@US"
run()
{
	local dir=$1 engine=$2 secs=$3 title list='' key source us

	shift 3
	mkdir -p "$dir"
	for title; do
		key='' source=console us=3000000
		[[ $title != known:* ]] || key=', "known": "k"'
		[[ $title != known:spoils* ]] || key+=', "spoils": "locks"'
		[[ $title != oracle:* ]] || { source=oracle key=', "oracle": "slot"'; }
		[[ $title != hang:* ]] || key=', "oracle": "hang"'
		[[ $title != *@* ]] || us=${title#*@}
		title=${title%@*}
		list+="${list:+, }{\"title\": \"${title#*:}\", \"source\": \"$source\","
		list+=" \"time_us\": $us$key}"
	done
	printf '{"verdict": "%s", "failures": [%s], "run": {"engine": "%s", "seed": 7,
		"wall_ms": 2000}, "journal": {"elapsed_ms": %d}}\n' \
		"$([ -n "$list" ] && echo FAIL || echo PASS)" "$list" "$engine" "$((secs * 1000))" \
		>"$dir/verdict.json"
}

# new NAME WANTED TITLE...: does a run with these failures count?
new()
{
	local name=$1 want=$2 got

	shift 2
	rm -rf "$tmp/one"
	run "$tmp/one" det 20 "$@"
	got=$("$corpus" new "$tmp/one" "$tmp/results/control") || true
	ktap_equal "$name" "$got" $'20\t'"$want"
}

rule()
{
	run "$tmp/results/control/001-a" det 20 "seen on stock" "known:old"
	mkdir -p "$tmp/bugs"
	new "no failure is no catch" ""
	new "a known issue is no catch" "" known:old
	new "what the unmodified kernel shows is no catch" "" "seen on stock"
	new "anything else is" "new" "new"
	new "also before a known issue" "new" "new@1000000" known:old
	new "or just before it" "new" "new@2500000" known:old
	new "but not of one that spoils things" "" "new@2500000" known:spoils
	new "unless it is a second earlier" "new" "new@1000000" known:spoils
	new "nor behind such a one" "" known:spoils "new@9000000"
	new "unless an oracle says so" "new" known:spoils "oracle:new@9000000"
	new "a title is compared whole" "seen on stock 2" "seen on stock 2"
	ktap_equal "the control itself has nothing to be compared with" \
		"$("$corpus" new "$tmp/results/control/001-a")" $'20\tseen on stock'
}

# cell ID COLUMN: of table.tsv
cell()
{
	awk -F'\t' -v id="$1" -v col="$2" '$1 == id { print $col }' "$tmp/results/table.tsv"
}

table()
{
	local rc=0 id flavour out

	for id in caught late hung masked survivor same wrong; do
		flavour=LIGHT
		case $id in
		same | wrong) make_bug "$id" logic "equivalent: because" ;;
		masked) make_bug "$id" race; flavour=DEBUG ;;
		*) make_bug "$id" logic ;;
		esac
		printf '%s\tmm/rmap.c\t-1 +0\t%s\t60\n' "$id" "$flavour" >>"$tmp/results/bugs.tsv"
	done
	for id in stale broken; do
		make_bug "$id" logic
		printf '%s\tmm/rmap.c\n' "$id" >>"$tmp/results/bugs.tsv"
		mkdir "$tmp/results/$id"
	done
	echo "apply the patch changes -0 +0 lines" >"$tmp/results/stale/state"
	echo "build failed" >"$tmp/results/broken/state"
	run "$tmp/results/caught/001-a" det 20 known:old
	run "$tmp/results/caught/002-b" live 20 "oracle:new"
	run "$tmp/results/late/001-a" det 20 "new@61000000"
	run "$tmp/results/hung/001-a" det 20 "hang:task hung in f"
	run "$tmp/results/caught/hmm-tests" det 20
	run "$tmp/results/masked/001-a" det 20 "seen on stock"
	run "$tmp/results/stock-DEBUG/hmm-tests" det 20 "slow in DEBUG"
	run "$tmp/results/masked/hmm-tests" det 20 "slow in DEBUG"
	run "$tmp/results/hung/hmm-tests" det 20 "slow in DEBUG"
	run "$tmp/results/survivor/001-a" det 20
	run "$tmp/results/survivor/hmm-tests" det 20 "hang in x"
	run "$tmp/results/late/hmm-tests" det 20
	sed -i 's/"PASS"/"LOST"/' "$tmp/results/late/hmm-tests/verdict.json"
	run "$tmp/results/same/001-a" det 20
	run "$tmp/results/wrong/001-a" det 20 "new"
	out=$("$corpus" table "$tmp/bugs" "$tmp/results") || rc=$?
	ktap_equal "table: exit code" "$rc" 1
	ktap_equal "caught by the second guest" "$(cell caught 4) $(cell caught 9)" "caught 2"
	ktap_equal "its engine" "$(cell caught 7)" live
	ktap_equal "clocks of the guests add up" "$(cell caught 10) $(cell caught 11)" "40.0 4.0"
	ktap_equal "noticed by the oracle that was expected, in time" \
		"$(cell caught 5) $(cell caught 14) $(cell caught 15) $(cell caught 16)" \
		"slot slot yes yes"
	ktap_equal "by another one, too late" \
		"$(cell late 5) $(cell late 14) $(cell late 15) $(cell late 16)" \
		"console slot no no"
	ktap_equal "a watchdog tells of a hang" "$(cell hung 5)" hang
	ktap_equal "a survivor is neither" "$(cell survivor 15) $(cell survivor 16)" "- -"
	ktap_match "the table says so" "$out" \
		$'\nlate .* console: new \(expected: slot\) \(later than 60s\)'
	ktap_match "and the sums" "$out" $'\nall [^\n]*, 1 by what was expected, 3 in the time'
	ktap_equal "hmm-tests that passed" "$(cell caught 12)$(cell caught 13)" nono
	ktap_equal "hmm-tests that our judge fails" "$(cell survivor 12)$(cell survivor 13)" noyes
	ktap_equal "hmm-tests that fail so on the unmodified kernel of this flavour" \
		"$(cell masked 12)$(cell masked 13)" nono
	ktap_equal "but not of another one" "$(cell hung 12)$(cell hung 13)" noyes
	ktap_equal "hmm-tests that were cut" "$(cell late 12)$(cell late 13)" --
	ktap_equal "not caught by what stock shows" "$(cell masked 4)" survived
	ktap_equal "survivor" "$(cell survivor 4)" survived
	ktap_equal "equivalent" "$(cell same 4)" equivalent
	ktap_equal "stale patch" "$(cell stale 4)" "NOT APPLIED"
	ktap_equal "broken patch" "$(cell broken 4)" "NOT BUILT"
	ktap_match "one that is not equivalent after all" "$out" "BUT SAID TO BE EQUIVALENT"
	ktap_match "stale and broken ones count as missed" "$out" "all +4 of +8 caught"
	ktap_match "races apart" "$out" "race +0 of +1 caught"
}

heads
refused "a field is missing" '/why:/d'
refused "an unknown field" 's/why:/because:/'
refused "a field twice" 's/why:/what:/'
refused "a class that there is not" 's/class: logic/class: luck/'
refused "another id than the file's name" 's/bug: good/bug: better/'
refused "a header, which the modules would need too" 's/rmap.c/rmap.h/'
refused "no budget" 's/60s/soon/'
refused "an oracle that there is not" 's/oracle: slot/oracle: slot, luck/'
refused "no oracle between two" 's/oracle: slot/oracle: slot, , hmm/'
refused "an oracle and none" 's/oracle: slot/oracle: slot, none/'
refused "two classes" 's/class: logic/class: logic, race/'
refused "no count of changes" 's/-1 +0/some/'
rule
table
ktap_end
