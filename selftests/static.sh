#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: static.sh warnings | sparse | checkpatch
# What can be found without running anything. The driver is built against the
# kernel of the run, checkpatch.pl is that kernel's own.
set -euo pipefail

HMMT_TOP=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=tools/campaign/prepare.sh
. "$HMMT_TOP/tools/campaign/prepare.sh"
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"

# User space has no BIT(), ARRAY_SIZE() or u64, has atomics and format
# attributes of its own, and help texts of many lines.
USER_IGNORE=PREFER_KERNEL_TYPES,BIT_MACRO,ARRAY_SIZE,VOLATILE,CAMELCASE
USER_IGNORE+=,PREFER_DEFINED_ATTRIBUTE_MACRO,AVOID_EXTERNS,CONST_STRUCT
USER_IGNORE+=,SSCANF_TO_KSTRTO,STRNCPY,STRCPY,STRLCPY,MEMORY_BARRIER,USLEEP_RANGE
USER_IGNORE+=,LONG_LINE_STRING,SPLIT_STRING,LEADING_SPACE,REPEATED_WORD
USER_IGNORE+=,LINE_SPACING,EMBEDDED_FUNCTION_NAME,MULTIPLE_ASSIGNMENTS,COMPLEX_MACRO
USER_IGNORE+=,MACRO_WITH_FLOW_CONTROL,MACRO_ARG_REUSE,MACRO_ARG_PRECEDENCE
readonly USER_IGNORE

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# quiet NAME VARIABLE=VALUE... TARGET: passes when make succeeds and says nothing
# that looks like a warning. The very sources that were silent once are not
# built again; of others only what was changed. What gave a warning does not
# stay, or it would be silent then.
quiet()
{
	local name=$1 dir made silent

	shift
	# the configuration names the release as well, the stamp the compiler
	made="$* $(cat "$(kernel_dir)"/hmmt/{config,kernel.stamp} | sha256sum)"
	dir=$HMMT_CACHE/static/$(sha256sum <<<"$HMMT_TOP $name" | cut -c 1-12)
	silent=$HMMT_CACHE/static/silent/$(sha256sum <<<"$name $made $(sources) $(sparse --version 2>&1)" |
		cut -c 1-32)
	if [ -e "$silent" ]; then
		ktap_pass "$name"
		return
	fi
	[ "$(cat "$dir/made" 2>/dev/null)" = "$made" ] || rm -rf "$dir"
	mkdir -p "$dir" "${silent%/*}"
	printf '%s\n' "$made" >"$dir/made"
	if make -C "$HMMT_TOP" --no-print-directory O="$dir" "$@" >"$out/log" 2>&1 &&
	   ! grep -qE '(warning|error):' "$out/log"; then
		: >"$silent"
		ktap_pass "$name"
	else
		rm -rf "$dir"
		ktap_fail "$name" "$(grep -E '(warning|error|\*\*\*)' "$out/log" | head -n 20 ||
			tail -n 20 "$out/log")"
	fi
}

# What all of them are made of
sources()
{
	(cd "$HMMT_TOP" && find Makefile drivers lib tools selftests -type f \
		\( -name '*.[ch]' -o -name Makefile -o -name Kbuild -o -name '*.mk' \) |
		LC_ALL=C sort | xargs -d '\n' sha256sum) | sha256sum | cut -c 1-32
}

warnings()
{
	quiet "host programs, W=1" W=1 host
	quiet "guest programs, W=1" W=1 guest
	quiet "driver, W=1" W=1 KDIR="$(kernel_dir)" driver
}

sparse_check()
{
	command -v sparse >/dev/null || {
		ktap_skip "driver, sparse" "sparse is not installed"
		return 0
	}
	quiet "driver, sparse" C=2 CHECK=sparse KDIR="$(kernel_dir)" driver
}

# What was read with the same script and found good is not read again.
checkpatch()
{
	local script f ignore read

	script=$(kernel_source_dir)/scripts/checkpatch.pl
	if ! command -v perl >/dev/null || [ ! -f "$script" ]; then
		ktap_skip checkpatch "no perl, or the tree has no checkpatch.pl"
		return 0
	fi
	mkdir -p "$HMMT_CACHE/static/checkpatch"
	# it leaves a file where it is started
	cd "$out"
	while IFS= read -r f; do
		ignore=FILE_PATH_CHANGES,LINUX_VERSION_CODE
		case $f in
		# lists of counters and checks, used as fields, names and texts
		drivers/*_uapi.h)
			ignore=$ignore,BIT_MACRO,COMPLEX_MACRO,MACRO_ARG_REUSE
			ignore=$ignore,MACRO_ARG_UNUSED,TRAILING_SEMICOLON
			;;
		# the form of every trace header
		drivers/trace.h) ignore=$ignore,PARENTHESIS_ALIGNMENT,OPEN_ENDED_LINE ;;
		drivers/*) ;;
		*) ignore=$ignore,$USER_IGNORE ;;
		esac
		set -- --no-tree --strict --terse --no-summary --show-types \
			--max-line-length=100 --ignore "$ignore"
		read=$(cat - "$script" "$HMMT_TOP/$f" <<<"$f $*" | sha256sum | cut -c 1-32)
		read=$HMMT_CACHE/static/checkpatch/$read
		if [ -e "$read" ] || perl "$script" "$@" -f "$HMMT_TOP/$f" >"$out/log" 2>&1; then
			: >"$read"
			ktap_pass "checkpatch $f"
		else
			ktap_fail "checkpatch $f" "$(head -n 20 "$out/log")"
		fi
	done < <(cd "$HMMT_TOP" && find drivers lib tools selftests -name '*.[ch]' | sort)
}

# the build directory of the kernel that run.sh would boot
kernel_dir()
{
	kernel_build_dir "$(kernel_source_dir)" DEBUG
}

case ${1:-} in
warnings) warnings ;;
sparse) sparse_check ;;
checkpatch) checkpatch ;;
*) usage_die check "${1:-}" warnings sparse checkpatch ;;
esac
ktap_end
