#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# deps.sh on made-up machines: dpkg-query, apt-get, sudo and id are scripts.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"
deps=$HMMT_TOP/tools/vm/deps.sh

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export HMMT_CACHE=$tmp/cache
mkdir "$tmp/bin"

# command NAME: a program of the machine, from stdin
command_is()
{
	{
		printf '#!/bin/bash\ntmp=%q\n' "$tmp"
		cat
	} >"$tmp/bin/$1"
	chmod +x "$tmp/bin/$1"
}

# Installed is what the file says; what apt-get was asked for is written down.
command_is dpkg-query <<'END'
sed 's/^/installed /' "$tmp/installed"
END
command_is apt-get <<'END'
echo "$*" >>"$tmp/apt"
case $(cat "$tmp/network") in
none) echo "E: Unable to fetch" ; exit 100 ;;
stale) [ "$1" = update ] && echo good >"$tmp/network"; [ "$1" = update ] || exit 100 ;;
esac
[ "$1" != install ] || { shift; for p; do [[ $p == -* ]] || echo "$p"; done >>"$tmp/installed"; }
END
command_is id <<'END'
cat "$tmp/uid"
END
command_is sudo <<'END'
[ "$1" != -n ] || shift
[ -e "$tmp/sudo-works" ] && exec "$@"
exit 1
END

# machine NAME NETWORK UID: forgets what happened before
machine()
{
	name=$1
	printf '%s\n' "$2" >"$tmp/network"
	printf '%s\n' "$3" >"$tmp/uid"
	rm -f "$tmp/apt" "$tmp/sudo-works"
	"$deps" --list | grep -v -e '^gcc$' -e '^bison$' >"$tmp/installed"
	touch "$tmp/apt"
}

# outcome CODE APT-CALLS REGEX [OPTION]
outcome()
{
	local rc=0 out

	out=$(PATH=$tmp/bin:$PATH "$deps" "${@:4}" 2>&1 </dev/null) || rc=$?
	ktap_equal "$name: status" "$rc" "$1"
	ktap_equal "$name: calls of apt-get" "$(awk '{ print $1 }' "$tmp/apt" | paste -sd' ')" "$2"
	ktap_match "$name: message" "$out" "$3"
}

machine "two missing" good 0
outcome 0 "install" "installing 2 packages: bison gcc"
ktap_match "only those" "$(cat "$tmp/apt")" "bison gcc$"
name="nothing missing"
rm "$tmp/apt"
touch "$tmp/apt"
outcome 0 "" "^$"
machine "for the corpus" good 0
outcome 0 "install" "installing 3 packages: bison coccinelle gcc" --corpus
machine "old lists" stale 0
outcome 0 "install update install" "installing 2"
machine "no network" none 0
outcome 3 "install update install" "no network"
machine "user, no sudo rights" good 1000
outcome 3 "" "as root: apt-get install bison gcc"
machine "user with sudo" good 1000
touch "$tmp/sudo-works"
outcome 0 "install" "installing 2"
ktap_end
