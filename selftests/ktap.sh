# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# KTAP for tests written in shell. Sourced; the plan comes last, as KTAP allows
# for results whose number is not known before.

ktap_n=0
ktap_failed=0
printf 'KTAP version 1\n'

ktap_diag()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

ktap_pass()
{
	ktap_n=$((ktap_n + 1))
	printf 'ok %d %s\n' "$ktap_n" "$1"
}

# ktap_fail NAME [WHY]
ktap_fail()
{
	ktap_n=$((ktap_n + 1))
	ktap_failed=$((ktap_failed + 1))
	[ $# -lt 2 ] || ktap_diag "$1: $2"
	printf 'not ok %d %s\n' "$ktap_n" "$1"
}

ktap_skip()
{
	ktap_n=$((ktap_n + 1))
	printf 'ok %d %s # SKIP %s\n' "$ktap_n" "$1" "$2"
}

# ktap_equal NAME GOT WANTED
ktap_equal()
{
	if [ "$2" = "$3" ]; then
		ktap_pass "$1"
	else
		ktap_fail "$1" "got '$2', expected '$3'"
	fi
}

# ktap_match NAME TEXT REGEX
ktap_match()
{
	if [[ $2 =~ $3 ]]; then
		ktap_pass "$1"
	else
		ktap_fail "$1" "'$2' does not match '$3'"
	fi
}

ktap_end()
{
	printf '1..%d\n' "$ktap_n"
	[ "$ktap_failed" -eq 0 ]
}
