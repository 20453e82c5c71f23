# SPDX-License-Identifier: GPL-2.0
host-progs += busyloop.so
busyloop.so-srcs := selftests/vm/busyloop.c
busyloop.so-cflags := -fPIC
busyloop.so-libs := -shared -ldl
