# SPDX-License-Identifier: GPL-2.0
host-progs += hmmt-matrix
hmmt-matrix-srcs := tools/validate/matrix.c $(addprefix tools/judge/, results.c known.c title.c util.c)
hmmt-matrix-cflags := -Itools/judge
hmmt-matrix-libs := -ljansson
