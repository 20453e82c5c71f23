# SPDX-License-Identifier: GPL-2.0
host-progs += mkcpio
mkcpio-srcs := tools/vm/mkcpio.c

host-progs += vmrun
vmrun-srcs := tools/vm/vmrun.c tools/vm/live.c tools/vm/runjson.c
vmrun-libs := -ljansson

host-progs += steady.so
steady.so-srcs := tools/vm/steady.c
steady.so-cflags := -fPIC
steady.so-libs := -shared -ldl
