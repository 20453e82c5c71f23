#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: hmm-tests.sh --ksrc DIR --build DIR [--add FILE.c --out FILE]
#
# Builds the tree's own hmm-tests, as it stands there, against the tree's own
# headers: hmmt/hmm-tests of the build directory that kernel.sh printed, for
# image.sh --with. The tree is only read.
# With --add, the tests in FILE.c come behind its own, and the program is FILE.
set -euo pipefail
# shellcheck source=tools/vm/common.sh
. "$(dirname "$0")/common.sh"

ksrc='' build='' add='' out=''
while [ $# -gt 0 ]; do
	case $1 in
	--ksrc) ksrc=${2:-}; shift ;;
	--build) build=${2:-}; shift ;;
	--add) add=${2:-}; shift ;;
	--out) out=${2:-}; shift ;;
	*) die "$EX_USAGE" "unknown option '$1'; valid: --ksrc --build --add --out" ;;
	esac
	shift || true
done
mm=$ksrc/tools/testing/selftests/mm
[ -f "$mm/hmm-tests.c" ] || die "$EX_USAGE" "--ksrc '$ksrc': no hmm-tests in it"
[ -d "$build/hmmt" ] || die "$EX_USAGE" "--build '$build': no kernel build"

# What it is linked with differs between trees: whatever there is of these
shopt -s nullglob
sources=("$mm"/hmm-tests.c "$mm"/vm_util.c "$mm"/*_settings.c)
if [ -n "$add" ]; then
	[ -f "$add" ] || die "$EX_USAGE" "--add '$add': no such file"
	[ -n "$out" ] || die "$EX_USAGE" "--add needs --out"
	cat "${sources[0]}" "$add" >"$out.c"
	sources[0]=$out.c
else
	out=$build/hmmt/hmm-tests
fi
lock_entry "$build"
inputs=$(cat "${sources[@]}" "$mm"/*.h "$ksrc"/tools/testing/selftests/*.h \
	"$ksrc/lib/test_hmm_uapi.h" | hash12)
if [ ! -x "$out" ] || [ "$(cat "$out.stamp" 2>/dev/null)" != "$inputs" ]; then
	step "building hmm-tests of $(cat "$build/hmmt/release")"
	rm -f "$out.stamp"
	{
		env -u ARCH -u KBUILD_OUTPUT -u MAKEFLAGS -u O make -C "$ksrc" O="$build" \
			ARCH=x86_64 headers &&
		"${CC:-gcc}" -static -O2 -w -D_GNU_SOURCE -U_FORTIFY_SOURCE \
			-isystem "$build/usr/include" -I"$mm" -I"$ksrc/tools/testing/selftests" \
			-I"$ksrc" -I"$ksrc/tools/include" -o "$out.new" "${sources[@]}" \
			-lpthread -lrt -lm
	} >"$out.log" 2>&1 </dev/null || {
		grep -E '(error|undefined)' "$out.log" | head -n 8 >&2 || true
		die "$EX_INFRA" "hmm-tests of $ksrc does not build" "log: $out.log"
	}
	mv "$out.new" "$out"
	printf '%s\n' "$inputs" >"$out.stamp"
fi
printf '%s\n' "$out"
