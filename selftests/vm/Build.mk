# SPDX-License-Identifier: GPL-2.0
host-progs += badhost.so
badhost.so-srcs := selftests/vm/badhost.c
badhost.so-cflags := -fPIC
badhost.so-libs := -shared -ldl

guest-progs += tlb-look
tlb-look-srcs := selftests/vm/tlb-look.c $(libhmmt-srcs)
