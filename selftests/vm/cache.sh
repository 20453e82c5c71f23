#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The cache does not grow for ever: what is kept, and what goes.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"
# shellcheck source=tools/vm/cache.sh
. "$HMMT_TOP/tools/vm/cache.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# left DIR: what is in it
left()
{
	find "$1" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | paste -sd' '
}

mkdir "$tmp"/{newest,checkout}
for n in 1 2 3 4; do
	mkdir "$tmp/newest/e $n"
	touch -d "2020-01-0$n" "$tmp/newest/e $n"
done
touch "$tmp/newest/e 4.lock"
touch -d 2020-01-05 "$tmp/newest/e 1"
keep_newest "$tmp/newest" 2
ktap_equal "the two used last are kept, and locks" "$(left "$tmp/newest")" "e 1 e 4 e 4.lock"
keep_newest "$tmp/newest" 2
ktap_equal "nothing to remove" "$(left "$tmp/newest")" "e 1 e 4 e 4.lock"

mkdir -p "$tmp"/entries/{here,gone,new,nobodys}
: >"$tmp/entries/new/top"
echo "$tmp/checkout" >"$tmp/entries/here/top"
echo "$tmp/no such" >"$tmp/entries/gone/top"
drop_gone "$tmp"/entries/*
ktap_equal "entries of checkouts that are gone go" "$(left "$tmp/entries")" "here new nobodys"
drop_gone "$tmp"/none/*
ktap_pass "no entries"
ktap_end
