# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The private tree that bugs are put into, and its build directory. Sourced by
# corpus.sh, after prepare.sh. Both stay in the cache, so that a bug costs the
# build of what it changes and of what the one before it had changed.
# shellcheck disable=SC2154

# shellcheck source=tools/vm/cache.sh
. "$HMMT_TOP/tools/vm/cache.sh"

# Several runs of one checkout take turns at the tree, bug by bug. Here and where
# a kernel is built a signal does not have to wait until that has come to its end.
tree_lock()
{
	exec {tree_lock}>"$tree.lock"
	flock "$tree_lock" &
	wait $!
}

tree_unlock()
{
	exec {tree_lock}>&-
}

# What checkouts that are gone have left, with the kernels built there
tree_drop_gone()
{
	local top flavour

	for top in "$HMMT_CACHE"/corpus/*/top; do
		if [ ! -f "$top" ] || [ -d "$(cat "$top")" ]; then continue; fi
		for flavour in "$HMMT_TOP"/configs/kernel/*; do
			[ "${flavour##*/}" = COMMON ] ||
				rm -rf "$(kernel_build_dir "${top%/top}/linux" "${flavour##*/}")"
		done
		rm -rf "${top%/top}"
	done
}

# tree_open: $tree, a copy of $source_dir of this checkout's own
tree_open()
{
	tree=$HMMT_CACHE/corpus/$(sha256sum <<<"$source_dir|$HMMT_TOP" | cut -c 1-12)/linux
	mkdir -p "${tree%/*}"
	printf '%s\n' "$HMMT_TOP" >"${tree%/*}/top"
	tree_drop_gone
	tree_lock
	# What changes in the cache is nobody's fault but ours; a tree of the
	# user's may have changed since.
	if [ -n "$opt_ksrc" ] || [ ! -d "$tree" ]; then
		rm -rf "$tree" "$tree.new"
		step "copying the kernel source"
		cp -al "$source_dir" "$tree.new" 2>/dev/null ||
			{ rm -rf "$tree.new"; cp -a "$source_dir" "$tree.new"; }
		mv "$tree.new" "$tree"
		rm -f "$tree.changed"
	fi
	tree_unlock
}

# tree_start FLAVOUR: the first build of it starts from the objects there are
tree_start()
{
	local from to

	from=$(kernel_build_dir "$source_dir" "$1")
	to=$(kernel_build_dir "$tree" "$1")
	if [ -f "$from/hmmt/bzImage" ] && [ ! -d "$to" ]; then
		"$HMMT_TOP/tools/bisect/clone-build.sh" "$source_dir" "$from" "$tree" "$to" ||
			msg "no objects to start from: the first bug builds all"
	fi
}

# What follows is also called where a failure does not end the shell.

# tree_put NEW FILE: files are hard links of the cached source, which must not change
tree_put()
{
	cp "$1" "$tree/$2.new" && mv "$tree/$2.new" "$tree/$2"
}

tree_revert()
{
	local file

	[ -f "$tree.changed" ] || return 0
	read -r file <"$tree.changed"
	tree_put "$source_dir/$file" "$file" && rm "$tree.changed"
}

# tree_patch ID FILE CHANGES: what the bug makes of FILE, in $tree.out.c; prints what
# is wrong and fails if it does not change as many lines as it says. The diff is
# kept beside the state.
tree_patch()
{
	local out=$tree.out.c is

	cp "$source_dir/$2" "$out" || { echo "no room for a copy of $2"; return 1; }
	spatch --no-includes --very-quiet --in-place --sp-file "$CORPUS/$1.cocci" "$out" \
		>"$results/$1/spatch.log" 2>&1 || { echo "spatch fails, see spatch.log"; return 1; }
	diff -u --label "a/$2" --label "b/$2" "$source_dir/$2" "$out" >"$results/$1/diff" || true
	is="-$(grep -c '^-[^-]\|^-$' "$results/$1/diff" || true)"
	is+=" +$(grep -c '^+[^+]\|^+$' "$results/$1/diff" || true)"
	[ "$is" = "$3" ] || { echo "the patch changes $is lines, not $3"; return 1; }
}

# tree_apply FILE: what tree_patch() made becomes the tree's
tree_apply()
{
	tree_revert && echo "$1" >"$tree.changed" && tree_put "$tree.out.c" "$1"
}

# The kernels of this many bugs are kept, those that were used last
readonly KERNELS_KEPT=256

# kernel_of ID FLAVOUR: where the kernel of the fetched source with this diff is
# kept. A tree of the user's may change from one bug to the next.
kernel_of()
{
	local stock

	[ -z "$opt_ksrc" ] || return 0
	stock=$(kernel_build_dir "$source_dir" "$2")/hmmt
	printf '%s/corpus/kernels/%s\n' "$HMMT_CACHE" "$(cat - "$stock/kernel.stamp" \
		"$results/$1/diff" <<<"${source_dir##*/} $2" | sha256sum | cut -c 1-16)"
}

# copy_kernel FROM TO: what a guest boots
copy_kernel()
{
	mkdir -p "$2"
	cp "$1"/{bzImage,config,release,config.stamp} "$2"
}

keep_kernel()
{
	# another checkout may keep the same one at this very time
	copy_kernel "$1" "$2.new.$$" || { rm -rf "$2.new.$$"; return 0; }
	mv -T "$2.new.$$" "$2" 2>/dev/null || rm -rf "$2.new.$$"
	keep_newest "${2%/*}" "$KERNELS_KEPT"
}

# tree_build ID FLAVOUR [FILE]: what boots, in RESULTS/ID/boot: the kernel with
# FILE as tree_patch() left it; without, as it is
tree_build()
{
	local built=$results/$1/boot/hmmt from kept=''

	from=$(kernel_build_dir "$source_dir" "$2")/hmmt
	if [ -n "${3:-}" ]; then
		kept=$(kernel_of "$1" "$2")
		if [ -n "$kept" ] && [ -f "$kept/bzImage" ]; then
			touch "$kept"
			from=$kept
		else
			tree_start "$2"
			tree_apply "$3" || return 1
			"$HMMT_TOP/tools/vm/kernel.sh" --ksrc "$tree" --flavour "$2" --no-driver \
				2>"$results/$1/build.log" >"$tree.built" &
			builder=$!
			wait "$builder" || { builder=''; return 1; }
			builder=''
			from=$(<"$tree.built")/hmmt
			[ -z "$kept" ] || keep_kernel "$from" "$kept"
		fi
	fi
	copy_kernel "$from" "$built" || return 1
	echo "$(cat "$(kernel_build_dir "$source_dir" "$2")/hmmt/source") bug $1" >"$built/source"
}
