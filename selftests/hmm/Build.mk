# SPDX-License-Identifier: GPL-2.0
guest-progs += hmm-driver hmm-uapi hmm-findings hmm-fuzz
hmm-driver-srcs := selftests/hmm/driver.c selftests/hmm/area.c $(libhmmt-srcs)
hmm-uapi-srcs := selftests/hmm/uapi.c selftests/hmm/area.c $(libhmmt-srcs)
hmm-uapi-libs := -luring
hmm-findings-srcs := selftests/hmm/findings.c $(libhmmt-srcs)
hmm-fuzz-srcs := selftests/hmm/fuzz.c selftests/hmm/fuzz-worker.c selftests/hmm/fuzz-command.c \
	selftests/hmm/module.c $(libhmmt-srcs)
hmm-fuzz-libs := -luring
