# SPDX-License-Identifier: GPL-2.0
guest-progs += hmm-driver
hmm-driver-srcs := selftests/hmm/driver.c $(libhmmt-srcs)
