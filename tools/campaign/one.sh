#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: one.sh CAMPAIGN-DIR PLAN-LINE
#
# One run of a campaign: boots the guest, has it judged. Whatever happens to
# this script, the run directory says LOST until the judge says otherwise.
set -euo pipefail

HMMT_TOP=${HMMT_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"

campaign=$1
# shellcheck disable=SC2034 # a column of the plan
number='' name='' engine='' accel='' kernel='' flavour='' scenarios='' seed='' seconds=''
perturb='' program=''
plan_read "$2"
IFS=$'\t' read -r _ _ tools build image cpus mem \
	< <(awk -F'\t' -v k="$kernel" -v f="$flavour" '$1 == k && $2 == f' "$campaign/prepared.tsv")
dir=$campaign/$name
engine_name=$engine
[ "$accel" = auto ] || engine=$accel

# A guest second may take many host seconds under load; what must not happen is
# no sign of life at all.
stall=${HMMT_STALL:-180}
# By its own clock the guest has time to boot, and after its seconds to kill what
# hangs and to show it, but not for ever: a livelocked kernel is never silent.
overdue=$((${seconds%%.*} + 400))

# A PAUSE hands over to the next CPU in the det engine; elsewhere it only takes time.
pauses=24
[ "$engine_name" = det ] || pauses=400

release=$(cat "$build/hmmt/release")

# program_words: what plan.sh says of the words of a program
program_words()
{
	local word avoid

	for word; do
		case $word in
		@seed) printf '%s\n' "$seed" ;;
		@duration) printf '%ss\n' "$seconds" ;;
		@avoid)
			avoid=$(known_names "$release")
			[ -z "$avoid" ] || printf '%s\n' --avoid "$avoid" ;;
		@after=*) printf '%s\n' --after "${word#*=}" ;;
		@after) ;;
		*) printf '%s\n' "$word" ;;
		esac
	done
}

append=		# to the kernel's command line
driver=()
if [ "$scenarios" = - ]; then
	expect=selftest
	read -r -a words <<<"$program"
	mapfile -t words < <(program_words "${words[@]}")
else
	expect=torture
	# two memory nodes, between which the kernel moves pages
	append=numa=fake=2
	# Ops that are known to be the death of a guest with this kernel
	without=$(known_without "$release")
	words=(torture --seed "$seed" --duration "${seconds}s" --scenario "$scenarios"
		--perturb "$perturb" --pauses "$pauses" ${without:+--without "$without"})
	if [ -n "$program" ]; then
		read -r -a stress <<<"${program#& }"
		words=(pressure "${stress[@]}" : "${words[@]}" --company)
	fi
fi
while [[ ${words[0]} == @(driver|append):* ]]; do
	case ${words[0]} in
	driver:*) driver+=("${words[0]}") ;;
	append:*) append+=" ${words[0]#append:}" ;;
	esac
	words=("${words[@]:1}")
done
# A kernel that counts, and a place for what it counted
counts=()
if grep -q '^# gcov:' "$HMMT_TOP/configs/kernel/$flavour"; then
	counts=(--counts)
	words=(gcov-data "${words[@]}")
fi

# Ctrl-C goes to the whole group: vmrun ends the guest, this goes on to judge.
trap : INT
rc=0
setpriv --pdeathsig TERM "$HMMT_TOP/tools/vm/boot.sh" --dir "$dir" \
	--tools "$tools" --build "$build" --image "$image" --engine "$engine" \
	--seed "$seed" --cpus "$cpus" --mem "$mem" --stall "$stall" --overdue "$overdue" \
	--expect "$expect" --flavour "$flavour" --label "$name" --perturb "$perturb" --quiet \
	--append "$append" "${counts[@]}" -- "${driver[@]}" "${words[@]}" || rc=$?
# Without a guest there is no run.json, and the judge would see no run at all.
if [ ! -f "$dir/run.json" ]; then
	mkdir -p "$dir"
	printf '{"hmmtorture_run":1,"engine":"%s","seed":%s,"flavour":"%s","expect":"%s","boot_exit":%d}\n' \
		"$engine_name" "$seed" "$flavour" "$expect" "$rc" >"$dir/run.json"
fi
"$tools/host/hmmt-judge" run "$dir" --known "$HMMT_TOP/configs/known" \
	>"$dir/verdict.txt" 2>&1 || true
exit 0
