# SPDX-License-Identifier: GPL-2.0
host-tests += lib-test model-test
lib-test-srcs := selftests/lib/lib-test.c $(libhmmt-srcs)
model-test-srcs := selftests/lib/model-test.c tools/torture/model.c $(libhmmt-srcs)
host-progs += busts
guest-progs += hmm-busts
busts-srcs := selftests/lib/busts.c
hmm-busts-srcs := selftests/lib/busts.c
