"""Judging candidates some of which are poison: each ends its worker, or never ends, in a way of its own."""

import ctypes
import os
import sys
import time
from pathlib import Path

from cnndsd.farm import units
from cnndsd.farm.findings import Findings

_judged = units.judge_drawn


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


def judge_unit(spec, seed, first, count, wanted, bars, parents, poison):
    """``units.judge_unit`` with ``poison``, index -> name."""

    def poisoned(spec, drawn, memory):
        for lane in range(len(drawn.seeds)):
            if drawn.first + lane in poison:
                POISONS[poison[drawn.first + lane]]()
        return _judged(spec, drawn, memory)

    units.judge_drawn = poisoned
    try:
        return units.judge_unit(spec, seed, first, count, wanted, bars, parents)
    finally:
        units.judge_drawn = _judged


def die_once(spec, seed, first, count, wanted, bars, parents, folder):
    """``units.judge_unit``, but of each unit the first worker is killed."""
    try:
        (Path(folder) / str(first)).touch(exist_ok=False)
    except FileExistsError:
        return units.judge_unit(spec, seed, first, count, wanted, bars, parents)
    os.kill(os.getpid(), 9)
    return None


def endless_from(spec, seed, first, count, wanted, bars, parents, border):
    """``units.judge_unit``, but units beyond candidate ``border`` never end."""
    if first + count > border:
        endless()
    return units.judge_unit(spec, seed, first, count, wanted, bars, parents)


def judge_slowly(*work):
    """``units.judge_unit``, but no unit takes less than a fifth of a second."""
    time.sleep(0.2)
    return units.judge_unit(*work)


def judge_for_ever(*_):
    """A unit that never ends; a file says that it has begun."""
    Path("judging").touch()
    endless()


class With:
    """A judge that can be sent to a worker, with one more argument."""

    def __init__(self, judge, extra):
        self.judge, self.extra = judge, extra

    def __call__(self, *arguments):
        return self.judge(*arguments, self.extra)


def judged_without(spec, left_out):
    """What is found in the candidates that are not poisoned, each judged alone."""
    found = Findings(4)
    for index in set(range(spec.candidates)) - set(left_out):
        found.add(units.judge_unit(spec, 1, index, 1))
    return found
