# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Shared by the scripts of tools/vm: cache, messages, locks. Sourced.
#
# Messages go to stderr; stdout belongs to the one path or value that a script
# is asked for. Exit codes: 2 wrong usage, 3 this machine or tree cannot do it.

# shellcheck disable=SC2034
EX_USAGE=2 EX_INFRA=3

HMMT_TOP=${HMMT_TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
HMMT_CACHE=${HMMT_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/hmmtorture}
# Scripts that call each other count from the same start.
HMMT_T0=${HMMT_T0:-$EPOCHSECONDS}
export HMMT_TOP HMMT_CACHE HMMT_T0

# shellcheck source=tools/vm/cache.sh
. "$HMMT_TOP/tools/vm/cache.sh"

# step TEXT: what begins now, with the time since the start
step()
{
	printf '[%3ds] %s\n' "$((EPOCHSECONDS - HMMT_T0))" "$*" >&2
}

# die CODE TEXT...: each further word is a line of its own
die()
{
	local code=$1

	printf '%s: %s\n' "${0##*/}" "$2" >&2
	shift 2
	[ $# -eq 0 ] || printf '  %s\n' "$@" >&2
	exit "$code"
}

# hash12: a short name for what is on stdin
hash12()
{
	sha256sum | cut -c 1-12
}

# driver_dir BUILD: where this checkout's driver for that kernel is
driver_dir()
{
	printf '%s/hmmt/driver-%s\n' "$1" "$(hash12 <<<"$HMMT_TOP")"
}

# lock_entry PATH: one process at a time makes PATH. Held until the process
# ends; children that outlive it must not inherit it, hence the number in
# $lock_fd for those that start them. Says so when it has to wait.
lock_entry()
{
	mkdir -p "$(dirname "$1")" ||
		die "$EX_INFRA" "cannot make the directory $(dirname "$1")"
	exec {lock_fd}>"$1.lock" || die "$EX_INFRA" "cannot write $1.lock"
	if ! flock -n "$lock_fd"; then
		step "waiting for another process that makes $1"
		flock "$lock_fd"
	fi
}

# put_in_place NEW FINAL: the entry appears complete or not at all
put_in_place()
{
	if [ -d "$2" ] && [ ! -L "$2" ]; then
		rm -rf "$2.old"
		mv -T "$2" "$2.old"
	fi
	mv -T "$1" "$2"
	rm -rf "$2.old"
}

# need_disk DIR MIB WHAT
need_disk()
{
	local dir=$1 free

	while [ ! -d "$dir" ]; do dir=$(dirname "$dir"); done
	free=$(df -Pk "$dir" | awk 'NR == 2 { print int($4 / 1024) }')
	[ "$free" -ge "$2" ] ||
		die "$EX_INFRA" "$3 needs $2 MiB of disk below $dir, $free MiB are free" \
			"HMMT_CACHE=DIR puts the cache elsewhere"
}

# need_memory MIB WHAT
need_memory()
{
	local free

	free=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' "${HMMT_MEMINFO:-/proc/meminfo}")
	[ "$free" -ge "$1" ] ||
		die "$EX_INFRA" "$2 needs $1 MiB of memory, $free MiB are available"
}

# watched "TEXT-FUNCTION ARG" COMMAND...: runs COMMAND and shows a step line
# with the output of TEXT-FUNCTION from time to time. The watcher is the background one:
# a background command of a script would not hear Ctrl-C.
watched()
{
	local text=$1 rc=0 watcher

	shift
	(
		# Neither it nor its sleep may outlive the command: they would
		# hold the lock and whatever reads our stderr.
		[ -z "${lock_fd:-}" ] || exec {lock_fd}>&-
		trap 'kill $! 2>/dev/null; exit 0' TERM
		while kill -0 $$ 2>/dev/null; do
			sleep 10 &
			wait $!
			# shellcheck disable=SC2086 # function and its words
			step "$($text 2>/dev/null)"
		done
	) </dev/null >/dev/null &
	watcher=$!
	"$@" || rc=$?
	kill "$watcher" 2>/dev/null || true
	wait "$watcher" 2>/dev/null || true
	return "$rc"
}
