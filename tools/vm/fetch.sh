#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: fetch.sh [--kernel SERIES] [--update] | --list | --default
#
# Prints the path of an unpacked kernel source in the cache; gets it from the
# Debian mirror that this machine is set up with where it is not there yet.
# apt does the work, so that what arrives is verified, but on a state of its
# own: lists, packages and configuration of the system stay as they are.
# --update looks for a newer version of a cached series, --list names the series,
# --default the one that is meant where none is named.
set -euo pipefail
# shellcheck source=tools/vm/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=tools/vm/sources.sh
. "$(dirname "$0")/sources.sh"

# Newest first; the default is the newest that everything was tested with.
series_default=7.2
series_known=(7.3 7.2 6.12)
suites=(trixie-backports sid experimental bookworm-backports)

apt_dir=$HMMT_CACHE/apt
src_dir=$HMMT_CACHE/src

# cached SERIES: the newest unpacked version
cached()
{
	local dir

	dir=$(find "$src_dir" -maxdepth 1 -type d -name "linux-source-$1_*" \
		! -name '*.new' ! -name '*.old' 2>/dev/null | sort -V | tail -n 1)
	[ -n "$dir" ] && printf '%s\n' "$dir"
}

# The system's own configuration is still read before ours (a proxy may be in
# it); what would act outside our directory is cleared.
write_apt_conf()
{
	local keyring mirror suite

	mkdir -p "$apt_dir"/{lists/partial,cache/archives/partial,etc}
	IFS=$'\t' read -r mirror keyring < <(debian_mirror) || return 1
	for suite in "${suites[@]}"; do
		printf 'deb [arch=amd64%s] %s %s main\n' \
			"${keyring:+ signed-by=$keyring}" "$mirror" "$suite"
	done >"$apt_dir/sources.list"
	cat >"$apt_dir/apt.conf" <<-END
		Dir "$apt_dir";
		Dir::State "$apt_dir";
		Dir::State::status "/dev/null";
		Dir::State::lists "lists";
		Dir::Cache "cache";
		Dir::Cache::archives "archives";
		Dir::Etc::SourceList "$apt_dir/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::Etc::Preferences "/dev/null";
		Dir::Etc::PreferencesParts "/dev/null";
		Dir::Log "$apt_dir";
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		#clear DPkg::Pre-Invoke;
		#clear DPkg::Post-Invoke;
		APT::Architecture "amd64";
		APT::Default-Release "";
		APT::Get::AllowUnauthenticated "false";
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Acquire::Retries "2";
		Acquire::http::Timeout "30";
		Acquire::https::Timeout "30";
	END
}

# available SERIES: the newest version that the lists have
available()
{
	APT_CONFIG=$apt_dir/apt.conf apt-cache madison "linux-source-$1" 2>/dev/null |
		awk -F'|' '{ gsub(/ /, "", $2); print $2 }' | sort -V | tail -n 1
}

# shellcheck disable=SC2317 # called by name
download()
{
	(cd "$1" && APT_CONFIG=$apt_dir/apt.conf apt-get -q download "$2") >"$apt_dir/log" 2>&1
}

# shellcheck disable=SC2317 # called by name
downloaded()
{
	echo "downloading: $(du -sm "$1" | cut -f 1) MiB so far"
}

update_lists()
{
	APT_CONFIG=$apt_dir/apt.conf apt-get -q update >"$apt_dir/log" 2>&1 </dev/null
}

# unpack DEB NAME DIR: the archive inside the package, without its top directory
unpack()
{
	local inner=./usr/src/$2.tar.xz

	dpkg-deb --fsys-tarfile "$1" | tar -xO "$inner" |
		tar -xJ -C "$3" --strip-components=1
}

# get SERIES VERSION
get()
{
	local name=linux-source-$1 final=$src_dir/linux-source-$1_$2 tmp deb

	if [ -d "$final" ]; then
		printf '%s\n' "$final"
		return
	fi
	need_disk "$src_dir" 3000 "the kernel source"
	tmp=$final.new
	rm -rf "$tmp"
	mkdir -p "$tmp/deb" "$tmp/tree"
	step "downloading $name $2"
	watched "downloaded $tmp/deb" download "$tmp/deb" "$name=$2" || {
		tail -n 5 "$apt_dir/log" >&2
		rm -rf "$tmp"
		die "$EX_INFRA" "cannot download $name $2 from the mirror"
	}
	deb=$(find "$tmp/deb" -name '*.deb' -print -quit)
	step "unpacking $name $2"
	unpack "$deb" "$name" "$tmp/tree" || {
		rm -rf "$tmp"
		die "$EX_INFRA" "cannot unpack $name $2"
	}
	put_in_place "$tmp/tree" "$final"
	rm -rf "$tmp"
	printf '%s\n' "$final"
}

main()
{
	local series=$series_default update=0 version

	while [ $# -gt 0 ]; do
		case $1 in
		--kernel)
			[[ " ${series_known[*]} " == *" ${2:-} "* && -n ${2:-} ]] ||
				die "$EX_USAGE" "unknown kernel series '${2:-}'; valid: ${series_known[*]}"
			series=$2
			shift
			;;
		--update) update=1 ;;
		--list)
			printf '%s\n' "${series_known[@]}"
			exit 0
			;;
		--default)
			printf '%s\n' "$series_default"
			exit 0
			;;
		*) die "$EX_USAGE" "unknown option '$1'; valid: --kernel --update --list --default" ;;
		esac
		shift
	done

	if [ "$update" -eq 0 ]; then
		cached "$series" && exit 0
	fi
	command -v apt-get >/dev/null ||
		die "$EX_INFRA" "no apt-get here; give a kernel tree with --ksrc DIR"
	lock_entry "$apt_dir/state"
	# Another process may have made it while this one waited.
	if [ "$update" -eq 0 ]; then
		cached "$series" && exit 0
	fi
	write_apt_conf ||
		die "$EX_INFRA" "no Debian mirror in the apt sources of this machine" \
			"give a kernel tree with --ksrc DIR"
	step "reading the package lists of $(sed -n '1s,.*\] \([^ ]*\) .*,\1,p' "$apt_dir/sources.list")"
	# A mirror need not have every suite: what counts is whether one has it.
	update_lists || true
	version=$(available "$series")
	if [ -n "$version" ]; then
		get "$series" "$version"
		exit 0
	fi
	cached "$series" && exit 0
	grep -E '^(E|W|Err)' "$apt_dir/log" | head -n 4 >&2 || true
	die "$EX_INFRA" "no kernel source of series $series cached, and none to be had" \
		"no network, or a mirror without ${suites[*]}?" \
		"give a kernel tree with --ksrc DIR"
}

main "$@"
