# SPDX-License-Identifier: GPL-2.0
guest-progs += hmmt-bench
hmmt-bench-srcs := tools/bench/bench.c $(libhmmt-srcs)
