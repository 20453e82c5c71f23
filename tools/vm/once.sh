# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Guests of the det engine that need not be booted again: the same bytes, started
# the same way, print the same bytes, which selftests/vm/determinism.sh holds it to.
# The tests keep what such a guest left and judge it anew. Sourced by boot.sh.
#
# HMMT_ONCE=FILE asks for it; FILE gets a line for each guest that was not booted.
# An entry is $HMMT_CACHE/guests/KEY.tar.gz: the run directory without what boot.sh
# puts there.

readonly ONCE_ENTRIES=400

# once_key DIR ARGS...: the kernel, the initramfs, all that vmrun and QEMU are told,
# but for where and when; and vmrun and QEMU themselves
once_key()
{
	local dir=$1

	shift
	{
		sha256sum <"$dir/bundle/bzImage"
		sha256sum <"$dir/bundle/initramfs.cpio"
		sha256sum <"$dir/bundle/steady.so"
		sha256sum <"$1"
		# shellcheck disable=SC2154 # engine.sh's
		"$qemu" --version
		printf '%s\n' "${@:2}" | grep -v '^started=' | sed "s|${dir//|/.}|DIR|g"
	} | sha256sum | cut -c 1-32
}

# once_take DIR ENTRY: fails if there is none, or none that can be read
once_take()
{
	[ -f "$2" ] || return 1
	if ! tar -C "$1" -xzf "$2" 2>/dev/null || [ ! -f "$1/run.json" ]; then
		rm -f "$2" "$1/run.json"
		return 1
	fi
	touch "$2"
	echo "${2##*/} $1" >>"$HMMT_ONCE"
	step "not booted again: the same guest began $(sed -n 's/^ "started": "\(.*\)",$/\1/p' "$1/run.json")"
}

# once_put DIR ENTRY
once_put()
{
	mkdir -p "${2%/*}" || return 0
	if tar -C "$1" --exclude=./bundle --exclude=./cmdline --exclude=./replay.sh \
		--exclude=./kernel.config --exclude=./input.txt -czf "$2.new.$$" . 2>/dev/null; then
		mv "$2.new.$$" "$2"
	else
		rm -f "$2.new.$$"
	fi
	keep_newest "${2%/*}" "$ONCE_ENTRIES"
}

# once_run DIR ARGS...: as "exec ARGS", unless it is known what comes of it
once_run()
{
	local dir=$1 entry pid rc=0

	shift
	entry=$HMMT_CACHE/guests/$(once_key "$dir" "$@").tar.gz
	if once_take "$dir" "$entry"; then exit 0; fi
	# whatever becomes of this shell
	setpriv --pdeathsig TERM "$@" &
	pid=$!
	# It is vmrun that ends a guest and says so.
	trap 'kill -TERM "$pid" 2>/dev/null || true' TERM INT HUP
	while :; do
		rc=0
		wait "$pid" || rc=$?
		kill -0 "$pid" 2>/dev/null || break
	done
	# Others were ended when the host's clock said so.
	[ "$rc" -ne 0 ] || once_put "$dir" "$entry"
	exit "$rc"
}
