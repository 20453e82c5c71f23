#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: image.sh --tools DIR [--build DIR] [--with FILE] [--stress]
#
# Makes the initramfs and prints its path: init, the sets of configs/perturb, the modules
# of --build (what kernel.sh printed). Beside it, in bin/NAME.cpio, is each guest program
# of --tools (what tools.sh printed): boot.sh puts those behind it that a guest runs,
# since to unpack all of them takes a fifth of the time to boot. --with adds a program, such
# as the tree's hmm-tests that hmm-tests.sh printed; --stress puts this machine's stress-ng and the
# libraries that it is linked with beside the program that starts it. The same inputs give the
# same bytes, and are not packed twice.
set -euo pipefail
# shellcheck source=tools/vm/common.sh
. "$(dirname "$0")/common.sh"

readonly IMAGES_KEPT=32
tools='' build='' with='' stress=''
while [ $# -gt 0 ]; do
	case $1 in
	--tools) tools=${2:-}; shift ;;
	--build) build=${2:-}; shift ;;
	--with) with=${2:-}; shift ;;
	--stress)
		stress=$(command -v stress-ng) ||
			die "$EX_INFRA" "no stress-ng here; package stress-ng has it"
		;;
	*) die "$EX_USAGE" "unknown option '$1'; valid: --tools --build --with --stress" ;;
	esac
	shift || true
done
[ -x "$tools/guest/init" ] || die "$EX_USAGE" "--tools '$tools': no guest/init in it"
[ -x "$tools/host/mkcpio" ] || die "$EX_USAGE" "--tools '$tools': no host/mkcpio in it"
[ -z "$with" ] || [ -x "$with" ] || die "$EX_USAGE" "--with '$with': no program"
[ -z "$build" ] || [ -d "$build/hmmt" ] || die "$EX_USAGE" "--build '$build': no kernel build"

# ARCHIVE <tab> DEST <tab> SOURCE <tab> MODE of every file, in a fixed order
files()
{
	local f name

	printf 'initramfs\t/init\t%s\t0755\n' "$tools/guest/init"
	for f in "$HMMT_TOP"/configs/perturb/*; do
		printf 'initramfs\t/perturb/%s\t%s\t0644\n' "${f##*/}" "$f"
	done
	while IFS= read -r f; do
		name=${f##*/}
		[ "$name" = init ] || printf 'bin/%s\t/bin/%s\t%s\t0755\n' "$name" "$name" "$f"
	done < <(find "$tools/guest" -maxdepth 1 -type f -perm -100 | LC_ALL=C sort; printf '%s' "${with:+$with$'\n'}")
	if [ -n "$stress" ]; then
		printf 'bin/pressure\t/bin/stress-ng\t%s\t0755\n' "$stress"
		ldd "$stress" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' |
			LC_ALL=C sort | awk '{ printf "bin/pressure\t%s\t%s\t0755\n", $1, $1 }'
	fi
	[ -n "$build" ] || return 0
	for f in "$(driver_dir "$build")"/{test_hmm,hmm_turns}.ko "$build/hmmt/stock_test_hmm.ko"; do
		[ ! -f "$f" ] || printf 'initramfs\t/lib/modules/%s\t%s\t0644\n' "${f##*/}" "$f"
	done
}

# parents: the directories of the files on stdin, outer ones first
parents()
{
	cut -f 2 | awk -F/ '{ for (path = ""; i < NF; i++) if (i > 1) {
		path = path "/" $i; if (!seen[path]++) print "dir " path " 0755" } i = 1 }' |
		LC_ALL=C sort
}

# entries DIR: of the files on stdin, stripped, for mkcpio
entries()
{
	local dest src mode stripped

	while IFS=$'\t' read -r _ dest src mode; do
		stripped=$1/${dest##*/}
		case $dest in
		*.ko) strip --strip-debug -D -o "$stripped" "$src" ;;
		/bin/* | /init) strip -D -o "$stripped" "$src" ;;
		*) stripped=$src ;;
		esac
		printf 'file %s %s %s\n' "$dest" "$stripped" "$mode"
	done
}

list=$(files)
key=$({
	cut -f 1,2,4 <<<"$list"
	cut -f 3 <<<"$list" | xargs -d '\n' sha256sum | cut -d' ' -f 1
	sha256sum <"$tools/host/mkcpio"
} | hash12)
dir=$HMMT_CACHE/image/$key
if [ ! -f "$dir/initramfs.cpio" ]; then
	lock_entry "$dir"
	need_disk "$dir" 200 "the initramfs"
	step "packing the initramfs"
	tmp=$dir.new
	rm -rf "$tmp"
	mkdir -p "$tmp/strip" "$tmp/bin"
	while IFS= read -r archive; do
		part=$(awk -F'\t' -v a="$archive" '$1 == a' <<<"$list")
		{
			# The console, before devtmpfs is there.
			[ "$archive" != initramfs ] ||
				printf 'dir /dev 0755\nnode /dev/console 0600 c 5 1\ndir /tmp 1777\n'
			parents <<<"$part"
			entries "$tmp/strip" <<<"$part"
		} >"$tmp/list"
		"$tools/host/mkcpio" <"$tmp/list" >"$tmp/$archive.cpio" ||
			die "$EX_INFRA" "cannot pack the initramfs"
	done < <(cut -f 1 <<<"$list" | LC_ALL=C sort -u)
	rm -rf "$tmp/strip" "$tmp/list"
	put_in_place "$tmp" "$dir"
	keep_newest "$HMMT_CACHE/image" "$IMAGES_KEPT"
else
	touch "$dir"
fi
printf '%s\n' "$dir/initramfs.cpio"
