# SPDX-License-Identifier: GPL-2.0
host-progs += mkcpio
mkcpio-srcs := tools/vm/mkcpio.c

host-progs += vmrun
vmrun-srcs := tools/vm/vmrun.c tools/vm/live.c tools/vm/runjson.c
vmrun-libs := -ljansson
