# SPDX-License-Identifier: GPL-2.0
host-progs += hmmt-coverage
hmmt-coverage-srcs := $(addprefix tools/coverage/, main.c unpack.c sum.c table.c)
hmmt-coverage-libs := -ljansson

guest-progs += gcov-data
gcov-data-srcs := tools/coverage/gcov-data.c
