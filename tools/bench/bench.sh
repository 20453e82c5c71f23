#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The verb "bench": stock driver and ours in one guest, a table, the targets.
set -euo pipefail

HMMT_TOP=${HMMT_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=tools/campaign/options.sh
. "$HMMT_TOP/tools/campaign/options.sh"
# shellcheck source=tools/campaign/prepare.sh
. "$HMMT_TOP/tools/campaign/prepare.sh"

rounds=5 strict=0
# shellcheck disable=SC2034 # prepare.sh's
opt_engine=both opt_flavour=PERF
valid=(--engine --rounds --kernel --ksrc --flavour --results --strict --help)

help()
{
	cat <<'END'
usage: ./run.sh bench [--engine det|live|both] [--rounds N] [--kernel SERIES | --ksrc DIR]
                      [--flavour F] [--results DIR] [--strict]

Times the migration of 2 MiB on the tree's own driver and on ours, in turns, on a
kernel without debug options (--flavour PERF). --strict: exit 1 when a target is missed.
Exit: 0 measured, 1 data was wrong or (--strict) a target missed, 2 usage, 3 no result.
END
}

parse()
{
	while [ $# -gt 0 ]; do
		case $1 in
		--*=*)
			set -- "${1%%=*}" "${1#*=}" "${@:2}"
			continue ;;
		--rounds)
			needs_value "$1" $#
			rounds=$2
			shift ;;
		--engine | --kernel | --ksrc | --flavour | --results)
			needs_value "$1" $#
			parse_value "$1" "$2"
			shift ;;
		--strict) strict=1 ;;
		--help | -h) help; exit 0 ;;
		*) usage_die option "$1" "${valid[@]}" ;;
		esac
		shift
	done
	[[ $opt_engine =~ ^(det|live|both)$ ]] || usage_die engine "$opt_engine" det live both
	[[ $rounds =~ ^[1-9][0-9]{0,2}$ ]] || die "$EX_USAGE" "--rounds: 1 to 999"
	check_tree_options
}

# Median of the rounds of each module and case, then what is made of them
table()
{
	grep -aE '^# bench [a-z-]+ [a-z-]+ [0-9]+ [0-9]+' "$1" |
		sort -k3,3 -k4,4 -k6,6n | awk -v engine="$2" '
	function ms(module, what) {
		return median[module, what] / 1e6
	}
	function cell(module, what) {
		return (module, what) in median ? sprintf("%9.3f", ms(module, what)) : "        -"
	}
	function phases(what,  i, rest) {
		rest = ms("ours", what)
		printf "  %-34s", what
		for (i = 1; i <= nr_phases; i++) {
			printf "%8.3f", ms("ours", what "-" phase[i])
			rest -= ms("ours", what "-" phase[i])
		}
		printf "  %8.3f\n", rest
	}
	function target(text, value, limit, least) {
		ok = least ? value >= limit : value <= limit
		missed += !ok
		printf "  %-4s %s: %.2f, target %s %s\n", ok ? "ok" : "MISS", text, value,
			least ? "at least" : "at most", limit
	}
	function row(what, text) {
		printf "  %-34s %s %s %s   %6.2f\n", text, cell("stock", what),
			cell("ours-stock-ioctl", what), cell("ours", what),
			ms("stock", what) / ms("ours", what)
	}
	$5 > 0 {
		k = $3 SUBSEP $4
		value[k, ++n[k]] = $6
	}
	END {
		nr_phases = split("setup alloc copy pages finalize", phase, " ")
		for (k in n) {
			split(k, w, SUBSEP)
			i = int((n[k] + 1) / 2)
			median[w[1], w[2]] = value[k, i]
			if (value[k, n[k]] > worst * value[k, 1])
				worst = value[k, n[k]] / value[k, 1]
		}
		printf "%s engine, ms for 2 MiB, median of %d rounds (largest spread of a case: %.2f times)\n",
			engine, n["ours", "thp-to-dev"], worst
		printf "  %-34s %9s %9s %9s   %s\n", "", "stock", "ours", "ours", "stock /"
		printf "  %-34s %9s %9s %9s   %s\n", "", "", "its ioctl", "", "ours"
		row("thp-to-dev", "THP to device")
		row("thp-to-sys", "THP to system, ioctl")
		row("thp-fault", "THP to system, CPU fault")
		row("base-to-dev", "base pages to device")
		row("base-to-sys", "base pages to system, ioctl")
		row("base-fault", "base pages to system, CPU faults")
		print "  of ours:                              setup   alloc    copy   pages  finalize    rest"
		phases("thp-to-dev")
		phases("thp-to-sys")
		phases("thp-fault")
		phases("base-to-dev")
		phases("base-to-sys")
		phases("base-fault")
		target("THP to device, stock / ours", ms("stock", "thp-to-dev") / ms("ours", "thp-to-dev"), 6, 1)
		target("THP to system, stock / ours", ms("stock", "thp-to-sys") / ms("ours", "thp-to-sys"), 1.5, 1)
		target("to device, base pages / THP", ms("ours", "base-to-dev") / ms("ours", "thp-to-dev"), 5, 1)
		target("to system, base pages / THP", ms("ours", "base-to-sys") / ms("ours", "thp-to-sys"), 5, 1)
		target("THP to device / copy", ms("ours", "thp-to-dev") / ms("ours", "thp-to-dev-copy"), 1.5, 0)
		target("THP to system / copy", ms("ours", "thp-to-sys") / ms("ours", "thp-to-sys-copy"), 1.5, 0)
		exit missed > 0
	}'
}

# bench ENGINE: 0 all targets, 1 one missed, 2 no result, 3 the data was wrong
bench()
{
	local dir=$results/$1 rc=0

	# Live TCG has no other clock finer than a tick.
	vm boot --dir "$dir" --append tsc=reliable --tools "$tools_dir" --build "$build_dir" --image "$image_file" \
		--engine "$1" --shift 0 --mem "$PREPARE_GUEST_MIB" --expect selftest \
		--flavour "$opt_flavour" --quiet -- driver:none hmmt-bench "$rounds" || rc=$?
	[ -f "$dir/results.log" ] || return 2
	if ! grep -qax 'ok 1 bench' "$dir/results.log"; then
		grep -a '^# bench:' "$dir/results.log" >&2 || msg "no result, see $dir/console.log"
		grep -qax 'not ok 1 bench' "$dir/results.log" && return 3
		return 2
	fi
	table "$dir/results.log" "$1" | tee "$dir/table.txt"
	return "${PIPESTATUS[0]}"
}

main()
{
	local engine rc worst=0 results

	parse "$@"
	results=$(fresh_dir bench) || exit
	prepare_host
	prepare_tools
	prepare_source
	prepare_flavour "$opt_flavour"
	[ -f "$build_dir/hmmt/stock_test_hmm.ko" ] ||
		die "$EX_NOVERDICT" "the tree has no driver of its own to compare with"
	for engine in ${opt_engine/both/det live}; do
		rc=0
		bench "$engine" || rc=$?
		[ "$rc" -le "$worst" ] || worst=$rc
	done
	echo "results: $results"
	case $worst in
	0) exit 0 ;;
	1) exit "$strict" ;;
	3) exit 1 ;;
	*) exit "$EX_NOVERDICT" ;;
	esac
}

main "$@"
