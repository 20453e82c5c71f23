#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# stage: guest
# The ioctl fuzzer in guests of its own, each judged. What kernels of this
# release are known not to survive (configs/known) is avoided, and said.
#
#   HMMT_FUZZ_DURATION   20s    of the guest's clock, each guest
#   HMMT_FUZZ_FLAVOURS   DEBUG  one or more, as in "DEBUG KASAN"
#   HMMT_FUZZ_ENGINES    "det live"
#   HMMT_FUZZ_SEED       1
#   HMMT_AVOID           names of docs/findings, instead of those of configs/known
#
# The long form is in configs/profiles/nightly.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tools/campaign/lib.sh
. "$HMMT_TOP/tools/campaign/lib.sh"
# shellcheck source=tools/campaign/prepare.sh
. "$HMMT_TOP/tools/campaign/prepare.sh"
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"
# shellcheck source=selftests/verdict.sh
. "$HMMT_TOP/selftests/verdict.sh"
# shellcheck source=selftests/guest.sh
. "$HMMT_TOP/selftests/guest.sh"

duration=$(parse_duration "${HMMT_FUZZ_DURATION:-20s}") ||
	die "$EX_USAGE" "HMMT_FUZZ_DURATION: '$HMMT_FUZZ_DURATION' is no duration"
seed=$(parse_seed "${HMMT_FUZZ_SEED:-1}") ||
	die "$EX_USAGE" "HMMT_FUZZ_SEED: '$HMMT_FUZZ_SEED' is no seed"
read -r -a flavours <<<"${HMMT_FUZZ_FLAVOURS:-DEBUG}"
read -r -a engines <<<"${HMMT_FUZZ_ENGINES:-det live}"
logs=${logs:-$HMMT_TOP/results/fuzz-$(date +%Y%m%d-%H%M%S)-$$}

# fuzz FLAVOUR ENGINE SEED: sets died when the kernel ended the guest early
fuzz()
{
	local dir=$logs/fuzz-$1-$2-$3 seed=$3 name="$1 $2, $duration s, seed $3"
	local word why avoid

	guest_image "$1" "$source"
	avoid=$(known_names "$(cat "$build/hmmt/release")")
	guest_boot "$dir" --engine "$2" --seed "$seed" --mem "$(guest_mib "$1")" \
		--overdue "$((duration + 900))" -- \
		hmm-fuzz --seed "$seed" --duration "${duration}s" ${avoid:+--avoid "$avoid"} || true
	"$HMMT_JUDGE" run "$dir" --known "$HMMT_TOP/configs/known" || true
	grep -a '^# ' "$dir/results.log" || true
	read -r word why < <(stock_verdict "$dir")
	case $word in
	pass) ktap_pass "$name: $(run_field verdict "$dir")" ;;
	skip) ktap_skip "$name" "$why" ;;
	*) ktap_fail "$name" "$why" ;;
	esac
	# Neither tells whether it came to the end: a guest that the kernel has ended
	# did not look at its own checks.
	if [ "$(run_field verdict "$dir")" != PASS ] && [ "$word" != fail ] &&
	   ! grep -qa '^{' "$dir/results.log"; then
		died=$(run_field title "$dir")
		return
	fi
	ktap_equal "$1 $2, seed $seed: all its own checks" \
		"$(grep -aE '^(not ok|Bail|\{)' "$dir/results.log" | sed 's/"pass":[0-9]*/"pass"/')" \
		'{"hmmtorture":1,"program":"hmm-fuzz","pass","fail":0,"skip":0}'
}

mkdir -p "$logs"
HMMT_JUDGE=$("$vm/tools.sh")/host/hmmt-judge
source=$("$vm/fetch.sh")
for flavour in "${flavours[@]}"; do
	for engine in "${engines[@]}"; do
		for n in 0 1 2; do
			died=
			fuzz "$flavour" "$engine" $((seed + n))
			[ -n "$died" ] || break
		done
		[ -z "$died" ] ||
			ktap_skip "$flavour $engine: all its own checks" \
				"three guests died of the kernel, the last of: $died"
	done
done
ktap_end
