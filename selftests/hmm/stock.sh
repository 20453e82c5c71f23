#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# stage: guest
# usage: stock.sh [SERIES...]
#
# The tree's own hmm-tests, unmodified, on the tree's own driver and on ours: what
# passes on theirs must pass on ours. With memory set aside, so that the
# variants for device-coherent memory run as well. In det, where the same kernel,
# driver and tests give the same results: those of the tree's driver are kept.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"
# shellcheck source=selftests/guest.sh
. "$HMMT_TOP/selftests/guest.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# guest NAME WORDS...: hmm-tests in a guest of its own
guest()
{
	local dir=$tmp/$1

	shift
	# shellcheck disable=SC2016 # the kernel's $
	guest_boot "$dir" --mem 2048 --append 'memmap=512M$512M' -- "$@" \
		hmm-tests -T benchmark_thp_migration >"$dir.out" 2>&1 || true
	# The benchmark has nothing to say under emulation, and with 128 THPs
	# it fails on both drivers in a guest of this size.
	grep -aE '^(not )?ok [0-9]+ ' "$dir/results.log" |
		sed -E 's/^((not )?ok) [0-9]+ /\1 /' >"$dir.tests" || true
	"$tools/host/hmmt-judge" run "$dir" --known "$HMMT_TOP/configs/known" \
		>>"$dir.out" 2>&1 || true
}

# stock_guest NAME WORDS...: the same with the tree's own driver, unless it is known
stock_guest()
{
	local name=$1 made kept

	shift
	made=$(cat "$build/hmmt/bzImage" "$build"/hmmt/{stock_test_hmm.ko,hmm-tests} \
		"$tools/guest/init" "$vm"/{engine,boot}.sh \
		"$HMMT_TOP"/selftests/guest.sh "$0" | cat - <(qemu-system-x86_64 --version) |
		sha256sum | cut -c 1-16)
	kept=$HMMT_CACHE/static/stock-$made
	if [ ! -d "$kept" ]; then
		guest "$name" driver:stock "$@"
		grep -qa '^HMMT-END' "$tmp/$name/results.log" || return 0
		mkdir -p "$kept.new.$$"
		cp "$tmp/$name/verdict.json" "$tmp/$name.tests" "$tmp/$name.out" "$kept.new.$$"
		mv -T "$kept.new.$$" "$kept" 2>/dev/null || rm -rf "$kept.new.$$"
		return 0
	fi
	mkdir -p "$tmp/$name"
	cp "$kept/verdict.json" "$tmp/$name"
	cp "$kept/$name.tests" "$kept/$name.out" "$tmp"
}

# splats NAME: the titles of the kernel's reports there
splats()
{
	grep -oE '"title": "(WARNING|BUG|KASAN|general|kernel|possible).*"' \
		"$tmp/$1/verdict.json" | sort -u || true
}

[ $# -gt 0 ] || set -- 7.2 7.3
for series; do
	tree=$("$vm/fetch.sh" --kernel "$series")
	# DEBUG is there for the default kernel; the other one would be built for this alone.
	flavour=LIGHT
	[ "$series" != "$("$vm/fetch.sh" --default)" ] || flavour=DEBUG
	build=$("$vm/kernel.sh" --ksrc "$tree" --flavour "$flavour")
	tests=$("$vm/hmm-tests.sh" --ksrc "$tree" --build "$build")
	guest_image "$flavour" "$tree" --with "$tests"
	words=(driver:spm_addr_dev0=0x20000000 driver:spm_addr_dev1=0x30000000)
	stock_guest "$series-stock" "${words[@]}" &
	guest "$series-ours" "${words[@]}" &
	wait
	stock=$tmp/$series-stock.tests ours=$tmp/$series-ours.tests
	ktap_diag "$series: stock driver $(grep -c '^ok' "$stock" || true) ok," \
		"$(grep -c 'SKIP' "$stock" || true) of them skipped;" \
		"ours $(grep -c '^ok' "$ours" || true) ok, $(grep -c 'SKIP' "$ours" || true) skipped"
	if [ "$(grep '^ok' "$stock" | grep -vc SKIP || true)" -lt 30 ]; then
		ktap_fail "$series: the stock driver runs" "$(tail -n 3 "$tmp/$series-stock.out")"
	fi
	while read -r line; do
		name=${line#ok }
		if [[ $name == *'# SKIP'* ]]; then
			ktap_skip "$series: ${name%% #*}" "on the stock driver too: ${name#*SKIP }"
		elif grep -qxF "ok $name" "$ours"; then
			ktap_pass "$series: $name"
		else
			ktap_fail "$series: $name" "passes on the stock driver"
		fi
	done < <(grep '^ok ' "$stock")
	# Ours must not be the reason for a splat either: none that theirs has not.
	new=$(comm -13 <(splats "$series-stock") <(splats "$series-ours"))
	if grep -qE '"verdict": "(PASS|KNOWN|FAIL)"' "$tmp/$series-ours/verdict.json" &&
	   [ -z "$new" ]; then
		ktap_pass "$series: no splat that the stock driver has not"
	else
		ktap_fail "$series: no splat that the stock driver has not" \
			"$new$(head -n 6 "$tmp/$series-ours/verdict.json")"
	fi
done
ktap_end
