# SPDX-License-Identifier: GPL-2.0
host-progs += hmmt-coverage
hmmt-coverage-srcs := $(addprefix tools/coverage/, main.c unpack.c source.c sum.c reasons.c table.c)
hmmt-coverage-libs := -ljansson

guest-progs += gcov-data
gcov-data-srcs := tools/coverage/gcov-data.c $(libhmmt-srcs)
