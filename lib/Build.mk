# SPDX-License-Identifier: GPL-2.0
libhmmt-srcs := lib/bar.c lib/calls.c lib/dev.c lib/pagemap.c lib/parse.c lib/proc.c lib/rng.c lib/swap.c
