#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# stage: guest
# usage: kernels.sh [SERIES...]
#
# The driver on every kernel it is for: what the compile probes say of the tree, a
# build without a warning, and its own tests in a guest. Kernels of the flavour LIGHT,
# since there is one more to build for each; with DEBUG, for lockdep, the profile nightly
# has some of the programs.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"
# shellcheck source=selftests/guest.sh
. "$HMMT_TOP/selftests/guest.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Each probe, and a second opinion: a header of the tree (or those where releases
# have it) and what is in it exactly where the probe compiles.
probes='
FOLIO_FREE			include/linux/memremap.h	\(\*folio_free\)
FOLIO_SPLIT			include/linux/memremap.h	\(\*folio_split\)
HMM_DMA_MAP			include/linux/hmm-dma.h		hmm_dma_map_alloc
HMM_RANGE_FAULT_UNLOCKED	include/linux/hmm.h		hmm_range_fault_unlocked_timeout
HRTIMER_SETUP			include/linux/hrtimer.h		void hrtimer_setup\(
INSERT_PLAIN_PFN		include/linux/huge_mm.h		vmf_insert_pfn_pmd\(struct vm_fault \*vmf, unsigned long pfn
IO_URING_CMD_DONE_3ARGS		include/linux/io_uring/cmd.h	void __io_uring_cmd_done
IO_URING_SQE_CMD_TYPED		include/linux/io_uring/cmd.h	define io_uring_sqe_cmd\(sqe, type\)
MAKE_DEVICE_EXCLUSIVE		include/linux/rmap.h		make_device_exclusive\(
MIGRATE_DEVICE_PFNS		include/linux/migrate.h		migrate_device_pfns
PAGE_PGMAP			include/linux/memremap.h,include/linux/mmzone.h page_pgmap\(const struct page
SELECT_COMPOUND			include/linux/migrate.h		MIGRATE_VMA_SELECT_COMPOUND
VMA_ALLOC_FOLIO_4ARGS		include/linux/gfp.h		vma_alloc_folio_noprof\(gfp_t gfp, int order, struct vm_area_struct \*vma, unsigned long addr\)
ZONE_DEVICE_PAGE_INIT_ORDER	include/linux/memremap.h	zone_device_folio_init
'

check_probes()
{
	local name file regex probed="$1/probed.h" want got wrong='' n=0

	while read -r name file regex; do
		[ -n "$name" ] || continue
		n=$((n + 1))
		want=no got=no
		# shellcheck disable=SC2086 # a list
		(cd "$tree" && cat ${file//,/ } 2>/dev/null) | tr -s '[:space:]' ' ' |
			grep -E -- "$regex" >"$tmp/log" && want=yes
		grep -qx "#define HAVE_$name 1" "$probed" && got=yes
		[ "$want" = "$got" ] || wrong+=" $name: header $want, probe $got;"
	done <<<"$probes"
	ktap_equal "$series: probes agree with the headers" "$wrong" ""
	ktap_equal "$series: no probe is missing in the table" "$n" \
		"$(find "$HMMT_TOP/drivers/probes" -name '*.c' | grep -cvE '/(always|never)\.c$')"
}

# A probe that does not compile for a reason of its own answers "no" on all
# trees: the two with a known answer, and a typo in one of them, must be noticed.
check_bad_probe()
{
	local copy=$tmp/copy rc=0

	cp -r "$HMMT_TOP" "$copy" 2>/dev/null || true
	sed -i 's/return PAGE_SIZE;/return PAGE_SIZ;/' "$copy/drivers/probes/always.c"
	make -C "$copy" O="$tmp/bad" KDIR="$build" driver >"$tmp/bad.log" 2>&1 || rc=$?
	ktap_match "broken probe: build fails" "$rc $(grep -c 'probes give nonsense' "$tmp/bad.log")" \
		'^[1-9][0-9]* [1-9]'
	rm -rf "$copy" "$tmp/bad"
}

# guest PROGRAM [+ PROGRAM]...: their tests count here
guest()
{
	local dir=$tmp/$series-guest line name

	guest_boot "$dir" -- "$@" >"$dir.out" 2>&1 || true
	"$tools/host/hmmt-judge" run "$dir" --known "$HMMT_TOP/configs/known" \
		>>"$dir.out" 2>&1 || true
	while read -r line; do
		name=${line#*ok }
		name=${name#* }
		case $line in
		*'# SKIP'*) ktap_skip "$series: ${name%% #*}" "${name#*SKIP }" ;;
		ok*) ktap_pass "$series: $name" ;;
		*) ktap_fail "$series: $name" "$(grep -a "^# ${name#hmm.}:" "$dir/results.log")" ;;
		esac
	done < <(grep -aE '^(not )?ok ' "$dir/results.log")
	ktap_match "$series: verdict of the guest" "$(cat "$dir/verdict.json" 2>/dev/null)" \
		'"verdict": "(PASS|KNOWN)"'
}

[ $# -gt 0 ] || set -- 6.12 7.3
for series; do
	tree=$("$vm/fetch.sh" --kernel "$series")
	guest_image LIGHT "$tree"

	# what was silent once is not built again
	silent=$HMMT_CACHE/static/silent/$({
		cat "$build/hmmt/config" "$build/hmmt/kernel.stamp"
		find "$HMMT_TOP"/drivers -type f | LC_ALL=C sort | xargs -d '\n' cat
		gcc --version
	} | sha256sum | cut -c 1-32)
	rc=0
	if [ ! -f "$silent/probed.h" ]; then
		make -C "$HMMT_TOP" O="$tmp/$series" W=1 C=2 CHECK=sparse KDIR="$build" driver \
			>"$tmp/log" 2>&1 || rc=$?
		rc=$rc$(grep -E '(warning|error):' "$tmp/log" || true)
		mkdir -p "$silent"
		[ "$rc" != 0 ] || cp "$tmp/$series/driver/probed.h" "$silent/"
	fi
	ktap_equal "$series: driver builds, W=1 and sparse are silent" "$rc" 0
	check_probes "$silent"
	for f in "$HMMT_TOP"/drivers/*.c; do
		perl "$tree/scripts/checkpatch.pl" --no-tree --strict --terse --no-summary \
			--max-line-length=100 --ignore FILE_PATH_CHANGES,LINUX_VERSION_CODE \
			-f "$f"
	done >"$tmp/log" 2>&1 || true
	ktap_equal "$series: its checkpatch has nothing to say" "$(cat "$tmp/log")" ""

	programs=(hmm-driver + hmm-uapi + hmm-uring + hmm-unplug + hmm-entries + hmm-changes)
	# before there was folio_free(), other kinds of memory were freed in other ways
	! grep -qx '#define HAVE_FOLIO_FREE 1' "$silent/probed.h" || programs+=(+ hmm-api)
	guest "${programs[@]}"
	says="whole THPs"
	grep -q MIGRATE_VMA_SELECT_COMPOUND "$tree/include/linux/migrate.h" ||
		says="base pages only"
	ktap_match "$series: the driver says what it can" \
		"$(grep -a 'test_hmm: . devices' "$tmp/$series-guest/console.log")" "$says"
done
check_bad_probe
ktap_end
