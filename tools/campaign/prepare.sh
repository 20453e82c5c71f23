# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Everything between the options and the first guest: packages, kernel source,
# kernel, programs, image. The work is done below tools/vm; this knows the
# order and where things are. Sourced, after lib.sh.

# What a first run needs for source, one kernel build and images, and what a
# guest takes beside its own memory.
readonly PREPARE_DISK_MIB=5000 PREPARE_DISK_CACHED_MIB=500 PREPARE_GUEST_MIB=1024

# guest_mib FLAVOUR: the memory of a guest where --mem does not say it
guest_mib()
{
	case $1 in
	# shadow memory and quarantine
	KASAN) echo 1536 ;;
	# half a GiB for coherent devices, and the tree's tests beside it
	GCOV) echo 2048 ;;
	*) echo "$PREPARE_GUEST_MIB" ;;
	esac
}

vm()
{
	local script=$1

	shift
	"$HMMT_TOP/tools/vm/$script.sh" "$@"
}

# Fails early, and the same way for every verb, when the host cannot do it.
prepare_room()
{
	local free need=$PREPARE_DISK_MIB mem=${opt_mem:-$(guest_mib "${opt_flavour:-}")} have

	[ ! -d "$HMMT_CACHE/build" ] || need=$PREPARE_DISK_CACHED_MIB
	free=$(free_mib "$HMMT_CACHE")
	[ "$free" -ge "$need" ] ||
		die "$EX_NOVERDICT" "$free MiB free for the cache $HMMT_CACHE, $need are needed (HMMT_CACHE=DIR puts it elsewhere)"
	have=$(available_mib)
	[ "$have" -ge $((mem + 256)) ] ||
		die "$EX_NOVERDICT" "$have MiB of memory available, a guest of $mem MiB needs $((mem + 256))"
	while [ "${opt_vms:-1}" -gt 1 ] && [ "$have" -lt $((opt_vms * (mem + 256))) ]; do
		opt_vms=$((opt_vms - 1))
		msg "note: $have MiB of memory available: $opt_vms guest(s) of $mem MiB at once"
	done
}

prepare_host()
{
	prepare_room
	vm deps || die "$EX_NOVERDICT" "the packages that are needed are not there"
}

prepare_missing()
{
	local missing

	missing=$(vm deps --missing) || return 1
	[ -z "$missing" ] || { printf '%s\n' "$missing"; return 1; }
}

prepare_kvm_answers()
{
	local f

	for f in "$HMMT_CACHE"/kvm/*; do
		[ -f "$f" ] || continue
		[[ $f != *.lock ]] || continue
		if [ "$(cat "$f")" = ok ]; then
			echo "works (a guest was booted with it)"
		else
			echo "does not work: $(cat "$f")"
		fi
		return 0
	done
}

# The programs for host and guest; tools_dir is what holds host/ and guest/
prepare_tools()
{
	tools_dir=$(vm tools) ||
		die "$EX_NOVERDICT" "the programs for host and guest were not built"
}

# prepare_source [SERIES]: the tree to build, the user's own, or a fetched one. KDIR names
# a build directory in the kernel's own words: its source is meant.
prepare_source()
{
	local series=${1:-${opt_kernel:-}}
	local -a args=()

	if [ -z "${opt_ksrc:-}" ] && [ -n "${KDIR:-}" ]; then
		[ -e "$KDIR/source" ] ||
			die "$EX_USAGE" "KDIR: $KDIR is no kernel build directory made with O="
		opt_ksrc=$(realpath "$KDIR/source")
		check_ksrc "$opt_ksrc"
	fi
	if [ -n "${opt_ksrc:-}" ]; then
		source_dir=$(realpath "$opt_ksrc")
		return 0
	fi
	[ -z "$series" ] || [ "$series" = own ] || args=(--kernel "$series")
	source_dir=$(vm fetch "${args[@]}") ||
		die "$EX_NOVERDICT" "no kernel source: no network, or --ksrc DIR"
}

image_args=()	# what a plan wants of its images
tree_tests=	# ... and whether it runs the tree's own tests

# prepare_flavour FLAVOUR: kernel, driver and image of it
prepare_flavour()
{
	local tests
	local -a args=("${image_args[@]}")

	build_dir=$(vm kernel --ksrc "$source_dir" --flavour "$1") ||
		die "$EX_NOVERDICT" "kernel $1 of $source_dir was not built"
	if [ -n "$tree_tests" ]; then
		tests=$(vm hmm-tests --ksrc "$source_dir" --build "$build_dir") ||
			die "$EX_NOVERDICT" "hmm-tests of $source_dir was not built"
		args+=(--with "$tests")
	fi
	image_file=$(vm image --tools "$tools_dir" --build "$build_dir" "${args[@]}") ||
		die "$EX_NOVERDICT" "the guest's image was not made"
}

# prepared_line KERNEL FLAVOUR BUILD IMAGE: of prepared.tsv, whose columns are
# KERNEL FLAVOUR TOOLS BUILD IMAGE CPUS MEM, for one.sh
prepared_line()
{
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$tools_dir" "$3" "$4" \
		"${opt_cpus:-2}" "${opt_mem:-$(guest_mib "$2")}"
}

# note_left_out RELEASE: for the user
note_left_out()
{
	local left_out

	left_out=$(known_without "$1")
	[ -z "$left_out" ] ||
		msg "note: known issues of $1 leave out $left_out (HMMT_WITHOUT= for none)"
}

# prepare_all PLAN: what every kernel and flavour of the plan boots, remembered for
# prepare_record
prepare_all()
{
	local kernel flavour last='' tortured

	prepare_tools
	if plan_column program <<<"$1" | grep -q '^& '; then
		vm deps --stress || die "$EX_NOVERDICT" "the package stress-ng is not there"
		image_args=(--stress)
	fi
	if plan_column program <<<"$1" | grep -qE '(^| )hmm-tests( |$)'; then
		tree_tests=1
	fi
	prepared=
	tortured=$(plan_column scenarios kernel <<<"$1" | sed -n '/^-/!s/.*\t//p' | sort -u)
	while IFS=$'\t' read -r kernel flavour; do
		[ "$kernel" = "$last" ] || prepare_source "$kernel"
		prepare_flavour "$flavour"
		prepared+=$(prepared_line "$kernel" "$flavour" "$build_dir" "$image_file")$'\n'
		# shellcheck disable=SC2086 # words
		if [ "$kernel" != "$last" ] && in_list "$kernel" $tortured; then
			note_left_out "$(cat "$build_dir/hmmt/release")"
		fi
		last=$kernel
	done < <(plan_column kernel flavour <<<"$1" | sort -u)
}

prepare_record()
{
	printf '%s' "$prepared" >"$1/prepared.tsv"
}

# Where the judge is. A report needs neither packages nor a kernel when it was
# built before.
host_bin_dir()
{
	printf '%s/host\n' "$tools_dir"
}

prepare_judge()
{
	local id

	id=$(sha256sum <<<"$HMMT_TOP" | cut -c 1-12)
	tools_dir=$HMMT_CACHE/host/$id
	[ -x "$tools_dir/host/hmmt-judge" ] || prepare_tools
}

# For tests: the fetched source, and where the kernel of a tree is built
kernel_source_dir()
{
	vm fetch
}

kernel_build_dir()
{
	vm kernel --ksrc "$1" --flavour "$2" --where
}
