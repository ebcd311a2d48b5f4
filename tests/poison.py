"""Judging candidates some of which are poison: each ends its worker, or never ends, in a way of its own."""

import ctypes
import os
import sys
import time
from pathlib import Path

from cnndsd import farm

_judged = farm.judged


def segfault():
    ctypes.string_at(0)


def endless():
    while True:
        time.sleep(0.1)


def allocate():
    # More than any machine has, and touched, or refused.
    return [bytearray(2**40) for _ in range(2**20)]


POISONS = {"segfault": segfault, "abort": os.abort, "endless": endless, "exit": lambda: os._exit(3),
           "quit": sys.exit, "allocate": allocate, "divide": lambda: 1 // 0}  # fmt: skip


def judge_unit(spec, seed, first, count, wanted, poison):
    """``farm.judge_unit`` with ``poison``, index -> name."""

    def poisoned(spec, seed, first, count, memory):
        for index in range(first, first + count):
            if index in poison:
                POISONS[poison[index]]()
        return _judged(spec, seed, first, count, memory)

    farm.judged = poisoned
    try:
        return farm.judge_unit(spec, seed, first, count, wanted)
    finally:
        farm.judged = _judged


def die_once(spec, seed, first, count, wanted, folder):
    """``farm.judge_unit``, but of each unit the first worker is killed."""
    try:
        (Path(folder) / str(first)).touch(exist_ok=False)
    except FileExistsError:
        return farm.judge_unit(spec, seed, first, count, wanted)
    os.kill(os.getpid(), 9)
    return None
