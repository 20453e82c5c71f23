#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# bust.sh TORTURE [OPTION...]
#
# Each deliberate mistake of the torture program must be found, under its right
# title; and without one there must be nothing to find. KTAP on stdout.
set -euo pipefail

torture=${1:?usage: bust.sh TORTURE [OPTION...]}
shift

# mistake, beginning of the title
cases='
none		-
stale		wrong slot: stale sequence
foreign		wrong slot: foreign page
zero		wrong slot: lost page (zeros)
garbage		wrong slot: garbage
forkleak	fork isolation: child'"'"'s write seen by parent
childleak	fork isolation: parent'"'"'s write seen by child
negative	negative: forbidden write succeeded
denied		negative: allowed read refused
livelock	livelock in 
hang		hang in 
rss		conservation: RSS left after unmapping
crash		round: process died
moved		wrong slot: stale sequence
nowhere		pagemap: written page is nowhere
lane		wrong slot: garbage
freed		MADV_FREE: page freed in part
uffd		uffd: write protection lost
'

total=$(grep -c . <<<"$cases")
echo "KTAP version 1"
echo "1..$((total + 1))"
n=0
failed=0
while IFS=$'\t' read -r bust title; do
	[[ $bust ]] || continue
	n=$((n + 1))
	args=(--scenario everything --duration 2s --round-ms 1000 --hang 8s "$@")
	[[ $bust == none ]] || args+=(--bust "$bust")
	rc=0
	out=$("$torture" "${args[@]}" 2>/dev/null </dev/null) || rc=$?
	json=$(grep '^{"hmmtorture":1,' <<<"$out" || true)
	if [[ $bust == none ]]; then
		ok=$((rc == 0))
		[[ $json == *'"failures":[]}' ]] || ok=0
	else
		ok=$((rc == 1))
		[[ $json == *'"failures":['*"\"title\":\"$title"* ]] || ok=0
	fi
	if ((ok)); then
		echo "ok $n bust.$bust"
	else
		grep '^# ' <<<"$out" || true
		echo "# exit status $rc, wanted: $title"
		echo "not ok $n bust.$bust"
		failed=1
	fi
done < <(tr -s '\t' <<<"$cases")
# A scenario that cannot run here is skipped, with the reason, and nothing passes.
out=$("$torture" --no-device --scenario device-to-device --duration 1s 2>/dev/null </dev/null)
if [[ $out == *'torture.device-to-device # SKIP --no-device'* && $out != *'rounds":1'* ]]; then
	echo "ok $((n + 1)) skip.reason"
else
	echo "# $out"
	echo "not ok $((n + 1)) skip.reason"
	failed=1
fi
exit "$failed"
