#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# stage: guest
# A guest of the det engine whose output is known is not booted again, and none but
# such a guest: not with another word, not one that was ended, not in live.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"
# shellcheck source=selftests/guest.sh
. "$HMMT_TOP/selftests/guest.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
guest_image DEBUG
export HMMT_ONCE=$tmp/once HMMT_CACHE=$tmp/cache
: >"$HMMT_ONCE"

# boot NAME [OPTIONS of boot.sh] -- WORDS...: what it came to in $rc, how often a guest
# was not booted in $spared
boot()
{
	rc=0
	guest_boot "$tmp/$1" "${@:2}" >"$tmp/$1.log" 2>&1 || rc=$?
	spared=$(wc -l <"$HMMT_ONCE")
}

kept()
{
	find "$HMMT_CACHE/guests" -name '*.tar.gz' 2>/dev/null | wc -l
}

boot first -- driver:none torture --list
ktap_equal "the first time it is booted" "$rc $spared $(kept)" "0 0 1"
boot second -- driver:none torture --list
ktap_equal "the second time it is not" "$rc $spared $(kept)" "0 1 1"
ktap_match "and that is said" "$(cat "$tmp/second.log")" 'not booted again: the same guest began 20'
ktap_equal "what it left is there" \
	"$(cd "$tmp/first" && find . -type f | sort | xargs sha256sum | grep -v replay.sh)" \
	"$(cd "$tmp/second" && find . -type f | sort | xargs sha256sum | grep -v replay.sh)"
"$tools/host/hmmt-judge" run "$tmp/second" >"$tmp/judge.log" 2>&1 || true
ktap_match "it is judged" "$(cat "$tmp/second/verdict.json")" '"verdict": "[A-Z]+"'
boot word -- driver:none torture --scenario mremap --list
ktap_equal "another word, another guest" "$rc $spared $(kept)" "0 1 2"
printf 'hmmtorture program 1\nworkers 1\ndevices 0\nregions thp:1\nops\nend 0\n' >"$tmp/ops"
boot program --program "$tmp/ops" -- driver:none torture --list
ktap_equal "another file in it, another guest" "$rc $spared $(kept)" "0 1 3"
boot panics -- driver:none nothing-like-it
ktap_equal "one that fails is kept as it is" "$rc $spared $(kept)" "0 1 4"

boot limit --limit 1 -- driver:none torture --list
ktap_equal "one that was ended is not kept" "$([ "$rc" -ne 0 ] && echo ended) $(kept)" "ended 4"
boot live --engine tcg -- driver:none torture --list
ktap_equal "nor one that is not the same each time" "$rc $(kept)" "0 4"
for entry in "$HMMT_CACHE"/guests/*.tar.gz; do
	head -c 100 "$entry" >"$entry.part"
	mv "$entry.part" "$entry"
done
boot broken -- driver:none torture --list
ktap_equal "an entry that cannot be read is made anew" \
	"$rc $spared $(for entry in "$HMMT_CACHE"/guests/*.tar.gz; do gzip -t "$entry" && echo sound; done 2>/dev/null)" \
	"0 1 sound"
(
	unset HMMT_ONCE
	guest_boot "$tmp/unasked" -- driver:none torture --list >"$tmp/unasked.log" 2>&1 || true
)
ktap_match "unasked, it is booted" "$(wc -l <"$HMMT_ONCE") $(cat "$tmp/unasked.log")" '^1 .*booting'

# Ended by a signal to boot.sh: the guest goes too.
guest_boot "$tmp/signal" -- driver:none torture --duration 600s >"$tmp/signal.log" 2>&1 &
pid=$!
until [ -s "$tmp/signal/console.log" ]; do sleep 0.1; done
# guest_boot is a subshell here, its child is boot.sh
pkill -TERM -P "$pid" -f boot.sh
rc=0
wait "$pid" || rc=$?
ktap_equal "a signal ends the guest" \
	"$(grep -c '"end": "interrupted"' "$tmp/signal/run.json") $(pgrep -cf "$tmp/signal" || true)" "1 0"
ktap_end
