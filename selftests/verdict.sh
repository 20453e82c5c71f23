# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the verdict of a guest with a stock kernel says about this tool. Sourced.
# HMMT_JUDGE names the judge.

# run_field KEY DIR: of verdict.json, its first one
run_field()
{
	sed -n "s/^ *\"$1\": *\"\(.*\)\",\{0,1\}\$/\1/p" "$2/verdict.json" 2>/dev/null | head -n 1
}

# stock_result N NAME DIR: prints the result of a judged guest as KTAP.
#
# A stock kernel passes, or fails by a known issue. What else it dies of in the
# live engine comes and goes with the schedule: where that is nothing but reports
# of the kernel's own code it is news about the kernel, told by its title, and
# to be filed; the tool has done its work. In det the same run ends the same way
# each time, so there it has to be a known issue.
stock_result()
{
	local verdict title engine

	verdict=$(run_field verdict "$3")
	title=$(run_field title "$3")
	engine=$(run_field engine "$3")
	case $verdict in
	PASS | KNOWN) echo "ok $1 $2: $verdict" ;;
	SKIP) echo "ok $1 $2 # SKIP all of it" ;;
	*)
		if [ "$engine" = live ] &&
		   "$HMMT_JUDGE" news "$3" --known "$HMMT_TOP/configs/known" >/dev/null; then
			echo "ok $1 $2 # SKIP the kernel, not known yet: $title, see $3"
		else
			echo "not ok $1 $2: ${verdict:-no verdict}: $title"
		fi ;;
	esac
}
