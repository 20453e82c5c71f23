#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: deps.sh [--list | --missing | --corpus | --stress]
#
# Installs the Debian packages that a run needs and that are missing. Does not
# touch apt when nothing is. --list names all, --missing those not installed;
# --corpus installs also what only the corpus of bugs needs, --stress what only guests
# with stress-ng do.
set -euo pipefail
# shellcheck source=tools/vm/common.sh
. "$(dirname "$0")/common.sh"

packages=(
	qemu-system-x86		# the guest
	seabios			# its firmware
	gcc libc6-dev make	# kernel, driver and our own programs
	flex bison bc perl	# kernel build
	libelf-dev libssl-dev	# ... objtool and, for some configurations, certificates
	cpio xz-utils lz4 tar	# kernel source, its own initramfs, its image
	kmod			# modinfo
	python3			# scripts of the kernel build
	libjansson-dev		# judge, vmrun
	liburing-dev		# guest programs
	git			# bisection
	shellcheck sparse	# run.sh test
	util-linux coreutils findutils diffutils
)

installed()
{
	dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null |
		sed -n 's/^installed //p' || true
}

missing()
{
	comm -23 <(printf '%s\n' "${packages[@]}" | sort) <(installed | sort -u)
}

case ${1:-} in
'') ;;
--corpus) packages+=(coccinelle) ;;
--stress) packages+=(stress-ng) ;;
--list)
	printf '%s\n' "${packages[@]}"
	exit 0
	;;
--missing) ;;
*) die "$EX_USAGE" "unknown option '$1'; valid: --list --missing --corpus --stress" ;;
esac

command -v dpkg-query >/dev/null ||
	die "$EX_INFRA" "this is no Debian system: install what these packages hold:" "${packages[*]}"
if [ "${1:-}" = --missing ]; then
	missing
	exit 0
fi
mapfile -t want < <(missing)
[ "${#want[@]}" -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null ||
		die "$EX_INFRA" "not root and no sudo; as root: apt-get install ${want[*]}"
	as_root=(sudo)
	# Without a terminal nobody can type a password.
	[ -t 0 ] || as_root=(sudo -n)
	"${as_root[@]}" true ||
		die "$EX_INFRA" "sudo does not work here; as root: apt-get install ${want[*]}"
fi

# No temporary file: bash runs the EXIT trap that would remove it in a watcher
# that is killed early, too.
log=$HMMT_CACHE/deps.log
mkdir -p "$HMMT_CACHE" || die "$EX_INFRA" "cannot make the directory $HMMT_CACHE"

# shellcheck disable=SC2317 # called by name
last_line()
{
	tail -n 1 "$log" | cut -c 1-70
}

# shellcheck disable=SC2317 # called by name
apt_install()
{
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
		--no-install-recommends "${want[@]}" >"$log" 2>&1 </dev/null
}

apt_update()
{
	"${as_root[@]}" apt-get update -q >>"$log" 2>&1 </dev/null
}

step "installing ${#want[@]} packages: ${want[*]}"
# A fresh machine has no package lists, an old one lists that no longer fit.
if ! watched last_line apt_install; then
	apt_update || true
	watched last_line apt_install || {
		tail -n 12 "$log" >&2
		die "$EX_INFRA" "apt-get cannot install: ${want[*]}" \
			"no network, or a mirror that does not have them?"
	}
fi
mapfile -t want < <(missing)
[ "${#want[@]}" -eq 0 ] || die "$EX_INFRA" "still missing after apt-get: ${want[*]}"
