#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kernel.sh: trees and flavours that it must refuse, and the comparison of a
# configuration with what was asked for.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export HMMT_CACHE=$tmp/cache

# refused NAME CODE REGEX ARGS...
refused()
{
	local name=$1 code=$2 regex=$3 rc=0 out

	shift 3
	out=$("$HMMT_TOP/tools/vm/kernel.sh" "$@" 2>&1) || rc=$?
	ktap_equal "$name: status" "$rc" "$code"
	ktap_match "$name: message" "$out" "$regex"
}

mkdir -p "$tmp/tree"/{mm,arch/x86,scripts/kconfig}
refused "no such directory" 2 "no such directory" --ksrc "$tmp/none"
refused "no kernel tree" 2 "not the top of a kernel source tree" --ksrc "$tmp/tree"
touch "$tmp/tree"/{Kbuild,Makefile,mm/Kconfig,scripts/kconfig/merge_config.sh}
refused "nothing to test" 3 "ZONE_DEVICE" --ksrc "$tmp/tree"
printf 'config DEVICE_PRIVATE\nmenuconfig TRANSPARENT_HUGEPAGE\n' >"$tmp/tree/mm/Kconfig"
touch "$tmp/tree/.config"
refused "built in place" 3 "make mrproper" --ksrc "$tmp/tree"
rm "$tmp/tree/.config"
refused "unknown flavour" 2 "valid: .*DEBUG" --ksrc "$tmp/tree" --flavour NONSENSE
refused "COMMON is no flavour" 2 "unknown flavour" --ksrc "$tmp/tree" --flavour COMMON
printf 'all:\n\tfalse\ntinyconfig:\n\t@echo no rule here >&2; false\n' >"$tmp/tree/Makefile"
refused "cannot be configured" 3 "cannot configure" --ksrc "$tmp/tree"
ktap_equal "the tree was not written to" "$(find "$tmp/tree" -type f | wc -l)" 4

# shellcheck source=tools/vm/kconfig.sh
. "$HMMT_TOP/tools/vm/kconfig.sh"
printf 'CONFIG_A=y\nCONFIG_B=m\nCONFIG_C=60\n# CONFIG_D is not set\nCONFIG_E=n\nCONFIG_A=y\n' >"$tmp/want"
printf 'CONFIG_A=y\nCONFIG_B=m\nCONFIG_C=60\n# CONFIG_D is not set\n' >"$tmp/have"
ktap_equal "all survived" "$(lost_options "$tmp/want" "$tmp/have")" ""
printf '# CONFIG_A is not set\nCONFIG_B=y\nCONFIG_C=120\nCONFIG_D=y\nCONFIG_E=y\n' >"$tmp/have"
ktap_equal "every lost option is named" \
	"$(lost_options "$tmp/want" "$tmp/have" | paste -sd,)" \
	"CONFIG_A=y became n,CONFIG_B=m became y,CONFIG_C=60 became 120,CONFIG_D=n became y,CONFIG_E=n became y"
printf 'CONFIG_A=y\t\t# why\nCONFIG_S="a b"\t# why\n# a comment\n# CONFIG_D is not set\n' >"$tmp/frag"
ktap_equal "reasons are stripped from fragments" "$(plain "$tmp/frag" | paste -sd,)" \
	'CONFIG_A=y,CONFIG_S="a b",# CONFIG_D is not set'
ktap_end
