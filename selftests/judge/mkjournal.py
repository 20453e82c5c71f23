#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""mkjournal.py FILE [garbage N]: a journal with a wrapped ring, or noise.

Layout: tools/torture/journal.h. "garbage" writes FILE.0 to FILE.N-1, valid journals
damaged in places that the number chooses, headers first.
"""
import random
import struct
import sys

RUNNING = -(1 << 63)
RECORDS_OFF = 16384
NR = 8
RECORD = 72
NAMES = b"read\0write\0mremap\0fork\0\0"

HEAD = b"hmmtorture program 1\nworkers 2\nregions thp:2\nops\n\0"


def journal():
    data = bytearray(RECORDS_OFF + RECORD * NR + 100)
    struct.pack_into("<QIIIIQQQ", data, 0, 0x31304C4E524A4D48, 2, 4096, RECORD, NR,
                     RECORDS_OFF, 4096, 10)  # next lags behind the last record
    struct.pack_into("<11Q", data, 48, 17, 5000, 60000, 1000, 42, 7, 300, 200, 9, 77, 1)
    data[136:136 + 14] = b"storm round 3\0"
    struct.pack_into("<QQ", data, 200, 5, 0)  # the program of the round begins at record 5
    data[216:216 + len(HEAD)] = HEAD
    data[4096:4096 + len(NAMES)] = NAMES
    for i in range(11):
        seq = i + 1
        ret = 0
        if i == 6:
            ret = RUNNING
        if i == 3:
            seq = 0  # reserved, never completed
        if i == 4:
            seq += 100 * NR  # from a lap that was never begun
        if i == 9:
            continue  # reserved, the record of the lap before is still there
        if i == 10:
            ret = -12
        op = 9 if i == 8 else i % 4
        struct.pack_into("<QQHHIQ4Qq", data, RECORDS_OFF + RECORD * (i % NR), seq,
                         1500000000 + i * 1000, op, i % 2, 40 + i % 2, 0x100 + i,
                         0x7F0000000000 + i, 2, 3, i, ret)
    return data


def damage(data, seed):
    rng = random.Random(seed)
    for _ in range(rng.randint(1, 40)):
        where = rng.choice((8, 48, 300, len(data)))
        data[rng.randrange(8 if where > 8 else 0, max(where, 9))] = rng.choice((0, 255, rng.randrange(256)))
    # The magic is kept now and then, or nothing behind it would be reached.
    if rng.random() < 0.9:
        struct.pack_into("<QI", data, 0, 0x31304C4E524A4D48, 2)
    for off in (20, 24, 32, 40):
        if rng.random() < 0.3:
            struct.pack_into("<Q", data, off, rng.choice((0, 1, 2**64 - 1, 2**63, len(data),
                                                         len(data) - 1, rng.randrange(2**20))))
    return data[:rng.randrange(len(data))] if rng.random() < 0.3 else data


def write(name, data):
    with open(name, "wb") as f:
        f.write(data)


if len(sys.argv) > 2:
    for n in range(int(sys.argv[3])):
        write(f"{sys.argv[1]}.{n}", damage(journal(), n))
else:
    write(sys.argv[1], journal())
