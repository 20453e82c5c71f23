# SPDX-License-Identifier: GPL-2.0
guest-progs += hmm-driver hmm-uapi hmm-findings hmm-fuzz hmm-bad-input hmm-validate
guest-progs += hmm-uring
hmm-driver-srcs := selftests/hmm/driver.c selftests/hmm/area.c $(libhmmt-srcs)
hmm-uapi-srcs := selftests/hmm/uapi.c selftests/hmm/area.c $(libhmmt-srcs)
hmm-uring-srcs := selftests/hmm/uring.c selftests/hmm/ring.c selftests/hmm/area.c $(libhmmt-srcs)
hmm-uring-libs := -luring
hmm-findings-srcs := selftests/hmm/findings.c $(libhmmt-srcs)
hmm-fuzz-srcs := selftests/hmm/fuzz.c selftests/hmm/fuzz-worker.c selftests/hmm/fuzz-command.c \
	selftests/hmm/module.c $(libhmmt-srcs)
hmm-fuzz-libs := -luring
hmm-bad-input-srcs := selftests/hmm/bad-input.c selftests/hmm/area.c $(libhmmt-srcs)
hmm-validate-srcs := $(addprefix selftests/hmm/, validate.c validate_collect.c \
	validate_split.c validate_fault.c validate_device.c validate_bits.c \
	validate_vma.c validate_proc.c area.c) $(libhmmt-srcs)
hmm-validate-cflags := -Wno-unused-parameter
