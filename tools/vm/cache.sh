# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What goes from the cache. Sourced.

# keep_newest DIR N: removes the entries of DIR but for the N used last. Whoever
# uses one touches it.
keep_newest()
{
	find "$1" -mindepth 1 -maxdepth 1 ! -name '*.lock' ! -name '*.new' -printf '%T@\t%p\n' |
		sort -rn | tail -n +$(($2 + 1)) | cut -f 2 | xargs -rd '\n' rm -rf
}

# drop_gone ENTRY...: removes those whose file "top" names a checkout that is gone. An
# empty one is just being written.
drop_gone()
{
	local entry top

	for entry; do
		top=$(cat "$entry/top" 2>/dev/null) || continue
		[ -z "$top" ] || [ -d "$top" ] || rm -rf "$entry"
	done
}
