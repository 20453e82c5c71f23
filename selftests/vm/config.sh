#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# stage: guest
# On a real tree: an option that does not survive is an error that names it,
# and nothing is built. A second build of the same kernel is no work.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"
vm=$HMMT_TOP/tools/vm

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
tree=$("$vm/fetch.sh")

mkdir "$tmp/fragments"
cp "$HMMT_TOP/configs/kernel/COMMON" "$tmp/fragments/"
printf '%s\n' 'CONFIG_NO_SUCH_OPTION=y	# never was' '# CONFIG_MMU is not set' \
	>"$tmp/fragments/BOGUS"
rc=0
out=$(HMMT_CACHE=$tmp/cache HMMT_FRAGMENTS=$tmp/fragments \
	"$vm/kernel.sh" --ksrc "$tree" --flavour BOGUS 2>&1) || rc=$?
ktap_equal "lost option: status" "$rc" 3
ktap_match "lost option: named" "$out" "CONFIG_NO_SUCH_OPTION=y became n"
ktap_match "forced option: named" "$out" "CONFIG_MMU=n became y"
ktap_equal "no kernel was built" "$(find "$tmp/cache/build" -name bzImage | wc -l)" 0

# A cache that was copied: objects and command lines name the other place.
moved=$(HMMT_CACHE=$tmp/cache HMMT_FRAGMENTS=$tmp/fragments \
	"$vm/kernel.sh" --ksrc "$tree" --flavour BOGUS --where)
printf '%s\n' /elsewhere/linux /elsewhere/build >"$moved/hmmt/where"
touch "$moved/stale.o"
out=$(HMMT_CACHE=$tmp/cache HMMT_FRAGMENTS=$tmp/fragments \
	"$vm/kernel.sh" --ksrc "$tree" --flavour BOGUS 2>&1) || true
ktap_match "moved build directory: said" "$out" "building anew"
ktap_equal "moved build directory: emptied" "$(find "$moved" -name stale.o)" ""

build=$("$vm/kernel.sh" --ksrc "$tree")
before=$(stat -c '%i %Y' "$build/hmmt/bzImage" "$build"/hmmt/driver-*/test_hmm.ko)
start=$EPOCHREALTIME
again=$("$vm/kernel.sh" --ksrc "$tree" 2>"$tmp/err")
ms=$(((${EPOCHREALTIME/[.,]/} - ${start/[.,]/}) / 1000))
ktap_equal "second time: same directory" "$again" "$build"
# another test, or checkout, may have it at this very time
said=$(grep -v ' waiting for another process ' "$tmp/err" || true)
ktap_equal "second time: nothing built" \
	"$(stat -c '%i %Y' "$build/hmmt/bzImage" "$build"/hmmt/driver-*/test_hmm.ko)$said" "$before"
ktap_diag "second time: $ms ms"
ktap_end
