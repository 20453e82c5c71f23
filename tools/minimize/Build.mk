# SPDX-License-Identifier: GPL-2.0
host-progs += hmmt-minimize
hmmt-minimize-srcs := $(addprefix tools/minimize/, main.c run.c shrink.c) \
	tools/torture/program.c $(libhmmt-srcs)
hmmt-minimize-libs := -lm
