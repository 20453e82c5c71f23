# SPDX-License-Identifier: GPL-2.0
host-progs += hmmt-corpus
hmmt-corpus-srcs := $(addprefix tools/corpus/, main.c bugs.c runs.c table.c) tools/judge/util.c
hmmt-corpus-cflags := -Itools/judge
hmmt-corpus-libs := -ljansson
