# SPDX-License-Identifier: GPL-2.0
host-progs += hmmt-judge
hmmt-judge-srcs := $(addprefix tools/judge/, main.c console.c splats.c title.c \
	results.c known.c runinfo.c failures.c verdict.c verdict_json.c sum.c reports.c \
	pressure.c journal.c program.c ctest.c ctest_text.c util.c)
hmmt-judge-libs := -ljansson
