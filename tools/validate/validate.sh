#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The verb "validate": every row of hmm-validate against one kernel, as a matrix.
#
# It is a campaign of two runs, of which the second has the rows that stock
# kernels do not survive. Where a guest dies, the row that was under way has failed
# by that, and another guest goes on behind it.
set -euo pipefail

HMMT_TOP=${HMMT_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=tools/campaign/options.sh
. "$HMMT_TOP/tools/campaign/options.sh"
# shellcheck source=tools/campaign/progress.sh
. "$HMMT_TOP/tools/campaign/progress.sh"
# shellcheck source=tools/campaign/execute.sh
. "$HMMT_TOP/tools/campaign/execute.sh"
# shellcheck source=tools/campaign/plan.sh
. "$HMMT_TOP/tools/campaign/plan.sh"
# shellcheck source=tools/campaign/prepare.sh
. "$HMMT_TOP/tools/campaign/prepare.sh"

only='' bust=''

parse()
{
	while [ $# -gt 0 ]; do
		case $1 in
		--*=*)
			set -- "${1%%=*}" "${1#*=}" "${@:2}"
			continue ;;
		--help | -h) exec "$HMMT_TOP/run.sh" validate --help ;;
		--list) opt_list=1 ;;
		--only | --bust)
			needs_value "$1" $#
			[[ $2 != *[[:space:]\"]* ]] || die "$EX_USAGE" "$1: no blanks and no quotes"
			printf -v "${1#--}" '%s' "$2"
			shift ;;
		--ksrc | --kernel | --flavour | --engine | --seed | --vms | --cpus | --mem | --results)
			needs_value "$1" $#
			[ "$1 $2" != "--engine both" ] || usage_die engine both det live kvm tcg
			parse_value "$1" "$2"
			shift ;;
		-*)
			usage_die option "$1" --ksrc --kernel --flavour --engine --only --list \
				--seed --vms --cpus --mem --results --help ;;
		*) die "$EX_USAGE" "validate takes no argument '$1', only options; see --help" ;;
		esac
		shift
	done
	check_tree_options
}

# id, guest (harmless, deadly), promise, where. The program is static: it runs here.
list_rows()
{
	"$tools_dir/guest/hmm-validate" --list ${only:+--only "$only"} ${bust:+--bust "$bust"}
}

# validate_plan ROWS: a line for each kind of rows that there are, see plan.sh
# shellcheck disable=SC2034 # what plan_print prints
validate_plan()
{
	local kind number=0 name engine accel kernel scenarios=- seed=${opt_seed:-1} seconds=60
	local perturb=none program

	kernel=$(default_kernel)
	read -r engine accel < <(engines_of "${opt_engine:-det}")
	while read -r kind; do
		number=$((number + 1))
		printf -v name '%03d-%s-%s-%s' "$number" "$engine" "$flavour" "$kind"
		program="hmm-validate${only:+ --only $only}${bust:+ --bust $bust} @after"
		[ "$kind" = harmless ] || program=${program/hmm-validate/hmm-validate --deadly}
		plan_print
	done < <(cut -f2 <<<"$1" | sort -ur)
}

main()
{
	local rc=0 cut=0 rows plan flavour

	parse "$@"
	flavour=${opt_flavour:-DEBUG}
	prepare_host
	prepare_tools
	rows=$(list_rows 2>&1) || die "$EX_USAGE" "$rows"
	[ -n "$rows" ] || die "$EX_NOVERDICT" "no row matches '$only'"
	if [ "$opt_list" -eq 1 ]; then
		printf '%s\n' "$rows" | awk -F'\t' '{ printf "%-28s %s\n%-28s   %s\n", $1, $3, "", $4 }'
		exit 0
	fi
	plan=$(validate_plan "$rows")
	prepare_all "$plan"
	dir=$(fresh_dir validate) || exit
	printf '%s\n' "$rows" >"$dir/rows.tsv"
	printf '%s\n' "$plan" >"$dir/plan.tsv"
	prepare_record "$dir"
	step "validate: $(wc -l <<<"$rows") rows against $(cat "$build_dir/hmmt/release"), results in $dir"
	execute_plan "$dir" "$opt_vms" 0 || cut=1
	"$(host_bin_dir)/hmmt-matrix" "$dir" "$HMMT_TOP/configs/known" >"$dir/matrix.txt" || rc=$?
	cat "$dir/matrix.txt"
	[ "$cut" -eq 0 ] || exit 130
	exit "$rc"
}

main "$@"
