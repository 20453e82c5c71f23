#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: clone-build.sh OLD-TREE OLD-BUILD NEW-TREE NEW-BUILD
#
# Starts the build directory of a second kernel tree from the objects of a
# first one, so that the first build of a new worktree compiles only what
# differs. kbuild compares command lines, which name the tree: they are
# rewritten, with every time stamp kept. What differs between the trees must be
# newer than the old build, as it is after a checkout.
set -euo pipefail

[ $# -eq 4 ] || {
	echo "usage: clone-build.sh OLD-TREE OLD-BUILD NEW-TREE NEW-BUILD" >&2
	exit 2
}

for d in "$1" "$2" "$3"; do
	[ -d "$d" ] || { echo "clone-build: no such directory: $d" >&2; exit 2; }
done
[ ! -e "$4" ] || { echo "clone-build: exists already: $4" >&2; exit 2; }
old_tree=$(realpath "$1") old_build=$(realpath "$2")
new_tree=$(realpath "$3") new_build=$(realpath "$(dirname "$4")")/${4##*/}
tmp=$new_build.new.$$
trap 'rm -rf "$tmp"' EXIT

# quote TEXT: as a literal of a sed expression
quote()
{
	# shellcheck disable=SC2001 # a class of characters, each kept
	sed 's/[][\\.*^$|&]/\\&/g' <<<"$1"
}

cp -a "$old_build" "$tmp"
old=$(quote "$old_build") new=$(quote "$new_build")
printf 's|%s|%s|g\n' "$old" "$new" >"$tmp.sed"
printf 's|%s|%s|g\n' "$(quote "$old_tree")" "$(quote "$new_tree")" >>"$tmp.sed"
grep -rlIZF -e "$old_tree" -e "$old_build" "$tmp" |
	while IFS= read -r -d '' f; do
		touch -r "$f" "$tmp.stamp"
		sed -i -f "$tmp.sed" "$f"
		touch -r "$tmp.stamp" "$f"
	done
rm -f "$tmp.sed" "$tmp.stamp"
[ ! -L "$tmp/source" ] || ln -sfn "$new_tree" "$tmp/source"
mv "$tmp" "$new_build"
trap - EXIT
