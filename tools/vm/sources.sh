# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Which Debian mirror this machine uses. Sourced by fetch.sh.
# HMMT_APT_ETC names another /etc/apt in tests.

# Entries of both formats of apt, one a line:
#   URI <tab> suites <tab> components <tab> keyring (may be empty)
apt_entries()
{
	local etc=${HMMT_APT_ETC:-/etc/apt} f

	for f in "$etc"/sources.list "$etc"/sources.list.d/*.list; do
		[ -f "$f" ] || continue
		awk '
			/^[ \t]*deb[ \t]/ {
				key = ""
				line = $0
				sub(/#.*/, "", line)
				sub(/^[ \t]*deb[ \t]+/, "", line)
				if (match(line, /^\[[^]]*\]/)) {
					opts = substr(line, 2, RLENGTH - 2)
					line = substr(line, RLENGTH + 1)
					if (match(opts, /signed-by=[^ ,]+/))
						key = substr(opts, RSTART + 10, RLENGTH - 10)
				}
				n = split(line, w, /[ \t]+/)
				i = w[1] == "" ? 2 : 1
				comps = ""
				for (j = i + 2; j <= n; j++)
					comps = comps " " w[j]
				print w[i] "\t" w[i + 1] "\t" comps "\t" key
			}' "$f"
	done
	for f in "$etc"/sources.list.d/*.sources; do
		[ -f "$f" ] || continue
		awk '
			function flush(  n, w, i) {
				if (types ~ /(^| )deb( |$)/ && on != "no") {
					n = split(uris, w, " ")
					for (i = 1; i <= n; i++)
						print w[i] "\t" suites "\t" comps "\t" key
				}
				types = uris = suites = comps = key = on = ""
			}
			/^#/ { next }
			/^[ \t]*$/ { flush(); next }
			{
				field = tolower($1)
				value = $0
				sub(/^[^:]*:[ \t]*/, "", value)
			}
			field == "types:" { types = value }
			field == "uris:" { uris = value }
			field == "suites:" { suites = value }
			field == "components:" { comps = value }
			field == "enabled:" { on = tolower(value) }
			# A key given inline starts on a line of its own: not for us.
			field == "signed-by:" && value ~ /^\// { key = value }
			END { flush() }' "$f"
	done
}

# The first archive of Debian itself: "URI <tab> keyring". Its path ends in
# /debian on every mirror; security and third-party archives have another.
debian_mirror()
{
	local entry uri suites comps key

	while IFS= read -r entry; do
		uri=${entry%%$'\t'*} entry=${entry#*$'\t'}
		suites=${entry%%$'\t'*} entry=${entry#*$'\t'}
		comps=${entry%%$'\t'*} key=${entry#*$'\t'}
		[[ " $comps " == *" main "* ]] || continue
		[[ $suites != *security* && ${uri%/} == */debian ]] || continue
		[ -n "$key" ] || [ ! -r /usr/share/keyrings/debian-archive-keyring.gpg ] ||
			key=/usr/share/keyrings/debian-archive-keyring.gpg
		printf '%s\t%s\n' "$uri" "$key"
		return 0
	done < <(apt_entries)
	return 1
}
