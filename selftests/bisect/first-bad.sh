#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# git bisect run over a history made out of the real kernel source: good, good,
# does not build, good, brings the bug, good. The bug is the one that started
# this project: a large folio found through PTEs is not split (nosplit).
# stage: guest
set -euo pipefail

HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
export HMMT_TOP
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=tools/campaign/prepare.sh
. "$HMMT_TOP/tools/campaign/prepare.sh"

readonly SUBJECT=mm/migrate_device.c
# In det a commit that changes no code runs exactly as the one before it.
# A guest that spins with interrupts off shows no life; no need to wait long.
export HMMT_STALL=60
readonly STEP=(--engine det --scenario mremap --duration 10s --vms 1)
# Beside the fetched tree: hard links do not cross file systems.
work=$HMMT_CACHE/bisect-test.$$
tree=$work/linux
cleanup()
{
	rm -rf "$work" "$(kernel_build_dir "$tree" DEBUG 2>/dev/null || echo "$work")"
}
trap cleanup EXIT

g()
{
	git -C "$tree" -c user.name=test -c user.email=test@localhost \
		-c commit.gpgsign=false -c core.hooksPath=/dev/null "$@"
}

# edit SED-SCRIPT: the file gets a new inode; the old one is also the cache's
edit()
{
	sed "$1" "$tree/$SUBJECT" >"$tree/$SUBJECT.new"
	! cmp -s "$tree/$SUBJECT.new" "$tree/$SUBJECT" ||
		{ echo "# the edit changed nothing: $1"; return 1; }
	mv "$tree/$SUBJECT.new" "$tree/$SUBJECT"
}

commit()
{
	g add -f "$SUBJECT"
	g commit -q -m "$1"
}

# The bug: the branch for large device folios, the first one, goes on instead of
# splitting. The condition is what it asks right after it found the folio.
break_split()
{
	awk '
		/folio_test_large\(folio\)/ && infn && !n { sub(/folio_test_large\(folio\)/, "false"); n++ }
		/^static int migrate_vma_collect_pmd\(/ { infn = 1 }
		/^}/ { infn = 0 }
		{ print }
		END { exit n == 1 ? 0 : 1 }' "$tree/$SUBJECT" >"$tree/$SUBJECT.new" &&
		mv "$tree/$SUBJECT.new" "$tree/$SUBJECT"
}

# shellcheck disable=SC2016 # in sed, $ is the last line
make_history()
{
	mkdir -p "$work"
	cp -al "$(kernel_source_dir)" "$tree"
	rm -rf "$tree/.git"
	g init -q
	commit "the source as it is"
	first=$(g rev-parse HEAD)
	edit '$a /* second */'
	commit "a comment"
	edit '$a #error this commit does not build'
	commit "breaks the build"
	edit '/^#error/d'
	commit "builds again"
	break_split || { echo "# the branch is not where it was"; return 1; }
	commit "large device folios are no longer split"
	bug=$(g rev-parse HEAD)
	edit '$a /* sixth */'
	commit "another comment"
	last=$(g rev-parse HEAD)
}

main()
{
	local before after rc=0 build

	before=$(cksum "$(kernel_source_dir)/$SUBJECT")
	if ! make_history; then
		ktap_fail "history made"
		ktap_end
		return
	fi
	ktap_equal "six commits" "$(g rev-list --count HEAD)" 6
	build=$(kernel_build_dir "$tree" DEBUG)
	"$HMMT_TOP/tools/bisect/clone-build.sh" "$(kernel_source_dir)" \
		"$(kernel_build_dir "$(kernel_source_dir)" DEBUG)" \
		"$tree" "$build" ||
		ktap_diag "no objects to start from: the first step builds all"

	g bisect start "$last" "$first" >/dev/null
	g bisect run "$HMMT_TOP/run.sh" bisect-step --ksrc "$tree" "${STEP[@]}" \
		--results "${logs:-$work}/bisect" | tee "$work/log" || rc=$?
	echo	# git leaves its last line open
	ktap_equal "git bisect run: exit code" "$rc" 0
	ktap_equal "first bad commit" \
		"$(g rev-parse refs/bisect/bad)" "$bug"
	ktap_match "the commit that does not build was passed over" "$(cat "$work/log")" \
		"bisect-step: $(g rev-parse --short=12 "$bug~2"): cannot tell: no verdict \\(exit 3\\)"
	after=$(cksum "$(kernel_source_dir)/$SUBJECT")
	ktap_equal "the cached source is untouched" "$after" "$before"
	ktap_end
}

main
