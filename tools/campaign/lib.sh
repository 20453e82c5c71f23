# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Shared by run.sh and everything below tools/campaign and tools/bisect:
# messages, exit codes, and the parsing of what a user types. Sourced.
#
# Each parse_* prints the parsed value, or returns 1 and prints nothing.

# Not readonly: bisect-step has other codes for the same events. EX_TREE is for
# a tree that can never hold the code under test.
# shellcheck disable=SC2034
EX_USAGE=2 EX_NOVERDICT=3 EX_TREE=2

HMMT_TOP=${HMMT_TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
HMMT_CACHE=${HMMT_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/hmmtorture}
HMMT_T0=${HMMT_T0:-$EPOCHSECONDS}
export HMMT_TOP HMMT_CACHE HMMT_T0

msg()
{
	printf '%s\n' "$*" >&2
}

# die CODE TEXT: the text is for a person, the code for a script
die()
{
	local code=$1

	shift
	printf 'run.sh: %s\n' "$*" >&2
	exit "$code"
}

# usage_die KIND VALUE VALID...: one line that lists what would have been right
usage_die()
{
	local kind=$1 value=$2

	shift 2
	die "$EX_USAGE" "unknown $kind '$value'; valid: $*"
}

# in_list VALUE WORD...
in_list()
{
	local value=$1 word

	shift
	for word in "$@"; do
		[ "$word" != "$value" ] || return 0
	done
	return 1
}

# A seed is 0 .. 2^63-1, decimal or 0x hex. Longer than bash arithmetic can
# hold is refused here and not wrapped silently later.
parse_seed()
{
	local s=$1 digits

	if [[ $s =~ ^0[xX]([0-9a-fA-F]+)$ ]]; then
		digits=${BASH_REMATCH[1]}
		while [[ $digits == 0?* ]]; do digits=${digits#0}; done
		[ "${#digits}" -le 16 ] || return 1
		[[ ${#digits} -lt 16 || $digits == [0-7]* ]] || return 1
		printf '%d\n' "$((16#$digits))"
		return 0
	fi
	[[ $s =~ ^(0|[1-9][0-9]{0,18})$ ]] || return 1
	# of the same length, the order of strings is that of numbers
	# shellcheck disable=SC2071
	[[ ${#s} -lt 19 || ! $s > 9223372036854775807 ]] || return 1
	printf '%s\n' "$s"
}

# 45s 5m 2h, or plain seconds: 1 second .. 30 days, printed in seconds
parse_duration()
{
	local n unit

	[[ $1 =~ ^([1-9][0-9]{0,6})([smh]?)$ ]] || return 1
	n=${BASH_REMATCH[1]}
	unit=${BASH_REMATCH[2]}
	case $unit in
	m) n=$((n * 60)) ;;
	h) n=$((n * 3600)) ;;
	esac
	[ "$n" -le 2592000 ] || return 1
	printf '%s\n' "$n"
}

# 2G, 1536M, or plain MiB: 512 MiB .. 1 TiB, printed in MiB
parse_mem()
{
	local n

	[[ $1 =~ ^([1-9][0-9]{0,7})([MG]?)$ ]] || return 1
	n=${BASH_REMATCH[1]}
	[ "${BASH_REMATCH[2]}" != G ] || n=$((n * 1024))
	[ "$n" -ge 512 ] && [ "$n" -le 1048576 ] || return 1
	printf '%s\n' "$n"
}

# parse_count VALUE MAX: 1 .. MAX
parse_count()
{
	[[ $1 =~ ^[1-9][0-9]{0,3}$ ]] && [ "$1" -le "$2" ] || return 1
	printf '%s\n' "$1"
}

list_flavours()
{
	local f

	for f in "$HMMT_TOP"/configs/kernel/*; do
		f=${f##*/}
		[ "$f" = COMMON ] || printf '%s\n' "$f"
	done
}

list_profiles()
{
	local f

	for f in "$HMMT_TOP"/configs/profiles/*; do
		printf '%s\n' "${f##*/}"
	done
}

# profile_rows NAME: the table without comments, fields separated by one blank
profile_rows()
{
	sed -e 's/#.*//' "$HMMT_TOP/configs/profiles/$1" |
		awk 'NF { $1 = $1; print }'
}

# The columns of a plan, tab separated, and the variables of who reads or prints a
# line of it. PROGRAM may be empty, no other may.
PLAN_COLUMNS="number name engine accel kernel flavour scenarios seed seconds perturb program"

# plan_read LINE: sets these variables, which the caller has as local ones
plan_read()
{
	# shellcheck disable=SC2229,SC2086 # their names
	IFS=$'\t' read -r $PLAN_COLUMNS <<<"$1"
}

# plan_print: a line of them
plan_print()
{
	local column line=

	for column in $PLAN_COLUMNS; do line+=${!column}$'\t'; done
	printf '%s\n' "${line%$'\t'}"
}

# plan_column NAME...: these columns of a plan on stdin
plan_column()
{
	awk -F'\t' -v OFS='\t' -v columns="$PLAN_COLUMNS" -v wanted="$*" '
		BEGIN {
			n = split(columns, name, " ")
			for (i = 1; i <= n; i++) at[name[i]] = i
			n = split(wanted, name, " ")
		}
		{
			line = $(at[name[1]])
			for (i = 2; i <= n; i++) line = line OFS $(at[name[i]])
			print line
		}'
}

# free space in MiB on the file system that will hold DIR
free_mib()
{
	local dir=$1

	while [ ! -d "$dir" ]; do dir=$(dirname "$dir"); done
	df -Pk "$dir" | awk 'NR == 2 { print int($4 / 1024) }'
}

# MemAvailable in MiB; HMMT_MEMINFO names another file in tests
available_mib()
{
	awk '/^MemAvailable:/ { print int($2 / 1024) }' \
		"${HMMT_MEMINFO:-/proc/meminfo}"
}

# step TEXT: a line with the time since the start, which the scripts of tools/vm
# share
step()
{
	printf '[%3ds] %s\n' "$((EPOCHSECONDS - HMMT_T0))" "$*" >&2
}

# fresh_dir NAME: makes a results directory TIME-NAME, and prints its path
fresh_dir()
{
	local root=${opt_results:-$HMMT_TOP/results} base dir n=1

	mkdir -p "$root" 2>/dev/null ||
		die "$EX_NOVERDICT" "cannot make the results directory $root"
	base=$(cd "$root" && pwd)/$(date +%Y%m%d-%H%M%S)-$1
	dir=$base
	until mkdir "$dir" 2>/dev/null; do
		[ "$n" -lt 100 ] || die "$EX_NOVERDICT" "cannot make the results directory $base"
		n=$((n + 1))
		dir=$base.$n
	done
	printf '%s\n' "$dir"
}

# known_files RELEASE: the known issues of this kernel
known_files()
{
	local f pattern
	local -a kernels

	for f in "$HMMT_TOP"/configs/known/*.known; do
		read -r -a kernels < <(sed -n 's/^kernels:[[:space:]]*//p' "$f")
		for pattern in "${kernels[@]}"; do
			# shellcheck disable=SC2254 # a pattern is meant
			case $1 in
			$pattern)
				printf '%s\n' "$f"
				break ;;
			esac
		done
	done
}

# known_without RELEASE: the ops that the known issues of this kernel say to
# leave out, comma separated. HMMT_WITHOUT=A,B says it in their place; empty
# leaves nothing out.
known_without()
{
	if [ "${HMMT_WITHOUT+set}" = set ]; then
		printf '%s\n' "$HMMT_WITHOUT"
		return 0
	fi
	known_files "$1" | xargs -r -d '\n' sed -n 's/^without:[[:space:]]*//p' | paste -sd,
}

# known_names RELEASE: their names, comma separated, which hmm-fuzz avoids.
# HMMT_AVOID=A,B says it in their place; empty avoids nothing.
known_names()
{
	if [ "${HMMT_AVOID+set}" = set ]; then
		printf '%s\n' "$HMMT_AVOID"
		return 0
	fi
	known_files "$1" | sed 's/.*\/\(.*\)\.known$/\1/' | paste -sd,
}
