#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# stage: guest
# This directory as a kselftest of a kernel tree: built with its lib.mk, run by its
# runner here, where there is no device and all must be skipped.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
here=$HMMT_TOP/selftests/hmm
programs="hmm-api hmm-bad-input hmm-capacity hmm-changes hmm-driver hmm-ends hmm-entries"
programs+=" hmm-failnth hmm-findings hmm-fuzz hmm-module hmm-perturb hmm-uapi hmm-unplug hmm-uring"
programs+=" hmm-validate"
skipped="hmm-bad-input hmm-changes hmm-driver hmm-entries hmm-perturb hmm-uapi hmm-uring"
skipped+=" hmm-validate"
export -n HMMT_TOP
unset KSRC O OUTPUT LLVM CC MAKEFLAGS

# built DIR: the programs in it
built()
{
	find "$1" -maxdepth 1 -type f -perm -100 -name 'hmm-*' -printf '%f\n' | sort | paste -sd' '
}

# results FILE: the programs that the runner says are skipped
results()
{
	sed -n 's/^ok [0-9]* selftests: .*: \(hmm-[a-z-]*\) # SKIP$/\1/p' "$1" | sort | paste -sd' '
}

# target NAME WANTED ARGS...: make; its exit status, 0 or 2
target()
{
	local name=$1 wanted=$2 rc=0

	shift 2
	make "$@" >"$tmp/out" 2>&1 || rc=$?
	ktap_equal "$name" "$rc$([ "$rc" -eq "$wanted" ] || tail -n 3 "$tmp/out")" "$wanted"
}

tree=$("$HMMT_TOP/tools/vm/fetch.sh")
touch "$tmp/before"

target "build with O" 0 -C "$here" KSRC="$tree" O="$tmp/o"
ktap_equal "build with O: programs" "$(built "$tmp/o")" "$programs"
ktap_equal "build with O: no warning" "$(grep -c warning: "$tmp/out" || true)" 0
if [ -e /dev/hmm_dmirror0 ]; then
	ktap_skip "run_tests" "there is a device here"
else
	target "run_tests" 0 -C "$here" KSRC="$tree" O="$tmp/o" run_tests
	ktap_equal "run_tests: all are skipped" "$(results "$tmp/out")" "$skipped"
	ktap_match "run_tests: say why" "$(cat "$tmp/out")" '# 1\.\.0 # SKIP no /dev/hmm_dmirror0'
	ktap_match "run_tests: the time limit of settings" "$(cat "$tmp/out")" \
		"timeout to $(sed -n 's/^timeout=//p' "$here/settings")"
fi
target "CC and V" 0 -C "$here" KSRC="$tree" O="$tmp/cc" V=1 CC="gcc -DBY_CC" \
	USERCFLAGS=-DBY_USER "$tmp/cc/hmm-findings"
ktap_match "CC and V: are used" "$(cat "$tmp/out")" 'gcc -DBY_CC .*-DBY_USER'
if command -v clang >/dev/null; then
	target "LLVM" 0 -C "$here" KSRC="$tree" O="$tmp/llvm" V=1 LLVM=1 "$tmp/llvm/hmm-driver"
	ktap_match "LLVM: clang is used" "$(cat "$tmp/out")" 'clang '
else
	ktap_skip "LLVM" "no clang here"
fi
target "clean" 0 -C "$here" KSRC="$tree" O="$tmp/o" clean
ktap_equal "clean: nothing is left" "$(built "$tmp/o")" ""

# by the tree's own Makefile, of which only what it needs is copied
ksft=$tmp/tree/tools/testing/selftests
mkdir -p "$ksft" "$tmp/tree/scripts"
cp "$tree/scripts/subarch.include" "$tmp/tree/scripts/"
cp -r "$tree"/tools/testing/selftests/{Makefile,lib.mk,kselftest} "$ksft/"
ln -s "$here" "$ksft/hmmt"
target "TARGETS" 0 -C "$ksft" TARGETS=hmmt KSRC="$tmp/tree" O="$tmp/obj"
ktap_equal "TARGETS: programs" "$(built "$tmp/obj/kselftest/hmmt")" "$programs"
[ -e /dev/hmm_dmirror0 ] || {
	target "TARGETS: run_tests" 0 -C "$ksft" TARGETS=hmmt KSRC="$tmp/tree" O="$tmp/obj" run_tests
	ktap_equal "TARGETS: all are skipped" "$(results "$tmp/out")" "$skipped"
}

ktap_equal "nothing is written into the tree" \
	"$(find "$tree/tools/testing/selftests" "$tree/usr" -newer "$tmp/before" | head -n 3)" ""
ktap_equal "nor into the sources" "$(built "$here")" ""

target "without a tree" 2 -C "$here" O="$tmp/o"
ktap_match "without a tree: says what is missing" "$(cat "$tmp/out")" 'KSRC=TREE: no .*lib.mk'
cp -r "$here" "$tmp/copy"
target "a copy without the rest" 2 -C "$tmp/copy" KSRC="$tree" O="$tmp/o"
ktap_match "a copy without the rest: says so" "$(cat "$tmp/out")" 'HMMT_TOP=DIR: no lib/hmmt.h'
target "a copy with HMMT_TOP" 0 -C "$tmp/copy" KSRC="$tree" HMMT_TOP="$HMMT_TOP" O="$tmp/copied" \
	"$tmp/copied/hmm-driver"
ktap_equal "a copy with HMMT_TOP: is built" "$(built "$tmp/copied")" hmm-driver
ktap_end
