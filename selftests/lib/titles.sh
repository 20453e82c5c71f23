#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every title that the torture program can report has a deliberate mistake in busts.c
# that must bring it about: an oracle that cannot fire is none.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"

# titles DIR: what stands where a title stands, or looks like one; %s is any word
titles()
{
	local subjects

	# what titles begin with, out of those that are passed to fail_add() as they are
	subjects=$(cat "$1"/*.c "$1"/*/*.c | tr '\n' ' ' |
		grep -oE 'fail_add\([^"]*"[A-Za-z_ ]+:' | sed 's/.*"//' | sort -u | paste -sd'|')
	# and the ones that come by a variable are recognised by it
	cat "$1"/*.c "$1"/*/*.c | grep -oE "\"(${subjects}|smaps:|snapshot:|spin:|stale translation:|wrong slot:|hmm_range_fault:|migrate_vma_setup:|device page:)[^\"]*\"" |
		tr -d '"' | grep -vE '^mseal: status|^(wrong slot|conservation): %s|%[^s]' | sort -u
}

# shown FILE TITLE: does a mistake end in this title?
shown()
{
	local title=${2%%%*} want

	while IFS= read -r want; do
		[[ $title != "$want"* && $want != "$title"* ]] || return 0
	done < <(grep -oE '^	*(\{ "[^"]*",)?[[:space:]]*"[a-zA-Z_ ]+: ?[^"]*"' "$1" |
		sed 's/.*"\([^"]*\)"$/\1/')
	return 1
}

n=0
while IFS= read -r title; do
	n=$((n + 1))
	if shown "$HMMT_TOP/selftests/lib/busts.c" "$title"; then
		ktap_pass "$title"
	else
		ktap_fail "$title" "no mistake in selftests/lib/busts.c is reported so"
	fi
done < <(titles "$HMMT_TOP/tools/torture")
[ "$n" -gt 50 ] || ktap_fail "titles are found" "only $n in tools/torture"

# It notices one that has none.
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
grep -v 'mincore: wrong answer' "$HMMT_TOP/selftests/lib/busts.c" >"$tmp/busts.c"
if shown "$tmp/busts.c" "mincore: wrong answer"; then
	ktap_fail "a title without a mistake is noticed" "it is not"
else
	ktap_pass "a title without a mistake is noticed"
fi
ktap_end
