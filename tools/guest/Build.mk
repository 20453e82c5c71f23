# SPDX-License-Identifier: GPL-2.0
guest-progs += init
init-srcs := tools/guest/init.c $(libhmmt-srcs)
guest-progs += pressure
pressure-srcs := tools/guest/pressure.c
