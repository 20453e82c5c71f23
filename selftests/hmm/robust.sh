#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# stage: guest
# The tests of what the driver survives are themselves tested: each program is
# told to break what it is to notice (--bust), and must say so.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"
# shellcheck source=selftests/guest.sh
. "$HMMT_TOP/selftests/guest.sh"
logs=${logs:-$HMMT_TOP/results/robust-$(date +%Y%m%d-%H%M%S)-$$}

# program, what is broken, tests to run, the test that must fail, what it says
table='
hmm-failnth	nothing	THP$	HMMT_MIGRATE THP	no allocation has failed
hmm-failnth	errno	^open$	open	allocation [0-9]*: Cannot allocate memory
hmm-failnth	data	^READ$	READ	allocation [0-9]*: data
hmm-failnth	pages	^READ$	READ	pages left
hmm-failnth	memory	READ|memory	memory_back	kB are missing
hmm-ends	late	sigkill	sigkill	the end never met the migration
hmm-ends	left	exit	exit	files are left
hmm-ends	data	coredump	coredump	in the dump
hmm-module	closed	file_open	file_open	unload: ok
hmm-module	data	memory_in_use	memory_in_use	page 700 holds 0
hmm-module	plugged	memory_unplugged	memory_unplugged	0 chunks of a new module
hmm-unplug	stays	unplug_base	unplug_base_pages	chunk 0: migrated 0 left 0
hmm-unplug	data	unplug_processes	unplug_processes	page 3 holds 0
hmm-unplug	free	unplug_busy	unplug_busy	Success: migrated 0 left 0
hmm-uapi	dirty	freed	freed_and_written	page 0 holds 0
hmm-capacity	stats	thps	thps	used [0-9]* whole 1 carved 0, not
hmm-capacity	page	base_pages	base_pages	used 1 whole 0 carved 1, not
hmm-capacity	data	processes	processes_and_devices	process 2: .*page 100 holds 0
hmm-entries	snapshot	^page$	page	snapshot 0x[0-9a-f]*
hmm-entries	data	^thp$	thp	the device reads 0x[0-9a-f]*
hmm-changes	nothing	evicted_pages_moved	evicted_pages_moved	nothing was held
hmm-changes	data	^thp_read_only$	thp_read_only	page 3 holds 0
hmm-api	errno	setup_vma	setup_vma	instead of
'

mkdir -p "$logs"
guest_image DEBUG

# guest N ROW...: a step for each row, and what it must say
guest()
{
	local dir=$logs/robust-$1 n=0 row part program what only test says
	local -a steps=()

	shift
	for row; do
		IFS=$'\t' read -r program what only _ <<<"$row"
		[ ${#steps[@]} -eq 0 ] || steps+=(+)
		steps+=("$program" --bust "$what" --only "$only")
	done
	guest_boot "$dir" --seed 1 -- "${steps[@]}" || true
	for row; do
		IFS=$'\t' read -r program what only test says <<<"$row"
		n=$((n + 1))
		part=$(awk -v n="$n" '/^KTAP version/ { i++ } i == n' "$dir/results.log" | tr -d '\r')
		ktap_match "$program --bust $what: $test fails" "$part" \
			"not ok [0-9]+ hmm.$test"$'\n'
		ktap_equal "$program --bust $what: and says why" \
			"$(grep -c -- "^# .*$says" <<<"$part" | sed 's/^[1-9][0-9]*$/yes/')" yes
	done
	"$tools/host/hmmt-judge" run "$dir" --known "$HMMT_TOP/configs/known" || true
	ktap_equal "the kernel has nothing to say" \
		"$(grep -c '"source": "console"' "$dir/verdict.json" || true)" 0
}

# as many steps as the kernel's command line has words for
mapfile -t rows < <(sed '/^$/d' <<<"$table")
for ((i = 0; i < ${#rows[@]}; i += 4)); do
	guest "$i" "${rows[@]:i:4}"
done
ktap_end
