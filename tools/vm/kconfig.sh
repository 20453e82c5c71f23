# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Configuration of a kernel and the proof that it is what was asked for.
# Sourced by kernel.sh, whose variables and kmake() it uses.
# shellcheck disable=SC2154

# plain FRAGMENT...: the options alone; the reasons behind a tab are ours
plain()
{
	sed -n -e 's/^\(CONFIG_[A-Za-z0-9_]*=[^	]*\).*/\1/p' \
		-e '/^# CONFIG_[A-Za-z0-9_]* is not set/p' "$@"
}

# fragments_of FLAVOUR: the files it is made of, in the order of the merge. A
# flavour that has a line "# with: OTHER" comes on top of OTHER, others on COMMON.
fragments_of()
{
	local other

	if [ "$1" != COMMON ]; then
		other=$(sed -n 's/^# with: //p' "$fragments/$1")
		fragments_of "${other:-COMMON}"
	fi
	printf '%s\n' "$fragments/$1"
}

# lost_options WANTED CONFIG: each option that is not as wanted, one a line.
# A later line for the same option wins, as it does in the merge.
lost_options()
{
	awk '
		function name(l) {
			sub(/^# /, "", l)
			sub(/[ =].*/, "", l)
			return l
		}
		function value(l) {
			if (l ~ / is not set$/)
				return "n"
			sub(/^[^=]*=/, "", l)
			return l
		}
		/^(# )?CONFIG_/ && NR == FNR { want[name($0)] = value($0); next }
		/^CONFIG_/ || /^# CONFIG_.* is not set$/ { have[name($0)] = value($0) }
		END {
			for (o in want) {
				h = o in have ? have[o] : "n"
				if (h != want[o])
					print o "=" want[o] " became " h
			}
		}' "$1" "$2" | sort
}

# kconfig_is_current INPUTS: the fragments, the compiler and every Kconfig file
# that the configuration was made from are as they were.
kconfig_is_current()
{
	local deps=$build/include/config/auto.conf.cmd
	local -a files

	[ -f "$build/.config" ] && [ -f "$deps" ] || return 1
	[ "$(cat "$hmmt/config.stamp" 2>/dev/null)" = "$1" ] || return 1
	mapfile -t files < <(sed -n -E 's@^[[:space:]]*(deps_config *:= *)?([^ ]*Kconfig[^ ]*)( \\)?$@\2@p' "$deps" |
		sed -e "s@^\$(srctree)@$ksrc@" -e "s@^\([^/]\)@$ksrc/\1@")
	[ "${#files[@]}" -gt 0 ] || return 1
	# find fails when one of them is gone, and then there is something new.
	[ "$(find "${files[@]}" -newer "$hmmt/config.stamp" -print -quit 2>&1 | wc -l)" -eq 0 ]
}

# configure INPUTS: tinyconfig, fragments over it, everything verified
configure()
{
	local wanted=$hmmt/wanted.config log=$hmmt/config.log lost core
	local -a lines files

	if kconfig_is_current "$1"; then
		return 0
	fi
	step "configuring kernel $flavour"
	rm -f "$hmmt/config.stamp"
	mapfile -t files < <(fragments_of "$flavour")
	plain "${files[@]}" >"$wanted"
	# The stamp is older than whatever is edited from here on.
	printf '%s\n' "$1" >"$hmmt/config.stamp.new"
	{
		kmake tinyconfig
		"$ksrc/scripts/kconfig/merge_config.sh" -m -O "$build" "$build/.config" "$wanted"
		kmake olddefconfig
	} >"$log" 2>&1 || {
		tail -n 12 "$log" >&2
		die "$EX_INFRA" "cannot configure $ksrc, $flavour" "log: $log"
	}
	lost=$(lost_options "$wanted" "$build/.config")
	if [ -n "$lost" ]; then
		mapfile -t lines <<<"$lost"
		core=$(grep -oE '^CONFIG_(ZONE_DEVICE|DEVICE_PRIVATE|TRANSPARENT_HUGEPAGE)=y' <<<"$lost" |
			sed 's/=y//' | paste -sd' ') || true
		[ -z "$core" ] || lines+=("without $core there is nothing to test in this tree")
		die "$EX_INFRA" "options of $flavour that did not survive in $ksrc:" "${lines[@]}"
	fi
	mv "$hmmt/config.stamp.new" "$hmmt/config.stamp"
}
