# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the verdict of a guest with a stock kernel says about this tool. Sourced.
# HMMT_JUDGE names the judge.

# run_field KEY DIR: of verdict.json, its first one
run_field()
{
	sed -n "s/^ *\"$1\": *\"\(.*\)\",\{0,1\}\$/\1/p" "$2/verdict.json" 2>/dev/null | head -n 1
}

# stock_verdict DIR: "pass", "skip WHY" or "fail WHY" for a judged guest.
#
# A stock kernel passes, or fails by a known issue. What else it dies of in the
# live engine comes and goes with the schedule: where that is nothing but reports
# of the kernel's own code it is news about the kernel, told by its title, and
# to be filed; the tool has done its work. In det the same run ends the same way
# each time, so there it has to be a known issue.
stock_verdict()
{
	local verdict title

	verdict=$(run_field verdict "$1")
	title=$(run_field title "$1")
	case $verdict in
	PASS | KNOWN) echo pass ;;
	SKIP) echo "skip all of it" ;;
	*)
		if [ "$(run_field engine "$1")" = live ] &&
		   "$HMMT_JUDGE" news "$1" --known "$HMMT_TOP/configs/known" >/dev/null; then
			echo "skip the kernel, not known yet: $title, see $1"
		else
			echo "fail ${verdict:-no verdict}: $title, see $1"
		fi ;;
	esac
}

# stock_result N NAME DIR: the same as a line of KTAP
stock_result()
{
	local word why

	read -r word why < <(stock_verdict "$3")
	case $word in
	pass) echo "ok $1 $2" ;;
	skip) echo "ok $1 $2 # SKIP $why" ;;
	*) echo "not ok $1 $2: $why" ;;
	esac
}
