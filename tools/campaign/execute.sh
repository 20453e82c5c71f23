# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Executes a plan with at most N guests at once. Sourced, after lib.sh.
#
# Every run lives in a directory of its own that says LOST until the guest
# reported, so the campaign may die at any moment without a false verdict.
# Guests are children in process groups of their own ("set -m"): Ctrl-C reaches
# this shell alone, which passes it on, and a background job of a shell without
# job control could not be interrupted at all.

declare -A exec_running=()	# pid -> line of the plan
exec_interrupted=0
exec_failed=0

# A rest of fewer seconds is not worth a boot (a short run must stay short), nor
# more guests than this.
readonly EXEC_REST=15 EXEC_GUESTS=8

exec_signal_all()
{
	local pid

	for pid in "${!exec_running[@]}"; do
		kill "-$1" -- "-$pid" 2>/dev/null || true
	done
}

exec_on_interrupt()
{
	exec_interrupted=$((exec_interrupted + 1))
	if [ "$exec_interrupted" -eq 1 ]; then
		progress_clear
		msg "interrupted: stopping the guests, results are kept (again: kill them)"
		exec_signal_all INT
	else
		exec_signal_all KILL
	fi
}

# exec_start LINE: starts the run; the pid is also its process group.
# The parent-death signal keeps no guest behind when this shell is killed.
exec_start()
{
	local line=$1 pid

	HMMT_CAMPAIGN_DIR=$campaign_dir setpriv --pdeathsig TERM \
		"$HMMT_TOP/tools/campaign/one.sh" "$campaign_dir" "$line" \
		</dev/null &
	pid=$!
	exec_running[$pid]=$line
}

# run_verdict DIR: what the judge said, LOST if it never came to that
run_verdict()
{
	local verdict

	verdict=$(sed -n 's/.*"verdict":[[:space:]]*"\([A-Z]*\)".*/\1/p' \
		"$1/verdict.json" 2>/dev/null | head -n 1) || true
	printf '%s\n' "${verdict:-LOST}"
}

run_title()
{
	sed -n 's/.*"title":[[:space:]]*"\(\([^"\\]\|\\.\)*\)".*/\1/p' \
		"$1/verdict.json" 2>/dev/null | head -n 1
}

# A guest that a bug ended before its time must not hide what comes after it: its
# rest is one more line of the plan.

# rest_of_torture SCENARIOS RESULTS: what was going on goes last
rest_of_torture()
{
	local s later='' first=''

	for s in ${1//,/ }; do
		grep -qE "^(not )?ok [0-9]+ torture\.$s( |\$)" "$2" && continue
		if [ -z "$first" ]; then first=$s; else later=$later$s,; fi
	done
	printf '%s\n' "$later$first"
}

# row_of_death RESULTS: the row that had begun and has no result
row_of_death()
{
	awk '/^# row / { row = $3 } /^(not )?ok / { row = "" } END { print row }' "$1"
}

# has_died DIR: the guest told no end
has_died()
{
	[ -f "$1/results.log" ] && ! grep -q '^HMMT-END' "$1/results.log"
}

# program_behind PROGRAM DIR: what goes on (@after) behind the row that its guest died in
program_behind()
{
	local row

	[[ $1 == *@after* ]] && has_died "$2" || return 1
	row=$(row_of_death "$2/results.log")
	[[ -n $row && $(run_verdict "$2") == @(KNOWN|FAIL) ]] || return 1
	printf '%s\n' "${1%%@after*}@after=$row"
}

# exec_continue LINE: with another seed and the time that is left; where the rest
# is told by a row (@after), just behind it.
exec_continue()
{
	# shellcheck disable=SC2034 # what plan_print prints
	local number name engine accel kernel flavour scenarios seed seconds perturb program
	local dir elapsed n=1

	plan_read "$1"
	dir=$campaign_dir/$name
	has_died "$dir" || return 0
	if [[ $program == *@after* ]]; then
		program=$(program_behind "$program" "$dir") || return 0
	elif [[ $(run_verdict "$dir") == KNOWN && ( $scenarios != - || $program == *@duration* ) ]]; then
		elapsed=$(sed -n 's/.*"elapsed_ms":[[:space:]]*\([0-9]*\).*/\1/p' \
			"$dir/verdict.json" | head -n 1)
		seconds=$((seconds - (${elapsed:-0} + 999) / 1000))
		seed=$((seed + 1))
		[ "$seconds" -ge "$EXEC_REST" ] || return 0
		[ "$scenarios" = - ] || scenarios=$(rest_of_torture "$scenarios" "$dir/results.log")
	else
		return 0
	fi
	[[ $name != *+* ]] || n=${name##*+}
	[ "$n" -lt "$EXEC_GUESTS" ] || return 0
	name=${name%+*}+$((n + 1))
	plan_print >>"$campaign_dir/plan.tsv"
}

exec_reap()
{
	local pid=$1 name verdict title

	IFS=$'\t' read -r _ name _ <<<"${exec_running[$pid]}"
	[ "$exec_interrupted" -ne 0 ] || exec_continue "${exec_running[$pid]}"
	unset "exec_running[$pid]"
	verdict=$(run_verdict "$campaign_dir/$name")
	title=$(run_title "$campaign_dir/$name")
	progress_clear
	step "$name: $verdict${title:+: $title}"
	[ "$verdict" != FAIL ] || exec_failed=$((exec_failed + 1))
}

# Waits until a run ends, but no longer than a second, so that the live line moves;
# reaps who ended.
exec_wait()
{
	local pid ended=0 ticker

	for pid in "${!exec_running[@]}"; do
		if ! kill -0 "$pid" 2>/dev/null; then
			wait "$pid" || true
			exec_reap "$pid"
			ended=1
		fi
	done
	[ "$ended" -eq 0 ] || return 0
	progress_show
	sleep 1 &
	ticker=$!
	wait -n "$ticker" "${!exec_running[@]}" || true
	kill "$ticker" 2>/dev/null || true
	wait "$ticker" 2>/dev/null || true
}

# A run is done when it was judged; what a cut campaign left half is moved
# aside, not overwritten: it may hold the only trace of a crash of the host.
run_is_done()
{
	local dir=$1 cut n=1

	[ -d "$dir" ] || return 1
	if [ -f "$dir/verdict.json" ] && [ "$(run_verdict "$dir")" != LOST ]; then
		return 0
	fi
	cut=${dir%/*}/cut/${dir##*/}
	while [ -e "$cut.$n" ]; do n=$((n + 1)); done
	mkdir -p "${cut%/*}"
	mv "$dir" "$cut.$n"
	return 1
}

# execute_plan DIR VMS STOP-ON-FAIL: 0 when everything was run, 1 when cut.
# The plan is read to its end while it grows.
execute_plan()
{
	local vms=$2 stop=$3 line name

	campaign_dir=$1
	exec_failed=0
	exec_interrupted=0
	set -m
	trap exec_on_interrupt INT TERM
	while :; do
		while IFS= read -r line <&3; do
			IFS=$'\t' read -r _ name _ <<<"$line"
			run_is_done "$campaign_dir/$name" && continue
			while [ "${#exec_running[@]}" -ge "$vms" ]; do exec_wait; done
			[ "$exec_interrupted" -eq 0 ] || break
			[ "$stop" -eq 0 ] || [ "$exec_failed" -eq 0 ] || break
			exec_start "$line"
		done
		[ "${#exec_running[@]}" -gt 0 ] || break
		exec_wait
	done 3<"$campaign_dir/plan.tsv"
	progress_clear
	trap - INT TERM
	set +m
	[ "$exec_interrupted" -eq 0 ]
}
