#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: tools.sh
#
# Builds the host and the guest programs of this work tree into the cache and
# prints the directory (O= of the Makefile): host/hmmt-judge, host/vmrun,
# guest/torture and so on are below it. CC, LLVM and V as in the kernel.
set -euo pipefail
# shellcheck source=tools/vm/common.sh
. "$(dirname "$0")/common.sh"

[ $# -eq 0 ] || die "$EX_USAGE" "tools.sh takes no arguments"

out=$HMMT_CACHE/host/$(hash12 <<<"$HMMT_TOP")

lock_entry "$out"
drop_gone "$HMMT_CACHE"/host/*
mkdir -p "$out"
printf '%s\n' "$HMMT_TOP" >"$out/top"
[ -f "$out/host/vmrun" ] || step "building the programs for host and guest"
env -u MAKEFLAGS -u O make -C "$HMMT_TOP" -j"${HMMT_JOBS:-$(nproc)}" O="$out" \
	${CC:+CC="$CC"} ${LLVM:+LLVM="$LLVM"} ${V:+V="$V"} host guest \
	>"$out/build.log" 2>&1 </dev/null || {
	grep -nE '(error|Error|undefined reference|No rule)' "$out/build.log" | head -n 12 >&2 || true
	die "$EX_INFRA" "the programs do not build" "log: $out/build.log"
}
printf '%s\n' "$out"
