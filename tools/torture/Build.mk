# SPDX-License-Identifier: GPL-2.0
guest-progs += torture
torture-srcs := $(sort $(wildcard tools/torture/*.c tools/torture/*/*.c)) $(libhmmt-srcs)
