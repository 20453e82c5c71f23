# SPDX-License-Identifier: GPL-2.0
guest-progs += init
init-srcs := tools/guest/init.c
guest-progs += pressure
pressure-srcs := tools/guest/pressure.c
