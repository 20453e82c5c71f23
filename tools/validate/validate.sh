#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The verb "validate": every row of hmm-validate against one kernel, as a matrix.
#
# Rows that a stock kernel may not survive have a guest each. The others share
# one; where it dies, the row that was under way has failed by that, and another
# guest goes on behind it.
set -euo pipefail

HMMT_TOP=${HMMT_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=tools/campaign/options.sh
. "$HMMT_TOP/tools/campaign/options.sh"
# shellcheck source=tools/campaign/prepare.sh
. "$HMMT_TOP/tools/campaign/prepare.sh"

# A kernel that dies of more rows than this has told enough.
readonly MOST_GUESTS=12

only='' bust='' interrupted=0

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
	[ -z "$opt_ksrc" ] || check_ksrc "$opt_ksrc"
	[ -z "$opt_ksrc" ] || [ -z "$opt_kernel" ] ||
		die "$EX_USAGE" "--ksrc and --kernel exclude each other"
}

# id, guest (shared, own), promise, where. The program is static: it runs here.
list_rows()
{
	"$tools_dir/guest/hmm-validate" --list ${only:+--only "$only"}
}

open_results()
{
	local root=${opt_results:-$HMMT_TOP/results} base n=1

	mkdir -p "$root" || die "$EX_NOVERDICT" "cannot make the results directory $root"
	base=$(cd "$root" && pwd)/$(date +%Y%m%d-%H%M%S)-validate
	dir=$base
	until mkdir "$dir" 2>/dev/null; do
		[ "$n" -lt 100 ] || die "$EX_NOVERDICT" "cannot make the results directory $base"
		n=$((n + 1))
		dir=$base.$n
	done
}

# guest NAME WORD...: boots it and has it judged
guest()
{
	local name=$1

	shift
	setpriv --pdeathsig TERM "$HMMT_TOP/tools/vm/boot.sh" --dir "$dir/$name" \
		--tools "$tools_dir" --build "$build_dir" --image "$image_file" \
		--engine "${opt_engine:-det}" --seed "${opt_seed:-1}" --cpus "$opt_cpus" \
		--mem "${opt_mem:-$PREPARE_GUEST_MIB}" --expect selftest \
		--flavour "${opt_flavour:-DEBUG}" --label "$name" --quiet -- \
		hmm-validate ${only:+--only "$only"} ${bust:+--bust "$bust"} "$@" \
		</dev/null || true
	[ -f "$dir/$name/run.json" ] || return 1
	"$(host_bin_dir)/hmmt-judge" run "$dir/$name" --known "$HMMT_TOP/configs/known" \
		>"$dir/$name/verdict.txt" 2>&1 || true
}

shared_guests()
{
	local name after='' last n=1

	while [ "$n" -le "$MOST_GUESTS" ]; do
		name=shared.$n
		guest "$name" ${after:+--after "$after"} || return 0
		! grep -q '^HMMT-END' "$dir/$name/results.log" || return 0
		last=$(sed -n 's/^# row //p' "$dir/$name/results.log" | tail -n 1)
		[ -n "$last" ] && [ "$last" != "$after" ] || return 0
		step "the guest ended in row $last; another one goes on behind it"
		after=$last
		n=$((n + 1))
	done
}

own_guests()
{
	local id

	while read -r id; do
		[ "$interrupted" -eq 0 ] || return 0
		only="^${id//./[.]}\$" guest "row-$id" --own-guest || true
	done < <(awk -F'\t' '$2 == "own" { print $1 }' "$dir/rows.tsv")
}

# in the order of the table, shared ones in a guest beside the others
run_guests()
{
	local shared=0

	trap 'interrupted=1' INT TERM
	if grep -q $'\tshared\t' "$dir/rows.tsv"; then
		shared_guests &
		shared=$!
		[ "$opt_vms" -gt 1 ] || wait "$shared" || true
	fi
	own_guests
	# a signal ends wait, not what it waits for
	while [ "$shared" -ne 0 ] && kill -0 "$shared" 2>/dev/null; do
		wait "$shared" || true
	done
	trap - INT TERM
}

main()
{
	local rc=0 rows

	parse "$@"
	prepare_host
	prepare_tools
	rows=$(list_rows) || die "$EX_USAGE" "--only: '$only' is no regular expression"
	[ -n "$rows" ] || die "$EX_NOVERDICT" "no row matches '$only'"
	if [ "$opt_list" -eq 1 ]; then
		printf '%s\n' "$rows" | awk -F'\t' '{ printf "%-28s %s\n%-28s   %s\n", $1, $3, "", $4 }'
		exit 0
	fi
	prepare_source
	prepare_flavour "${opt_flavour:-DEBUG}"
	open_results
	printf '%s\n' "$rows" >"$dir/rows.tsv"
	step "validate: $(wc -l <<<"$rows") rows against $(cat "$build_dir/hmmt/release"), results in $dir"
	run_guests
	"$(host_bin_dir)/hmmt-matrix" "$dir" "$HMMT_TOP/configs/known" >"$dir/matrix.txt" || rc=$?
	cat "$dir/matrix.txt"
	[ "$interrupted" -eq 0 ] || exit 130
	exit "$rc"
}

main "$@"
