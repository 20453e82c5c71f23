#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests of hmmt-judge on saved guests: each directory in fixtures/ is a run
# directory and an "expect" file. Prints KTAP; exit 0, 1 when a test failed.
#
# HMMT_JUDGE names a built hmmt-judge, else one is built; ONLY=NAME runs the one
# fixture. Each line of expect must be among what facts.py prints; "exit" is the
# exit code too, and "knowndir" the --known DIR, relative to this directory.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# shellcheck source=selftests/ktap.sh
. "$here/../ktap.sh"

judge=${HMMT_JUDGE:-}
if [ -z "$judge" ]; then
	make -s -C "$top" O="$tmp/build" "$tmp/build/host/hmmt-judge" >"$tmp/make.log" 2>&1 || {
		ktap_fail "build" "$(tail -n 5 "$tmp/make.log")"
		ktap_end
		exit 1
	}
	judge=$tmp/build/host/hmmt-judge
fi

# facts FILE: a verdict.json as the lines of an expect file
facts()
{
	python3 "$here/facts.py" "$1"
}

# judged DIR ARGS...: runs the judge, leaves its exit code in rc
judged()
{
	rc=0
	"$judge" "$@" >"$tmp/out" 2>"$tmp/err" || rc=$?
}

# judge_fixture NAME: leaves verdict.json, what was printed and the exit code
judge_fixture()
{
	local src=$here/fixtures/$1 dir=$tmp/runs/$1 known
	local -a args=()

	cp -r "$src" "$dir"
	known=$(sed -n 's/^knowndir: //p' "$src/expect")
	[ -z "$known" ] || args=(--known "$here/$known")
	judged run "$dir" "${args[@]}"
	printf '%s' "$rc" >"$dir/rc"
	head -n 1 "$tmp/out" >"$dir/first"
}

check_fixture()
{
	local name=$1 dir=$tmp/runs/$1 line missing='' facts='' rc first

	rc=$(<"$dir/rc")
	first=$(<"$dir/first")
	[ ! -f "$dir/verdict.json.facts" ] || facts=$(<"$dir/verdict.json.facts")
	while IFS= read -r line; do
		case $line in
		knowndir:*) continue ;;
		exit:*) [ "$line" = "exit: $rc" ] || missing+="exit code is $rc; " ;;
		verdict:*) [ "${first%%:*}" = "${line#verdict: }" ] || missing+="printed '$first'; " ;;
		esac
		[[ $'\n'$facts$'\n' == *$'\n'"${line% }"$'\n'* ]] || missing+="no '$line'; "
	done <"$dir/expect"
	if [ -n "$missing" ]; then
		ktap_fail "$name" "$missing facts: ${facts//$'\n'/|}"
	else
		ktap_pass "$name"
	fi
}

mkdir "$tmp/runs"
names=()
for f in "$here"/fixtures/*/; do
	f=$(basename "$f")
	case ${ONLY:-$f} in "$f") names+=("$f") ;; esac
done
for f in "${names[@]}"; do
	judge_fixture "$f"
done
find "$tmp/runs" -name verdict.json -exec python3 "$here/facts.py" --beside {} +
for f in "${names[@]}"; do
	check_fixture "$f"
done
if [ -n "${ONLY:-}" ]; then
	ktap_end
	exit
fi

# shellcheck source=selftests/judge/cases.sh
. "$here/cases.sh"
ktap_end
