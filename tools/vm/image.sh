#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: image.sh --tools DIR [--build DIR] [--with FILE] [--stress]
#
# Makes the initramfs and prints its path: init and the guest programs of --tools
# (what tools.sh printed), the sets of configs/perturb, the modules of --build
# (what kernel.sh printed). --with adds a program, such as the tree's hmm-tests
# that hmm-tests.sh printed; --stress adds this machine's stress-ng and the libraries that it is linked
# with. The same inputs give the same bytes, and are not packed twice.
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

# DEST <tab> SOURCE <tab> MODE of every file, in a fixed order
files()
{
	local f

	printf '/init\t%s\t0755\n' "$tools/guest/init"
	while IFS= read -r f; do
		[ "${f##*/}" = init ] || printf '/bin/%s\t%s\t0755\n' "${f##*/}" "$f"
	done < <(find "$tools/guest" -maxdepth 1 -type f -perm -100 | LC_ALL=C sort)
	for f in "$HMMT_TOP"/configs/perturb/*; do
		printf '/perturb/%s\t%s\t0644\n' "${f##*/}" "$f"
	done
	if [ -n "$stress" ]; then
		printf '/bin/stress-ng\t%s\t0755\n' "$stress"
		ldd "$stress" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' |
			LC_ALL=C sort | awk '{ printf "%s\t%s\t0755\n", $1, $1 }'
	fi
	[ -z "$with" ] || printf '/bin/%s\t%s\t0755\n' "${with##*/}" "$with"
	[ -n "$build" ] || return 0
	for f in "$(driver_dir "$build")/test_hmm.ko" "$build/hmmt/stock_test_hmm.ko"; do
		[ ! -f "$f" ] || printf '/lib/modules/%s\t%s\t0644\n' "${f##*/}" "$f"
	done
}

# parents: the directories of the files on stdin, outer ones first
parents()
{
	cut -f 1 | awk -F/ '{ for (path = ""; i < NF; i++) if (i > 1) {
		path = path "/" $i; if (!seen[path]++) print "dir " path " 0755" } i = 1 }' |
		LC_ALL=C sort
}

list=$(files)
key=$({
	cut -f 1,3 <<<"$list"
	cut -f 2 <<<"$list" | xargs -d '\n' sha256sum | cut -d' ' -f 1
	sha256sum <"$tools/host/mkcpio"
} | hash12)
dir=$HMMT_CACHE/image/$key
if [ ! -f "$dir/initramfs.cpio" ]; then
	lock_entry "$dir"
	need_disk "$dir" 200 "the initramfs"
	step "packing the initramfs"
	tmp=$dir.new
	rm -rf "$tmp"
	mkdir -p "$tmp/strip"
	{
		# The console, before devtmpfs is there.
		printf 'dir /dev 0755\nnode /dev/console 0600 c 5 1\n'
		printf 'dir /tmp 1777\n'
		parents <<<"$list"
		while IFS=$'\t' read -r dest src mode; do
			stripped=$tmp/strip/${dest##*/}
			case $dest in
			*.ko) strip --strip-debug -D -o "$stripped" "$src" ;;
			/bin/* | /init) strip -D -o "$stripped" "$src" ;;
			*) stripped=$src ;;
			esac
			printf 'file %s %s %s\n' "$dest" "$stripped" "$mode"
		done <<<"$list"
	} >"$tmp/list"
	"$tools/host/mkcpio" <"$tmp/list" >"$tmp/initramfs.cpio" ||
		die "$EX_INFRA" "cannot pack the initramfs"
	rm -rf "$tmp/strip"
	put_in_place "$tmp" "$dir"
	keep_newest "$HMMT_CACHE/image" "$IMAGES_KEPT"
else
	touch "$dir"
fi
printf '%s\n' "$dir/initramfs.cpio"
