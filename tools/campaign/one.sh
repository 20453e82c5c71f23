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
IFS=$'\t' read -r _ name engine accel flavour scenarios seed seconds <<<"$2"
IFS=$'\t' read -r _ tools build image cpus mem \
	< <(awk -F'\t' -v f="$flavour" '$1 == f' "$campaign/prepared.tsv")
dir=$campaign/$name
engine_name=$engine
[ "$accel" = auto ] || engine=$accel

# A guest second may take many host seconds under load; what must not happen is
# no sign of life at all.
stall=${HMMT_STALL:-180}
# By its own clock the guest has time to boot, and after the torture to kill what
# hangs and to show it, but not for ever: a livelocked kernel is never silent.
overdue=$((${seconds%%.*} + 600))

# Ops that are known to be the death of a guest with this kernel
without=$(known_without "$(cat "$build/hmmt/release")")

# Ctrl-C goes to the whole group: vmrun ends the guest, this goes on to judge.
trap : INT
rc=0
setpriv --pdeathsig TERM "$HMMT_TOP/tools/vm/boot.sh" --dir "$dir" \
	--tools "$tools" --build "$build" --image "$image" --engine "$engine" \
	--seed "$seed" --cpus "$cpus" --mem "$mem" --stall "$stall" --overdue "$overdue" \
	--expect torture --flavour "$flavour" --label "$name" --quiet -- \
	torture --seed "$seed" --duration "${seconds}s" --scenario "$scenarios" \
	${without:+--without "$without"} || rc=$?
# Without a guest there is no run.json, and the judge would see no run at all.
if [ ! -f "$dir/run.json" ]; then
	mkdir -p "$dir"
	printf '{"hmmtorture_run":1,"engine":"%s","seed":%s,"flavour":"%s","expect":"torture","boot_exit":%d}\n' \
		"$engine_name" "$seed" "$flavour" "$rc" >"$dir/run.json"
fi
"$tools/host/hmmt-judge" run "$dir" --known "$HMMT_TOP/configs/known" \
	>"$dir/verdict.txt" 2>&1 || true
exit 0
