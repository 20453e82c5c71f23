#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""mkcounts.py OUT NUMBER=FILE.gcda [NUMBER=FILE.gcda]

What gcov-data leaves of FILE, which is an absolute path, as snapshot NUMBER: the first
in slot 0, the second in slot 1. The layout is said a second time here, on purpose.
"""
import struct
import sys

SLOT = 4 << 20


def padded(data):
    return data + bytes(-len(data) % 8)


def slot(arg):
    number, name = arg.split("=", 1)
    with open(name, "rb") as f:
        data = f.read()
    names = name.encode() + b"\0"
    entry = struct.pack("<II", len(names), len(data)) + padded(names) + padded(data)
    return (struct.pack("<QQ", int(number), len(entry)) + entry).ljust(SLOT, b"\0")


with open(sys.argv[1], "wb") as out:
    out.write(b"".join(slot(arg) for arg in sys.argv[2:4]).ljust(2 * SLOT, b"\0"))
