#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# stage: guest
# Ten bugs of the corpus that are caught within seconds must be caught, each as
# what it is, and the unmodified kernel, tortured in the same way, must show
# nothing new. Patches that do not apply or compile must be told.
set -euo pipefail

HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
export HMMT_TOP
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"

# ID <tab> what it is caught as, . where that depends on what runs into it first.
# By file, so that two in a row share a compile.
bugs()
{
	cat <<'END'
collect-noref	.
nr-anon	conservation
recollect	.
fallback-put	.
nosplit-system	.
splitpmd-pfn	.
zap-order	.
pmdfault-put	conservation
pmdfault-unlock	device folio freed while locked
no-ref	.
END
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
work=${logs:-$tmp}/corpus

caught()
{
	local ids table id title row rc=0

	mapfile -t ids < <(bugs | cut -f 1)
	# whatever they ask for: a kernel that other tests have as well
	"$HMMT_TOP/run.sh" corpus --flavour DEBUG --budget 60s --seed 1 --results "$work" \
		control "${ids[@]}" || rc=$?
	ktap_equal "all are caught: exit code" "$rc" 0
	table=$(find "$work" -maxdepth 2 -name table.tsv | sort | tail -n 1)
	while IFS=$'\t' read -r id title; do
		row=$(awk -F'\t' -v id="$id" '$1 == id { print $4 "|" $6 }' "$table")
		ktap_match "$id" "$row" "^caught\|$title"
	done < <(bugs)
	row=$(sed -n 's/.*"verdict": *"\([A-Z]*\)".*/\1/p' "${table%/*}"/control/0*/verdict.json |
		sort -u | paste -sd' ')
	# a guest whose rest was short may have been too short for an oracle
	ktap_match "the unmodified kernel shows nothing new" "$row" \
		'^(INCONCLUSIVE )?(PASS|KNOWN|KNOWN PASS)$'
}

# What was judged is not run again; whom a larger budget is for goes on.
resumed()
{
	local dir more rc=0 before after

	dir=$(find "$work" -maxdepth 1 -name '*-corpus' | sort | tail -n 1)
	# the last guest may have taken more than what was left
	more=$(($(cat "$dir/control/done") + 20))
	before=$(find "$dir" -path '*/0*/verdict.json' -printf '%P %T@\n' | sort)
	"$HMMT_TOP/run.sh" corpus --flavour DEBUG --resume "$dir" --budget "${more}s" || rc=$?
	ktap_equal "resumed: exit code" "$rc" 0
	after=$(find "$dir" -path '*/0*/verdict.json' -printf '%P %T@\n' | sort)
	# one guest or more: a known issue may end it early
	ktap_equal "only the control goes on" \
		"$(comm -13 <(echo "$before") <(echo "$after") | sed 's|/.*||' | sort -u)" control
	ktap_equal "what was judged stays" "$(comm -23 <(echo "$before") <(echo "$after"))" ""
	after=$("$HMMT_TOP/run.sh" corpus --flavour DEBUG --resume "$dir" --class race 2>&1) || true
	ktap_match "resumed: only the control and no-ref" "$after" "corpus: 2 kernels"
	rc=0
	"$HMMT_TOP/run.sh" corpus --resume "$dir" no-such-bug || rc=$?
	ktap_equal "resumed: a bug that is not in it: exit code" "$rc" 2
}

# bad_bug ID CHANGES BODY
bad_bug()
{
	{
		sed -n '/^\/\//p' "$HMMT_TOP/selftests/corpus/fork-rss.cocci" |
			sed -e "s/^\/\/ bug: .*/\/\/ bug: $1/" -e "s/^\/\/ changes: .*/\/\/ changes: $2/"
		printf '\n@@\n@@\n%s\n' "$3"
	} >"$tmp/bad/$1.cocci"
}

reported()
{
	local rc=0 states

	mkdir "$tmp/bad"
	bad_bug matches-nothing "-1 +0" "-no_such_function(...);"
	bad_bug matches-more "-1 +0" "-folio_get(...);"
	bad_bug is-no-patch "-1 +1" $'-folio_get(...);\n+no_such_function(1;'
	bad_bug does-not-build "-1 +1" $'-mm_get_huge_zero_folio(...);\n+no_such_variable = 1;'
	HMMT_CORPUS=$tmp/bad "$HMMT_TOP/run.sh" corpus --check --results "$tmp/check" || rc=$?
	ktap_equal "bad patches: exit code" "$rc" 1
	states=$(cd "$tmp"/check/*-corpus && grep -H . ./*/state | sed 's/^\.\///; s/\/state//' |
		cut -c 1-64)
	ktap_match "one that matches nothing" "$states" 'matches-nothing:apply the patch changes -0 '
	ktap_match "one that matches too much" "$states" 'matches-more:apply the patch changes -[0-9]{2} '
	ktap_match "one that is no C" "$states" 'is-no-patch:apply spatch fails'
	ktap_match "one that does not compile" "$states" 'does-not-build:build failed'
}

# A signal while a kernel is built: nothing is waited for, and nothing goes on.
cut_short()
{
	local build pid rc=0

	rm -rf "$tmp/bad"
	mkdir "$tmp/bad"
	bad_bug slow "-1 +1" $'-mm_get_huge_zero_folio(...);\n+cond_resched();'
	touch "$tmp/begin"
	HMMT_CORPUS=$tmp/bad "$HMMT_TOP/run.sh" corpus --flavour DEBUG --budget 0 \
		--results "$tmp/cut" slow &
	pid=$!
	until [ -n "$(find "$tmp/cut" -name build.log 2>/dev/null)" ]; do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	kill "$pid"
	wait "$pid" || rc=$?
	ktap_equal "cut while it builds: exit code" "$rc" 130
	# one for each source that this checkout has used; the last one was just opened
	build=$(grep -lx "$HMMT_TOP" "$HMMT_CACHE"/corpus/*/top | xargs ls -t | head -n 1)
	build=$("$HMMT_TOP/tools/vm/kernel.sh" --ksrc "${build%/top}/linux" --flavour DEBUG \
		--where)
	ktap_equal "the kernel was not waited for" \
		"$(find "$build/hmmt/bzImage" -newer "$tmp/begin" | wc -l)" 0
	for rc in {1..100}; do
		pgrep -f "O=$build" >/dev/null || break
		sleep 0.1
	done
	ktap_equal "nothing is left of make" "$(pgrep -fa "O=$build" || true)" ""
}

reported
caught
resumed
cut_short
ktap_end
