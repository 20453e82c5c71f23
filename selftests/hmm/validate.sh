#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# stage: guest
# The matrix of ./run.sh validate on the default kernel, in det: no row fails that
# is not known, none is lost. Then that rows do fail: with something broken on
# purpose, all these of one guest together; and what the verb does with bad input.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"
# shellcheck source=selftests/guest.sh
. "$HMMT_TOP/selftests/guest.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# Rows that spin until they are given up take half of the time of all.
rows='^([^f]|fault[.]([^w]|write|window_(base|pte)))'

# verb ARGS...: its exit status, output in $tmp/out
verb()
{
	rc=0
	"$HMMT_TOP/run.sh" validate "$@" >"$tmp/out" 2>&1 </dev/null || rc=$?
}

tools=$("$vm/tools.sh")
listed=$("$tools/guest/hmm-validate" --list --only "$rows" | wc -l)
ktap_match "rows: there are many" "$listed" '^(19|[2-9][0-9])[0-9]$'
ktap_equal "rows: names are unique" \
	"$("$tools/guest/hmm-validate" --list | cut -f1 | sort | uniq -d)" ""
ktap_equal "rows: each says what is promised, and where" \
	"$("$tools/guest/hmm-validate" --list | awk -F'\t' 'NF != 4 || $3 == "" || $4 == ""')" ""

verb --only "$rows" --results "$tmp/results"
ktap_equal "matrix: exit code" "$rc" 0
[ "$rc" -eq 0 ] || ktap_diag "$(grep -A 3 -E '^(FAIL|NONE) ' "$tmp/out" || tail -n 5 "$tmp/out")"
ktap_match "matrix: every row has a result" "$(tail -n 1 "$tmp/out")" \
	"^(PASS|KNOWN): $listed rows: .* 0 fail, .* 0 without a result\$"
ktap_match "matrix: most pass" "$(tail -n 1 "$tmp/out")" ' (1[7-9]|[2-9][0-9])[0-9] pass'
ktap_equal "matrix: files" "$(cd "$tmp"/results/*/ && wc -l <matrix.tsv && grep -cE '^(not )?ok ' results.ktap)" \
	"$(printf '%d\n%d' "$listed" "$listed")"
ktap_equal "matrix: those that are to meet do" \
	"$(grep -c 'SKIP.*did not wait' "$tmp"/results/*/results.ktap || true)" 0
ktap_diag "$(tail -n 1 "$tmp/out")"

# BUST, rows that it must fail: none of them may pass
busts='content collect[.](thp|device_thp)$
lost collect[.]thp|vma[.]mremap$
base collect[.]thp$|fault[.]read_head
stuck mthp[.]order2$
leak collect[.]thp$
process collect[.]thp$
warning collect[.]thp$|proc[.]rss'
words=()
while read -r bust only; do
	[ "${#words[@]}" -eq 0 ] || words+=(+)
	words+=(hmm-validate "--bust=$bust" "--only=$only")
done <<<"$busts"
guest_image DEBUG
guest_boot "$tmp/bust" -- "${words[@]}" >"$tmp/boot.out" 2>&1 || true
# each step begins with a KTAP line
awk '/^KTAP/ { n++ } /^(not )?ok / { print n, $0 }' "$tmp/bust/results.log" >"$tmp/busted" || true
n=0
while read -r bust only; do
	n=$((n + 1))
	wanted=$("$tools/guest/hmm-validate" --list --only "$only" | wc -l)
	ktap_equal "--bust $bust: rows fail" \
		"$(grep -c "^$n not ok " "$tmp/busted" || true), $(grep -c "^$n ok " "$tmp/busted" || true) pass" \
		"$wanted, 0 pass"
done <<<"$busts"

ktap_match "--bust process: what is left" "$(grep -a -o 'left behind:.*' "$tmp/bust/results.log")" \
	'left behind: \+1 large folios \+[0-9]+ kB of page tables \+[0-9]+ kB of anonymous memory'

verb --bust content --only 'collect[.]thp$' --results "$tmp/results"
ktap_match "a row fails: the verb says so" "exit $rc: $(cat "$tmp/out")" \
	'^exit 1: .*FAIL +collect.thp .*seen: .*FAIL: 1 rows: 0 pass, 0 known, 1 fail'

# refused NAME CODE REGEX ARGS...
refused()
{
	local name=$1 code=$2 regex=$3

	shift 3
	verb "$@" --results "$tmp/refused"
	ktap_match "$name" "exit $rc: $(grep -v '^\[' "$tmp/out")" "^exit $code: .*$regex"
}
refused "option" 2 "unknown option '--frob'; valid: .*--only" --frob
refused "no tree" 2 "no such directory" --ksrc "$tmp/none"
refused "regular expression" 2 "no regular expression" --only '('
refused "no row" 3 "no row matches" --only frobnicate
refused "blank in an expression" 2 "no blanks" --only 'a b'
refused "bust" 2 "unknown bust 'frob'; valid: content lost" --bust frob
refused "engine" 2 "unknown engine 'both'" --engine both
refused "argument" 2 "takes no argument 'smoke'" smoke
ktap_equal "refused: nothing was written" "$(ls "$tmp/refused" 2>/dev/null || true)" ""
ktap_end
