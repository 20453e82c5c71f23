# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Engines: what of QEMU's command line makes a guest deterministic or parallel.
# Sourced by boot.sh.

qemu=${HMMT_QEMU:-qemu-system-x86_64}

# Virtual nanoseconds for one instruction, as a power of two. With 3 a virtual
# second is 125 million instructions, about one host second of THP work under
# TCG, and the timer ticks, and so may switch vCPUs, every half million. For the
# same number of instructions, 1 gave as many operations for each host second but
# eight times as many instructions for each virtual one; 4 gave half, the ticks
# take the rest, and 5 and more get nowhere.
det_shift=3

# A machine type with a version replays on other versions of QEMU too, and the
# types up to 7.1 never pass a random seed of the host to the kernel
# (setup_data), as later ones do in some versions.
machine_type()
{
	if "$qemu" -M help 2>/dev/null | grep -q '^pc-i440fx-7\.1 '; then
		echo pc-i440fx-7.1
	else
		echo pc
	fi
}

qemu_version()
{
	"$qemu" --version | sed -n '1s/^QEMU emulator version //p'
}

# engine_args ACCEL: into the array engine_args
#
# Without fsrm, since the kernel then copies words, which docs/model.md needs;
# and without erms, with which it clears a page byte by byte: eight times the
# instructions where instructions are what time is made of.
set_engine_args()
{
	case $1 in
	tcg-det)
		# Nothing that a guest can see comes from the host: one thread
		# runs all vCPUs, time is the count of instructions and skips
		# ahead when idle, the clock starts at a fixed date, there is
		# no instruction that draws random numbers, and what QEMU
		# itself draws has a fixed seed. steady.so knows the thread by
		# its name.
		engine_args=(-accel 'tcg,thread=single' -icount "shift=$det_shift,sleep=off"
			-name debug-threads=on
			-rtc 'base=2020-01-01T00:00:00,clock=vm'
			-cpu 'max,-rdrand,-rdseed,-fsrm,-erms' -seed 1)
		;;
	tcg-mt)
		engine_args=(-accel 'tcg,thread=multi' -cpu 'max,-fsrm,-erms')
		;;
	kvm)
		engine_args=(-accel kvm -cpu 'host,-fsrm,-erms')
		;;
	esac
	# No default device, no network, no configuration of the user. One core
	# for each socket: the firmware's MP table lists sockets only.
	engine_args+=(-M "$(machine_type)" -smp "$cpus,sockets=$cpus,cores=1,threads=1"
		-m "${mem}M" -nodefaults -no-user-config -nic none -display none
		-no-reboot)
}

# kernel_params ACCEL
kernel_params()
{
	local params='console=ttyS0,115200 loglevel=7 printk.devkmsg=on oops=panic panic=-1
		unknown_nmi_panic=1 hung_task_panic=0 softlockup_panic=0 reboot=t
		random.trust_cpu=off random.trust_bootloader=off
		proc_mem.force_override=always'

	# The clock is the count of instructions: nothing to calibrate against.
	[ "$1" != tcg-det ] || params="$params tsc=reliable no_timer_check"
	# shellcheck disable=SC2086 # one blank between words
	echo $params
}

# kvm_works BZIMAGE INITRAMFS VMRUN: 0, or 1 with the reason on stdout. The
# answer of a boot that was tried is kept for this QEMU and this kernel.
kvm_works()
{
	local key answer dir rc=0 why

	# set by lock_entry
	local lock_fd=

	[ -e /dev/kvm ] || { echo "no /dev/kvm"; return 1; }
	[ -w /dev/kvm ] || { echo "/dev/kvm is not writable for $(id -un)"; return 1; }
	key=$({ "$qemu" --version; sha256sum <"$1"; uname -r; } | hash12)
	answer=$HMMT_CACHE/kvm/$key
	if [ ! -f "$answer" ]; then
		lock_entry "$answer"
	fi
	if [ ! -f "$answer" ]; then
		step "trying whether KVM works here (20 s at most)"
		dir=$(mktemp -d "$answer.XXXXXX")
		(
			cpus=2 mem=1024
			set_engine_args kvm
			"$3" --dir "$dir" --quiet --stall 15 --limit 20 -- "$qemu" "${engine_args[@]}" \
				-kernel "$1" -initrd "$2" -append "$(kernel_params kvm) -- run: driver:none" \
				-serial "file:$dir/console.log" -serial "file:$dir/results.log"
		) >/dev/null 2>&1 {lock_fd}>&- || rc=$?
		if grep -qsx 'HMMT-END rc=0' "$dir/results.log"; then
			why=ok
		elif [ "$rc" -eq 130 ]; then
			rm -rf "$dir"
			exit 130
		elif [ "$rc" -eq 6 ]; then
			why="QEMU failed: $(head -n 1 "$dir/qemu.log")"
		else
			why="the guest did not reach its init in 20 s"
		fi
		printf '%s\n' "$why" >"$dir/answer"
		mv "$dir/answer" "$answer"
		rm -rf "$dir"
	fi
	why=$(cat "$answer")
	[ "$why" != ok ] || return 0
	printf '%s\n' "$why"
	return 1
}
