#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: boot.sh --dir RUN --tools DIR --build DIR --image FILE [options] -- WORDS...
#
#   --dir RUN      run directory; is made, must not hold a run yet
#   --tools DIR    what tools.sh printed; --build: kernel.sh; --image: image.sh
#   --engine E     det (default) | live | kvm | tcg
#   --seed N       goes into run.json; the guest gets it by its own WORDS
#   --cpus N       2        --mem MIB   2048
#   --stall S      180      --limit S   none        (host seconds, see vmrun)
#   --overdue S    1200     (seconds of the guest's clock, see vmrun)
#   --expect WHAT  torture | selftest: what the judge will look for
#   --flavour F    --label TEXT   --quiet
#   --append TEXT  more kernel parameters
#   --perturb SETS for run.json: what the guest is told to perturb
#   --program FILE is /program in the guest
#   --counts       a file counts.bin for gcov-data
#   --shift N      3           (det: 2^N ns of virtual time an instruction)
#   WORDS          for init, see tools/guest/init.c
#
# Boots one guest and follows it to its end. The run directory gets bundle/ and
# replay.sh, which boots the same bytes again with nothing but QEMU and a C library. Exit codes
# are those of vmrun; 2 wrong usage, 3 the machine cannot do it.
set -euo pipefail
# shellcheck source=tools/vm/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=tools/vm/engine.sh
. "$(dirname "$0")/engine.sh"
# shellcheck source=tools/vm/once.sh
. "$(dirname "$0")/once.sh"

dir='' tools='' build='' image='' engine=det seed=0 cpus=2 mem=2048 stall=180 limit=0
overdue=1200 shift=3
expect=torture flavour='' label='' append='' program='' perturb=none
quiet=() words=() engine_args=()
# Files that the guest sees as memory: what is behind their names is their size
shared=(journal.bin=16M)

parse()
{
	while [ $# -gt 0 ]; do
		case $1 in
		--dir | --tools | --build | --image | --engine | --seed | --cpus | --mem | \
			--stall | --limit | --overdue | --expect | --flavour | --label | --append | --shift | \
			--program | --perturb)
			[ $# -ge 2 ] || die "$EX_USAGE" "$1 needs a value"
			printf -v "${1#--}" '%s' "$2"
			shift
			;;
		--quiet) quiet=(--quiet) ;;
		--counts) shared+=(counts.bin=8M) ;;
		--)
			shift
			words=("$@")
			break
			;;
		*) die "$EX_USAGE" "unknown option '$1'" ;;
		esac
		shift
	done
	[[ $engine =~ ^(det|live|kvm|tcg)$ ]] ||
		die "$EX_USAGE" "unknown engine '$engine'; valid: det live kvm tcg"
	[[ $seed =~ ^[0-9]+$ && $cpus =~ ^[1-9][0-9]?$ && $mem =~ ^[1-9][0-9]*$ ]] ||
		die "$EX_USAGE" "--seed, --cpus and --mem are numbers"
	[[ $shift =~ ^[0-9]$ ]] || die "$EX_USAGE" "--shift: 0 to 9"
	# shellcheck disable=SC2034 # engine.sh's
	det_shift=$shift
	[ "$cpus" -le 16 ] || die "$EX_USAGE" "--cpus: 16 at most"
	[ -n "$dir" ] || die "$EX_USAGE" "--dir is missing"
	[ -x "$tools/host/vmrun" ] || die "$EX_USAGE" "--tools '$tools': no host/vmrun in it"
	[ -f "$build/hmmt/bzImage" ] || die "$EX_USAGE" "--build '$build': no kernel in it"
	[ -f "$image" ] || die "$EX_USAGE" "--image '$image': no such file"
	[ -z "$program" ] || [ -f "$program" ] || die "$EX_USAGE" "--program '$program': no such file"
	# The kernel panics at more words for init than this.
	[ "${#words[@]}" -le 30 ] || die "$EX_USAGE" "more than 30 words for init"
	[[ "${words[*]}" != *[$' \t']*[\"]* ]] || die "$EX_USAGE" "no quotes in words for init"
	command -v "$qemu" >/dev/null ||
		die "$EX_INFRA" "no $qemu here; package qemu-system-x86 has it"
}

# Turns the engine that was asked for into an accelerator
choose_accel()
{
	local why

	case $engine in
	det) accel=tcg-det ;;
	tcg) accel=tcg-mt engine=live ;;
	kvm | live)
		if why=$(kvm_works "$build/hmmt/bzImage" "$image" "$tools/host/vmrun"); then
			accel=kvm
		elif [ "$engine" = kvm ]; then
			die "$EX_INFRA" "KVM does not work here: $why"
		else
			accel=tcg-mt
			step "live engine without KVM, multi-threaded TCG instead: $why"
		fi
		engine=live
		;;
	esac
}

# One QEMU argument a line would not survive; a quoted word does.
quoted()
{
	printf ' %q' "$@"
}

# shared_args DIR: arguments of QEMU for the files, in DIR, one a line
shared_args()
{
	local dir=${1//,/,,} s

	for s in "${shared[@]}"; do
		printf '%s\n' -object \
			"memory-backend-file,id=${s%%.*},size=${s#*=},share=on,mem-path=$dir/${s%%=*}" \
			-device "ivshmem-plain,memdev=${s%%.*}"
	done
}

# The kernel unpacks one archive behind the other; the last one counts. So the programs
# that WORDS name go behind the image; in that of a bundle they are already.
add_words()
{
	local word archive

	for word in "${words[@]}"; do
		archive=${image%/*}/bin/${word##*/}.cpio
		[ ! -f "$archive" ] || printf '%s\n' "$archive"
	done | LC_ALL=C sort -u | xargs -r -d '\n' cat >>"$dir/bundle/initramfs.cpio" ||
		die "$EX_INFRA" "cannot pack the programs"
}

add_program()
{
	cp "$program" "$dir/input.txt"
	(cd "$dir" && echo 'file /program input.txt 0644' | "$tools/host/mkcpio" \
		>>bundle/initramfs.cpio) || die "$EX_INFRA" "cannot pack the program"
}

write_replay()
{
	{
		cat <<-'END'
			#!/bin/bash
			# Boots the guest of this run again, from bundle/, into a directory of its own.
			set -euo pipefail
			cd "$(dirname "$0")"
			out=${1:-replay}
			mkdir -p "$out"
			rm -f "$out"/{console.log,results.log,journal.bin,counts.bin}
		END
		printf '# recorded with QEMU %s\n' "$(qemu_version)"
		# shellcheck disable=SC2016 # expanded by the replay
		[ "$accel" != tcg-det ] ||
			printf 'LD_PRELOAD=${LD_PRELOAD:+$LD_PRELOAD:}./bundle/steady.so '
		printf '%s%s \\\n' "$qemu" "$(quoted "${engine_args[@]}")"
		printf '\t-kernel bundle/bzImage -initrd bundle/initramfs.cpio \\\n'
		printf '\t-append%s \\\n' "$(quoted "$cmdline")"
		# shellcheck disable=SC2016 # expanded by the replay
		printf '\t-serial "file:$out/console.log" -serial "file:$out/results.log" \\\n'
		# shellcheck disable=SC2016
		shared_args '$out' | sed 's/.*/\t"&" \\/; $s/ \\$//'
		[ "$accel" != tcg-det ] || cat <<-'END'
			cmp console.log "$out/console.log" && cmp results.log "$out/results.log" &&
				echo "the same run, byte for byte"
		END
	} >"$dir/replay.sh"
	chmod +x "$dir/replay.sh"
}

# Mean time, in virtual µs, after which a busy CPU makes way for the other one
readonly TURN_US=2000

main()
{
	local cmdline verified=false
	local -a memory_args run busy=() preload=()

	parse "$@"
	need_memory "$((mem + 200))" "a guest of $mem MiB"
	[ ! -e "$dir/run.json" ] || die "$EX_USAGE" "--dir $dir: holds a run already"
	mkdir -p "$dir/bundle" || die "$EX_INFRA" "cannot make $dir"
	need_disk "$dir" 100 "a run directory"
	dir=$(realpath "$dir")
	choose_accel
	set_engine_args "$accel"
	cmdline="$(kernel_params "$accel") hmmtorture.guest=1"
	[ "$accel" != tcg-det ] || cmdline+=" hmmtorture.turns=$TURN_US,$seed"
	cmdline+="${append:+ $append} -- run: ${words[*]}"
	[ "${#cmdline}" -lt 2000 ] || die "$EX_USAGE" "kernel command line longer than 2000 characters"

	# Copies: a bundle must outlive the next build.
	cp "$build/hmmt/bzImage" "$dir/bundle/bzImage"
	cp "$image" "$dir/bundle/initramfs.cpio"
	add_words
	[ "$accel" != tcg-det ] || cp "$tools/host/steady.so" "$dir/bundle/steady.so"
	cp "$build/hmmt/config" "$dir/kernel.config"
	[ -z "$program" ] || add_program
	printf '%s\n' "$cmdline" >"$dir/cmdline"
	write_replay
	[ ! -f "$build/hmmt/config.stamp" ] || verified=true
	mapfile -t memory_args < <(shared_args "$dir")

	step "booting $(cat "$build/hmmt/release") ${flavour:+$flavour }engine $engine ($accel), seed $seed"
	if [ "$accel" = tcg-det ]; then
		busy=(--busy)
		# by number: the linker takes no path with blanks in it
		exec 9<"$dir/bundle/steady.so"
		preload=(env "LD_PRELOAD=${LD_PRELOAD:+$LD_PRELOAD:}/proc/self/fd/9")
		! "${preload[@]}" "$qemu" --version 2>&1 | grep 'cannot be preloaded' >&2 ||
			die "$EX_INFRA" "$dir/bundle/steady.so: det needs it in QEMU"
	fi
	run=("$tools/host/vmrun" --dir "$dir" "${busy[@]}" --stall "$stall" --limit "$limit" \
		--overdue "$overdue" \
		${label:+--label "$label"} "${quiet[@]}" \
		--set engine="$engine" --set accel="$accel" --int seed="$seed" \
		--set kernel_release="$(cat "$build/hmmt/release")" \
		--set kernel_source="$(cat "$build/hmmt/source")" \
		--set flavour="$flavour" --set perturb="$perturb" --set append="$append" --bool config_verified="$verified" \
		--set expect="$expect" --set cmdline="$cmdline" \
		--set qemu_version="$(qemu_version)" --int cpus="$cpus" --int mem_mib="$mem" \
		--set started="$(date -u +%Y-%m-%dT%H:%M:%SZ)" -- \
		"${preload[@]}" "$qemu" "${engine_args[@]}" \
		-kernel "$dir/bundle/bzImage" -initrd "$dir/bundle/initramfs.cpio" \
		-append "$cmdline" \
		-serial "file:$dir/console.log" -serial "file:$dir/results.log" \
		"${memory_args[@]}")
	if [ "$accel" = tcg-det ] && [ -n "${HMMT_ONCE:-}" ]; then once_run "$dir" "${run[@]}"; fi
	exec "${run[@]}"
}

main "$@"
