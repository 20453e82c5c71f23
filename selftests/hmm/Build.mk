# SPDX-License-Identifier: GPL-2.0
guest-progs += hmm-driver hmm-findings
hmm-driver-srcs := selftests/hmm/driver.c $(libhmmt-srcs)
hmm-findings-srcs := selftests/hmm/findings.c $(libhmmt-srcs)
