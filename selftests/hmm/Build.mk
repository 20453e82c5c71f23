# SPDX-License-Identifier: GPL-2.0
guest-progs += hmm-driver hmm-uapi hmm-findings
hmm-driver-srcs := selftests/hmm/driver.c selftests/hmm/area.c $(libhmmt-srcs)
hmm-uapi-srcs := selftests/hmm/uapi.c selftests/hmm/area.c $(libhmmt-srcs)
hmm-uapi-libs := -luring
hmm-findings-srcs := selftests/hmm/findings.c $(libhmmt-srcs)
