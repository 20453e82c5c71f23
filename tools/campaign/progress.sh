# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# One live line for all running guests. What a guest says of itself is in the
# "progress" file of its run directory. Sourced, with execute.sh, whose
# variables it reads.
# shellcheck disable=SC2154

progress_shown=0
progress_next=0

progress_clear()
{
	[ "$progress_shown" -eq 0 ] || printf '\r\033[K' >&2
	progress_shown=0
}

# On a terminal the line is redrawn; in a log it comes every 15 seconds.
progress_show()
{
	local pid name line text=

	for pid in "${!exec_running[@]}"; do
		IFS=$'\t' read -r _ name _ <<<"${exec_running[$pid]}"
		line=$(tail -n 1 "$campaign_dir/$name/progress" 2>/dev/null) ||
			continue
		[ -z "$line" ] || text="$text${text:+ | }${name#*-}: $line"
	done
	[ -n "$text" ] || return 0
	if [ -t 2 ]; then
		printf '\r\033[K[%3ds] %.*s' "$((EPOCHSECONDS - HMMT_T0))" \
			$((${COLUMNS:-$(tput cols 2>/dev/null || echo 100)} - 10)) \
			"$text" >&2
		progress_shown=1
	elif [ "$SECONDS" -ge "$progress_next" ]; then
		step "$text"
		progress_next=$((SECONDS + 15))
	fi
}
