#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fetch.sh: which mirror is used, and what happens without a network.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"
fetch=$HMMT_TOP/tools/vm/fetch.sh

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export HMMT_APT_ETC=$tmp/etc HMMT_CACHE=$tmp/cache
mkdir -p "$HMMT_APT_ETC/sources.list.d"

# mirror: what is chosen from the sources written so far
mirror()
{
	(
		set -euo pipefail
		# shellcheck source=tools/vm/sources.sh
		. "$HMMT_TOP/tools/vm/sources.sh"
		debian_mirror || echo none
	) | tr '\t' ' '
}

cat >"$HMMT_APT_ETC/sources.list" <<'END'
# deb http://commented.example/debian trixie main
deb-src http://source.example/debian trixie main
deb [arch=amd64 signed-by=/some/key.gpg] http://one.example/debian-security trixie-security main
deb https://other.example/repo stable main
deb [arch=amd64 signed-by=/some/key.gpg] http://one.example/debian trixie main contrib # note
END
ktap_equal "one-line format" "$(mirror)" "http://one.example/debian /some/key.gpg"

: >"$HMMT_APT_ETC/sources.list"
cat >"$HMMT_APT_ETC/sources.list.d/debian.sources" <<'END'
Types: deb
URIs: http://off.example/debian
Suites: trixie
Components: main
Enabled: no

Types: deb deb-src
# a comment
URIs: http://sec.example/debian-security
Suites: trixie-security
Components: main

types: deb
uris: https://two.example/mirror/debian/
suites: trixie trixie-updates
components: main
signed-by: /other/key.gpg
END
ktap_equal "deb822 format" "$(mirror)" "https://two.example/mirror/debian/ /other/key.gpg"

rm "$HMMT_APT_ETC/sources.list.d/debian.sources"
ktap_equal "no mirror" "$(mirror)" none
rc=0
out=$("$fetch" 2>&1) || rc=$?
ktap_equal "no mirror: status" "$rc" 3
ktap_match "no mirror: names the way out" "$out" "--ksrc DIR"

# A port where nothing listens: a machine without a network.
echo "deb http://127.0.0.1:1/debian trixie main" >"$HMMT_APT_ETC/sources.list"
rc=0
out=$("$fetch" 2>"$tmp/err") || rc=$?
ktap_equal "no network, nothing cached: status and stdout" "$rc:$out" "3:"
ktap_match "no network, nothing cached: message" "$(cat "$tmp/err")" "no kernel source of series"
ktap_equal "no network: no entry, whole or half" \
	"$(find "$HMMT_CACHE/src" -mindepth 1 2>/dev/null | wc -l)" 0

mkdir -p "$HMMT_CACHE/src/linux-source-7.2_7.2.9-1" "$HMMT_CACHE/src/linux-source-7.2_7.2.10-1" \
	"$HMMT_CACHE/src/linux-source-7.2_7.2.11-1.new"
rm -rf "$HMMT_CACHE/apt"
ktap_equal "cached: the newest whole one" "$("$fetch" --kernel 7.2)" \
	"$HMMT_CACHE/src/linux-source-7.2_7.2.10-1"
ktap_equal "cached: apt is not asked" "$(find "$HMMT_CACHE/apt" 2>/dev/null | wc -l)" 0

rc=0
out=$("$fetch" --kernel 1.0 2>&1) || rc=$?
ktap_equal "unknown series: status" "$rc" 2
ktap_match "unknown series: lists the valid ones" "$out" "valid: .*7\.2"
ktap_end
