#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The verb "replay": the guest of a run again, from the bytes that the run kept,
# and whether the same came out. Exit 0 the same verdict and title, 1 a bug, but
# another one, 3 neither. The new run is kept beside other results.
set -euo pipefail

HMMT_TOP=${HMMT_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=tools/campaign/execute.sh
. "$HMMT_TOP/tools/campaign/execute.sh"
# shellcheck source=tools/campaign/prepare.sh
. "$HMMT_TOP/tools/campaign/prepare.sh"

# field NAME: of the old run.json, which has one field a line
field()
{
	sed -n "s/^ *\"$1\": *\"\\{0,1\\}\\(.*[^\",]\\)\"\\{0,1\\},\\{0,1\\}\$/\\1/p" \
		"$old/run.json" | head -n 1
}

# A build directory as boot.sh knows it, made of what the run kept
make_build()
{
	mkdir -p "$1/hmmt"
	ln -s "$old/bundle/bzImage" "$1/hmmt/bzImage"
	ln -s "$old/kernel.config" "$1/hmmt/config"
	field kernel_release >"$1/hmmt/release"
	field kernel_source >"$1/hmmt/source"
	[ "$(field config_verified)" != true ] || : >"$1/hmmt/config.stamp"
}

same_bytes()
{
	cmp -s "$old/console.log" "$new/console.log" &&
		cmp -s "$old/results.log" "$new/results.log"
}

main()
{
	local old new tmp engine words rc=0 verdict title

	if [ $# -ne 1 ] || [[ $1 == -* ]]; then
		die "$EX_USAGE" "usage: ./run.sh replay RUNDIR"
	fi
	if [ ! -f "$1/run.json" ] || [ ! -f "$1/cmdline" ] ||
	   [ ! -f "$1/bundle/bzImage" ] || [ ! -f "$1/bundle/initramfs.cpio" ]; then
		die "$EX_USAGE" "not a run directory with a bundle: $1"
	fi
	old=$(cd "$1" && pwd -P)
	case $(field accel) in
	tcg-det) engine=det ;;
	tcg-mt) engine=tcg ;;
	kvm) engine=kvm ;;
	*) die "$EX_USAGE" "$old/run.json does not name an engine" ;;
	esac
	opt_mem=$(field mem_mib)
	prepare_host
	prepare_judge
	new=$HMMT_TOP/results/replay-$(date +%Y%m%d-%H%M%S)-${old##*/}
	tmp=$(mktemp -d)
	# not local when the trap runs
	# shellcheck disable=SC2064
	trap "rm -rf '$tmp'" EXIT
	trap : INT
	make_build "$tmp"
	words=$(sed 's/^.* -- run: //' "$old/cmdline")
	# shellcheck disable=SC2086 # words of init
	vm boot --dir "$new" --tools "$tools_dir" --build "$tmp" \
		--image "$old/bundle/initramfs.cpio" --engine "$engine" \
		--seed "$(field seed)" --cpus "$(field cpus)" --mem "$opt_mem" \
		--expect "$(field expect)" --flavour "$(field flavour)" -- $words ||
		rc=$?
	[ "$rc" -ne 130 ] || exit 130
	[ -f "$new/run.json" ] || die "$EX_NOVERDICT" "the guest was not booted (exit $rc)"
	cmp -s "$old/cmdline" "$new/cmdline" ||
		msg "note: the kernel command line differs from the recorded one"
	"$(host_bin_dir)/hmmt-judge" run "$new" --known "$HMMT_TOP/configs/known" || true
	verdict=$(run_verdict "$old")
	title=$(run_title "$old")
	printf '  %-9s %s\n' "recorded" "$verdict${title:+: $title}"
	[ "$engine" != det ] || ! same_bytes ||
		printf '  %-9s console and results, byte for byte\n' "same"
	if [ "$(run_verdict "$new")" = "$verdict" ] && [ "$(run_title "$new")" = "$title" ]; then
		printf 'replayed: the same verdict\n'
		exit 0
	fi
	printf 'replayed: another verdict\n'
	[ "$(run_verdict "$new")" != FAIL ] || exit 1
	exit "$EX_NOVERDICT"
}

main "$@"
