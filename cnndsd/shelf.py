"""The shelf keeps the best candidates of each cell of what sounds can be like (MAP-Elites, Mouret and Clune 2015).

A shelf is a set cut down by a total order (score, then the smaller index), so adding and merging commute: any order,
from any number of workers, gives the same shelf. It has at most ``CELLS`` times its depth entries.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from cnndsd.describe import Description
from cnndsd.kind import KINDS, kind
from cnndsd.spec import Kind


class Cell(NamedTuple):
    """A kind of sound, and how bright, noisy, lively, long and wide it is, each in a few steps."""

    kind: Kind
    brightness: int
    noisiness: int
    liveliness: int
    length: int
    width: int


_STEPS = (10, 4, 4, 5, 4)
CELLS = len(KINDS) * math.prod(_STEPS)


class Entry(msgspec.Struct, frozen=True):
    """A candidate that may pass."""

    index: int
    score: float
    sound: Description


def cell(sound: Description) -> Cell:
    """Where a sound belongs."""
    return Cell(
        kind(sound),
        # Steps of 0.8 octaves from 60 Hz.
        min(9, max(0, int(1.25 * math.log2(max(sound.brightness_hz, 60.0) / 60.0)))),
        min(3, int(4.0 * math.sqrt(sound.flatness))),
        (sound.late_db > 1.0) + (sound.late_db > 3.0) + (sound.late_db > 7.0),
        (sound.sounding_s > 0.1) + (sound.sounding_s > 0.3) + (sound.sounding_s > 0.8) + (sound.sounding_s > 2.0),
        min(3, int(2.0 * sound.bandwidth_octaves)),
    )


class Shelf:
    """The best ``depth`` candidates of each cell."""

    def __init__(self, depth: int = 1, entries: Iterable[Entry] = ()) -> None:
        self.depth = depth
        self._cells: dict[Cell, list[Entry]] = {}
        self.merge(entries)

    def __len__(self) -> int:
        return sum(map(len, self._cells.values()))

    @property
    def entries(self) -> list[Entry]:
        """All that is kept, by index."""
        return sorted((e for kept in self._cells.values() for e in kept), key=lambda e: e.index)

    def add(self, entry: Entry) -> None:
        """Put a candidate in its cell, if it is among the best there."""
        kept = self._cells.setdefault(cell(entry.sound), [])
        if len(kept) < self.depth or _rank(entry) < _rank(kept[-1]):
            kept.append(entry)
            kept.sort(key=_rank)
            del kept[self.depth :]

    def merge(self, entries: Iterable[Entry]) -> None:
        """Add another shelf's entries."""
        for entry in entries:
            self.add(entry)


def _rank(entry: Entry) -> tuple[float, int]:
    return -entry.score, entry.index
