# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# A run that is over, as something that can be booted again: the kernel and the
# image of its bundle, its engine and its size. Sourced, after prepare.sh.

# bundle_field NAME: of its run.json, which has one field a line
bundle_field()
{
	sed -n "s/^ *\"$1\": *\"\\{0,1\\}\\(.*[^\",]\\)\"\\{0,1\\},\\{0,1\\}\$/\\1/p" \
		"$bundle_dir/run.json" | head -n 1
}

# bundle_open RUNDIR: sets bundle_dir, engine_word, opt_cpus, opt_mem, and what else
# its guest was booted with
bundle_open()
{
	if [ ! -f "$1/run.json" ] || [ ! -f "$1/cmdline" ] ||
	   [ ! -f "$1/bundle/bzImage" ] || [ ! -f "$1/bundle/initramfs.cpio" ]; then
		die "$EX_USAGE" "not a run directory with a bundle: $1"
	fi
	bundle_dir=$(cd "$1" && pwd -P)
	case $(bundle_field accel) in
	tcg-det) engine_word=det ;;
	tcg-mt) engine_word=tcg ;;
	kvm) engine_word=kvm ;;
	*) die "$EX_USAGE" "$bundle_dir/run.json does not name an engine" ;;
	esac
	opt_cpus=$(bundle_field cpus)
	opt_mem=$(bundle_field mem_mib)
	opt_flavour=$(bundle_field flavour)
	bundle_args=(--perturb "$(bundle_field perturb)" --append "$(bundle_field append)")
	[ ! -e "$bundle_dir/counts.bin" ] || bundle_args+=(--counts)
}

# bundle_use DIR: sets build_dir, which bundle_build made, and image_file
bundle_use()
{
	build_dir=$1
	image_file=$bundle_dir/bundle/initramfs.cpio
}

# bundle_build DIR: a build directory as boot.sh knows it, made of what was kept
bundle_build()
{
	mkdir -p "$1/hmmt"
	ln -s "$bundle_dir/bundle/bzImage" "$1/hmmt/bzImage"
	ln -s "$bundle_dir/kernel.config" "$1/hmmt/config"
	bundle_field kernel_release >"$1/hmmt/release"
	bundle_field kernel_source >"$1/hmmt/source"
	[ "$(bundle_field config_verified)" != true ] || : >"$1/hmmt/config.stamp"
	bundle_use "$1"
}

# bundle_options: what the run told the torture program that no program says
bundle_options()
{
	local -a words
	local i

	read -r -a words < <(sed -n 's/^.* torture //p' "$bundle_dir/cmdline")
	for ((i = 0; i < ${#words[@]}; i++)); do
		case ${words[i]} in
		--seed | --hang | --perturb | --perturb-seed | --pauses)
			printf '%s\n' "${words[i]}" "${words[i + 1]}" ;;
		esac
	done
}

# boot_program DIR PROGRAM TRACE: a guest that runs it, as in the run of the bundle
boot_program()
{
	local -a more=()

	boot_args+=(--program "$2")
	if [ -n "${bundle_dir:-}" ]; then
		# a bundle has what its guest ran, and nothing else
		grep -q ' torture ' "$bundle_dir/cmdline" ||
			die "$EX_USAGE" "$bundle_dir is no run of torture"
		mapfile -t more < <(bundle_options)
	fi
	boot_words "$1" "${opt_seed:-0}" torture torture --program /program --trace "$3" \
		"${more[@]}"
}

# boot_words DIR SEED EXPECT WORD...: a guest with what is set above
boot_words()
{
	local dir=$1 seed=$2 expect=$3

	shift 3
	vm boot --dir "$dir" --tools "$tools_dir" --build "$build_dir" \
		--image "$image_file" --engine "$engine_word" --seed "$seed" \
		--cpus "${opt_cpus:-2}" --mem "${opt_mem:-$(guest_mib "$opt_flavour")}" \
		--expect "$expect" --flavour "$opt_flavour" "${bundle_args[@]}" \
		"${boot_args[@]}" -- "$@"
}
bundle_args=() boot_args=()
