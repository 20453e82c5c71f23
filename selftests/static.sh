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

# User space has no BIT(), ARRAY_SIZE() or u64, and atomics of its own.
readonly USER_IGNORE=PREFER_KERNEL_TYPES,BIT_MACRO,ARRAY_SIZE,VOLATILE,CAMELCASE,PREFER_DEFINED_ATTRIBUTE_MACRO,AVOID_EXTERNS,NEW_TYPEDEFS,CONSTANT_CONVERSION,CONST_STRUCT,PREFER_FALLTHROUGH,STRCPY,STRNCPY,STRLCPY,SSCANF_TO_KSTRTO,MEMORY_BARRIER,DATA_RACE,LONG_LINE_STRING,USLEEP_RANGE,DEPRECATED_VARIABLE,ENOSYS,YIELD,MSLEEP,PREFER_PR_LEVEL,COMPLEX_MACRO,MACRO_ARG_REUSE

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# quiet NAME COMMAND...: passes when the command succeeds and says nothing that
# looks like a warning
quiet()
{
	local name=$1

	shift
	if "$@" >"$out/log" 2>&1 && ! grep -qE '(warning|error):' "$out/log"; then
		ktap_pass "$name"
	else
		ktap_fail "$name" "$(grep -E '(warning|error|\*\*\*)' "$out/log" | head -n 20 ||
			tail -n 20 "$out/log")"
	fi
}

make_here()
{
	make -C "$HMMT_TOP" --no-print-directory O="$out" "$@"
}

warnings()
{
	quiet "host programs, W=1" make_here W=1 host
	quiet "guest programs, W=1" make_here W=1 guest
	quiet "driver, W=1" make_here W=1 KDIR="$(kernel_dir)" driver
}

sparse_check()
{
	command -v sparse >/dev/null || {
		ktap_skip "driver, sparse" "sparse is not installed"
		return 0
	}
	quiet "driver, sparse" make_here C=2 CHECK=sparse KDIR="$(kernel_dir)" driver
}

checkpatch()
{
	local script f ignore

	script=$(kernel_source_dir)/scripts/checkpatch.pl
	if ! command -v perl >/dev/null || [ ! -f "$script" ]; then
		ktap_skip checkpatch "no perl, or the tree has no checkpatch.pl"
		return 0
	fi
	cd "$HMMT_TOP"
	while IFS= read -r f; do
		ignore=FILE_PATH_CHANGES,LINUX_VERSION_CODE
		[[ $f == drivers/* ]] || ignore=$ignore,$USER_IGNORE
		if perl "$script" --no-tree --strict --terse --no-summary \
			--show-types --max-line-length=100 --ignore "$ignore" \
			-f "$f" >"$out/log" 2>&1; then
			ktap_pass "checkpatch $f"
		else
			ktap_fail "checkpatch $f" "$(head -n 20 "$out/log")"
		fi
	done < <(find drivers lib tools selftests -name '*.[ch]' | sort)
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
