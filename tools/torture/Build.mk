# SPDX-License-Identifier: GPL-2.0
guest-progs += torture
torture-srcs := $(sort $(wildcard tools/torture/*.c tools/torture/*/*.c)) $(libhmmt-srcs)
# Calls that trace.c records.
torture-libs := $(addprefix -Wl$(comma)--wrap=, mmap munmap mremap mprotect madvise ioctl fork \
	waitpid _exit) -luring
