# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# For tests that boot guests themselves. Sourced, behind HMMT_TOP.

vm=$HMMT_TOP/tools/vm

# guest_image FLAVOUR [TREE [OPTIONS of image.sh]]: what guest_boot() boots, which is
# $tools, $build and $image; of the default kernel if no TREE is named.
guest_image()
{
	tools=$("$vm/tools.sh")
	build=$("$vm/kernel.sh" --ksrc "${2:-$("$vm/fetch.sh")}" --flavour "$1")
	image=$("$vm/image.sh" --tools "$tools" --build "$build" "${@:3}")
	guest_flavour=$1
}

# guest_boot DIR [OPTIONS of boot.sh] -- WORDS...
guest_boot()
{
	local dir=$1

	shift
	"$vm/boot.sh" --dir "$dir" --tools "$tools" --build "$build" --image "$image" \
		--mem 1024 --expect selftest --flavour "$guest_flavour" --quiet "$@"
}
