# SPDX-License-Identifier: GPL-2.0
guest-progs += hmm-race
hmm-race-srcs := tools/perturb/hmm-race.c $(libhmmt-srcs)
