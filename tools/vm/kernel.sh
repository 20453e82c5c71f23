#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: kernel.sh --ksrc DIR [--flavour F] [--no-driver | --where | --object FILE]
#
# Configures and builds the kernel tree DIR and our driver, and prints the build
# directory (O= of the kernel). In its sub directory hmmt/ are
#
#   bzImage config release     what to boot
#   stock_test_hmm.ko          the tree's own driver
#   source                     one line that says what was built
#   where                      tree and build directory: objects name both
#   build.log
#   driver-TOP/                our driver, for each checkout of hmmtorture:
#                              test_hmm.ko, hmm_turns.ko, driver.log
#   drivers/                   those made last, by what they were made of
#
# The tree is only read. There is one build directory for each tree and flavour,
# so that a rebuild after an edit compiles what the edit touched. CC and LLVM
# mean what they mean in the kernel; another compiler is another directory.
# --where prints the name of that directory and does nothing; --object compiles
# only that file, such as mm/rmap.o.
# HMMT_JOBS limits the parallel jobs, HMMT_FRAGMENTS names another configs/kernel.
# Exit 2: DIR is no kernel tree or the flavour is unknown; 3: it cannot be built.
set -euo pipefail
# shellcheck source=tools/vm/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=tools/vm/kconfig.sh
. "$(dirname "$0")/kconfig.sh"

fragments=${HMMT_FRAGMENTS:-$HMMT_TOP/configs/kernel}
jobs=${HMMT_JOBS:-$(nproc)}
readonly DRIVERS_KEPT=4
ksrc='' flavour=DEBUG driver=1 where=0 object=''

parse()
{
	local valid

	while [ $# -gt 0 ]; do
		case $1 in
		--ksrc) ksrc=${2:-}; shift ;;
		--flavour) flavour=${2:-}; shift ;;
		--no-driver) driver=0 ;;
		--where) where=1 ;;
		--object) object=${2:-}; shift ;;
		*) die "$EX_USAGE" "unknown option '$1';" \
			"valid: --ksrc --flavour --no-driver --where --object" ;;
		esac
		shift || true
	done
	[ -n "$ksrc" ] || die "$EX_USAGE" "--ksrc DIR is missing"
	if [ "$flavour" = COMMON ] || [[ $flavour == */* ]] ||
	   [ ! -f "$fragments/$flavour" ]; then
		valid=$(cd "$fragments" && printf '%s\n' * | grep -vx COMMON | paste -sd' ')
		die "$EX_USAGE" "unknown flavour '$flavour'; valid: $valid"
	fi
}

# What the tree must be before anything is made for it
check_tree()
{
	[ -d "$ksrc" ] || die "$EX_USAGE" "--ksrc $ksrc: no such directory"
	ksrc=$(realpath "$ksrc")
	if [ ! -f "$ksrc/Kbuild" ] || [ ! -f "$ksrc/mm/Kconfig" ] || [ ! -f "$ksrc/Makefile" ] ||
	   [ ! -d "$ksrc/arch/x86" ] || [ ! -f "$ksrc/scripts/kconfig/merge_config.sh" ]; then
		die "$EX_USAGE" "--ksrc $ksrc: not the top of a kernel source tree"
	fi
	if [ -f "$ksrc/.config" ] || [ -d "$ksrc/include/config" ] ||
	   [ -d "$ksrc/arch/x86/include/generated" ]; then
		die "$EX_INFRA" "$ksrc was built in place, which breaks builds outside of it" \
			"run there: make mrproper   (it deletes .config: save it)"
	fi
	if ! grep -qsx 'config DEVICE_PRIVATE' "$ksrc/mm/Kconfig" ||
	   ! grep -qsEx '(menu)?config TRANSPARENT_HUGEPAGE' "$ksrc/mm/Kconfig"; then
		die "$EX_INFRA" "$ksrc has no device-private memory (ZONE_DEVICE) or no THP:" \
			"there is nothing to test in it"
	fi
}

toolchain()
{
	local cc=${CC:-${LLVM:+clang}}

	"${cc:-gcc}" --version 2>/dev/null | head -n 1
	ld --version | head -n 1
	printf '%s|%s\n' "${CC:-}" "${LLVM:-}"
}

is_cached_tree()
{
	[[ $ksrc == "$(realpath -m "$HMMT_CACHE/src")"/* ]]
}

build_dir()
{
	local id

	if is_cached_tree; then
		id=$(basename "$ksrc")
	else
		id=ksrc-$(basename "$ksrc")-$(hash12 <<<"$ksrc")
	fi
	[ -z "${CC:-}${LLVM:-}" ] || id=$id-$(hash12 <<<"${CC:-}|${LLVM:-}")
	printf '%s\n' "$HMMT_CACHE/build/$id-$flavour"
}

kmake()
{
	# Nothing of the caller's environment, the host or the time goes in. It does not go
	# on when this script is killed.
	# LOCALVERSION= keeps the "+" of a git tree out of the release.
	env -u ARCH -u KBUILD_OUTPUT -u KCONFIG_CONFIG -u KBUILD_EXTMOD -u MAKEFLAGS -u O \
		-u KCFLAGS -u KAFLAGS -u INSTALL_MOD_STRIP LC_ALL=C PYTHONDONTWRITEBYTECODE=1 \
		KBUILD_BUILD_USER=hmmtorture KBUILD_BUILD_HOST=hmmtorture \
		KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 2026' KBUILD_BUILD_VERSION=1 \
		setpriv --pdeathsig TERM make -C "$ksrc" O="$build" ARCH=x86_64 LOCALVERSION= \
		${CC:+CC="$CC"} ${LLVM:+LLVM="$LLVM"} ${V:+V="$V"} "$@" </dev/null
}

# The lines that say why, not the hundred of make after them
show_failure()
{
	local why

	why=$(grep -E '(error:|ERROR:|undefined reference|No rule to make|[Kk]illed|No space left)' "$1" |
		head -n 8) || true
	if [ -n "$why" ]; then
		printf '%s\n' "$why" >&2
	else
		tail -n 12 "$1" >&2
	fi
}

# shellcheck disable=SC2317 # called by name
objects_built()
{
	echo "building kernel $release $flavour: $(grep -cE '^  (CC|AS|AR|LD)' "$hmmt/build.log") objects"
}

# shellcheck disable=SC2317 # called by name
make_kernel()
{
	local -a counted

	# The objects that the flavour wants gcov's counts of, and not their namesakes
	# shellcheck disable=SC2016 # make's $
	mapfile -t counted < <(sed -n 's/^# gcov: //p' "$fragments/$flavour" | tr ' ' '\n' |
		sed 's|\(.*\)/\(.*\)|GCOV_PROFILE_\2.o=$(if $(filter \1,$(obj)),y)|')
	kmake -j"$jobs" "${counted[@]}" bzImage modules >"$hmmt/build.log" 2>&1
}

build_kernel()
{
	release=$(kmake -s kernelrelease 2>/dev/null) || release=$(basename "$ksrc")
	step "building kernel $release $flavour"
	watched objects_built make_kernel || {
		show_failure "$hmmt/build.log"
		die "$EX_INFRA" "the kernel does not build: $ksrc, $flavour" "log: $hmmt/build.log"
	}
	# A boot never sees a bzImage that a later make is writing.
	cp "$build/arch/x86/boot/bzImage" "$hmmt/bzImage.new"
	mv "$hmmt/bzImage.new" "$hmmt/bzImage"
	cp "$build/.config" "$hmmt/config"
	cp "$build/include/config/kernel.release" "$hmmt/release"
	if [ -f "$build/lib/test_hmm.ko" ]; then
		cp "$build/lib/test_hmm.ko" "$hmmt/stock_test_hmm.ko"
	else
		rm -f "$hmmt/stock_test_hmm.ko"
	fi
	describe_source >"$hmmt/source"
}

describe_source()
{
	local commit

	# Looking must not refresh the index of a tree that is only read.
	export GIT_OPTIONAL_LOCKS=0
	if commit=$(git -C "$ksrc" rev-parse --short=12 HEAD 2>/dev/null); then
		git -C "$ksrc" diff --quiet HEAD 2>/dev/null || commit=$commit-dirty
		printf '%s %s\n' "$ksrc" "$commit"
	elif is_cached_tree; then
		basename "$ksrc"
	else
		printf '%s\n' "$ksrc"
	fi
}

# What a module takes from the build directory. Sources and headers of the tree
# are kbuild's own to watch, by their times.
kernel_inputs()
{
	sha256sum "$hmmt/config" "$build/Module.symvers" | cut -d' ' -f 1
	find "$build/include/generated" "$build/arch/x86/include/generated" -name '*.h' \
		-exec sha256sum {} + | sort -k 2
	toolchain
}

# kbuild's objects and command lines name the tree and the build directory. A
# cache that was copied or moved names others: what is in it is of no use.
check_where()
{
	[ -d "$build" ] || return 0
	[ "$(cat "$hmmt/where" 2>/dev/null)" != "$ksrc"$'\n'"$build" ] || return 0
	step "building anew: $build was made at another place or of another tree"
	rm -rf "$build"
}

build_driver()
{
	local inputs kernel out kept

	out=$(driver_dir "$build")
	kernel=$(kernel_inputs | hash12)
	# kbuild does not see a change of the configuration or of a generated
	# header in a module outside of the tree.
	[ "$(cat "$out/kernel.stamp" 2>/dev/null)" = "$kernel" ] || rm -rf "$out"
	mkdir -p "$out"
	printf '%s\n' "$kernel" >"$out/kernel.stamp"
	printf '%s\n' "$HMMT_TOP" >"$out/top"

	find "$HMMT_TOP/drivers" -maxdepth 1 -name Kbuild 2>/dev/null | grep -q . ||
		die "$EX_INFRA" "$HMMT_TOP/drivers has no Kbuild file"
	inputs=$kernel-$(cd "$HMMT_TOP/drivers" && find . -type f | sort | xargs -r sha256sum | hash12)
	# Another kernel may be that of another header, which takes a look.
	inputs=$inputs-$(stat -c %Y.%s "$build/vmlinux")
	if [ -f "$out/test_hmm.ko" ] && [ "$(cat "$out/driver.stamp" 2>/dev/null)" = "$inputs" ]; then
		return
	fi
	rm -f "$out"/*.ko "$out/driver.stamp"
	kept=$hmmt/drivers/$(hash12 <<<"$inputs")
	if [ -d "$kept" ]; then
		touch "$kept"
	else
		make_driver
		mkdir -p "$kept.new"
		cp "$out/driver"/{test_hmm,hmm_turns}.ko "$kept.new"
		put_in_place "$kept.new" "$kept"
		keep_newest "$hmmt/drivers" "$DRIVERS_KEPT"
	fi
	cp "$kept"/*.ko "$out"
	printf '%s\n' "$inputs" >"$out/driver.stamp"
}

make_driver()
{
	[ -f "$out/driver/test_hmm.ko" ] ||
		step "building driver for kernel $(cat "$hmmt/release") $flavour"
	env -u ARCH -u KBUILD_OUTPUT -u MAKEFLAGS LC_ALL=C make -j"$jobs" -C "$HMMT_TOP" O="$out" \
		KDIR="$build" ${CC:+CC="$CC"} ${LLVM:+LLVM="$LLVM"} driver \
		>"$out/driver.log" 2>&1 </dev/null || {
		show_failure "$out/driver.log"
		die "$EX_INFRA" "the driver does not build for $(cat "$hmmt/release")" \
			"log: $out/driver.log"
	}
}

main()
{
	local inputs

	parse "$@"
	check_tree
	build=$(build_dir) hmmt=$build/hmmt release=''
	if [ "$where" -eq 1 ]; then
		printf '%s\n' "$build"
		return
	fi
	lock_entry "$build"
	check_where
	mkdir -p "$hmmt"
	printf '%s\n' "$ksrc" "$build" >"$hmmt/where"
	inputs=$({ fragments_of "$flavour" | xargs -d '\n' cat; toolchain; } | hash12)
	if [ -n "$object" ]; then
		configure "$inputs"
		rm -f "$hmmt/kernel.stamp"
		kmake -j"$jobs" "$object"
		return
	fi
	# A tree of the cache never changes: the same inputs, the same kernel.
	if ! is_cached_tree || [ ! -f "$hmmt/bzImage" ] ||
	   [ "$(cat "$hmmt/kernel.stamp" 2>/dev/null)" != "$inputs" ]; then
		[ -f "$hmmt/bzImage" ] || need_disk "$build" 1200 "a kernel build"
		need_memory 700 "a kernel build"
		rm -f "$hmmt/kernel.stamp"
		configure "$inputs"
		build_kernel
		printf '%s\n' "$inputs" >"$hmmt/kernel.stamp"
	fi
	drop_gone "$hmmt"/driver-*
	[ "$driver" -eq 0 ] || build_driver
	printf '%s\n' "$build"
}

main "$@"
