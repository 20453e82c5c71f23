#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The verb "doctor": what this machine has, what it lacks, what is cached.
# Looks only; 0 when a run could start, 3 when not.
set -euo pipefail

HMMT_TOP=${HMMT_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=tools/campaign/prepare.sh
. "$HMMT_TOP/tools/campaign/prepare.sh"

bad=0

# row STATE WHAT TEXT
row()
{
	printf '%-8s %-10s %s\n' "$1" "$2" "$3"
	[ "$1" != missing ] || bad=1
}

check_programs()
{
	local missing

	if missing=$(prepare_missing); then
		row ok packages "everything needed is installed"
	elif [ -z "$missing" ]; then
		row missing packages "nothing can be installed here"
	elif [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null; then
		row note packages "a run will install: $(paste -sd' ' <<<"$missing")"
	else
		row missing packages "needs root or sudo to install: $(paste -sd' ' <<<"$missing")"
	fi
	if command -v qemu-system-x86_64 >/dev/null; then
		row ok qemu "$(qemu-system-x86_64 --version | head -n 1)"
	fi
}

check_kvm()
{
	local answer

	if [ ! -e /dev/kvm ]; then
		row note kvm "no /dev/kvm: the live engine uses TCG"
	elif [ ! -w /dev/kvm ]; then
		row note kvm "/dev/kvm is not writable for $(id -un): the live engine uses TCG"
	else
		answer=$(prepare_kvm_answers)
		row note kvm "${answer:-/dev/kvm is there; the first run probes whether it works}"
	fi
}

check_room()
{
	local disk mem

	disk=$(free_mib "$HMMT_CACHE")
	mem=$(available_mib)
	if [ "$disk" -ge "$PREPARE_DISK_MIB" ]; then
		row ok disk "$disk MiB free for $HMMT_CACHE"
	else
		row missing disk "$disk MiB free for $HMMT_CACHE, $PREPARE_DISK_MIB needed"
	fi
	if [ "$mem" -ge "$PREPARE_GUEST_MIB" ]; then
		row ok memory "$mem MiB available, a guest takes $PREPARE_GUEST_MIB"
	else
		row missing memory "$mem MiB available, a guest takes $PREPARE_GUEST_MIB"
	fi
	row ok cpus "$(nproc)"
}

check_cache()
{
	local d

	for d in "$HMMT_CACHE"/*/; do
		[ -d "$d" ] || continue
		row cache "$(basename "$d")" "$(du -shx "$d" 2>/dev/null | cut -f1)"
	done
}

main()
{
	[ $# -eq 0 ] || die "$EX_USAGE" "doctor takes no arguments, got '$1'"
	check_programs
	check_kvm
	check_room
	check_cache
	[ "$bad" -eq 0 ] || exit "$EX_NOVERDICT"
}

main "$@"
