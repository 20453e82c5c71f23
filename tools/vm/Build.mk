# SPDX-License-Identifier: GPL-2.0
host-progs += mkcpio
mkcpio-srcs := tools/vm/mkcpio.c
