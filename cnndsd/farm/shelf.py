"""The shelf keeps the best candidates of each cell of what sounds can be like (MAP-Elites, Mouret and Clune 2015).

A shelf is a set cut down by a total order (score, then the smaller index), so adding and merging commute: any order,
from any number of workers, gives the same shelf. It has at most ``CELLS`` times its depth entries.

The bars of a shelf are the least scores that its full cells ask for. A worker that knows them returns only entries that
may still get in. Bars only rise, so old ones let too much pass and never too little.
"""

import math
from bisect import insort
from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import numpy as np

from cnndsd.ear.describing import Description
from cnndsd.ear.kinds import KINDS, kind
from cnndsd.recipe import Recipe
from cnndsd.spec import Kind


class Cell(NamedTuple):
    """A kind of sound, and how bright, noisy, lively, long and wide it is, each as one of a few classes."""

    kind: Kind
    brightness: int
    noisiness: int
    liveliness: int
    length: int
    width: int


# How many values each number of a cell has.
_SIZES = (10, 4, 4, 5, 4)
_KIND_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
CELLS = len(KINDS) * math.prod(_SIZES)
# Scores are rounded to so many parts of 1.
_SCORE_PARTS = 10_000


class Bars(NamedTuple):
    """Numbers of full cells, and the least score in each in parts of 10,000, both as bytes of uint16."""

    cells: bytes
    scores: bytes


class Entry(msgspec.Struct, frozen=True):
    """A candidate that passed: its index, its score, the description of its sound, and its recipe."""

    index: int
    score: float
    sound: Description
    recipe: Recipe


def cell(sound: Description) -> Cell:
    """The cell of a sound."""
    return Cell(
        kind(sound),
        # Classes of 0.8 octaves from 60 Hz.
        min(9, max(0, int(1.25 * math.log2(max(sound.brightness_hz, 60.0) / 60.0)))),
        min(3, int(4.0 * math.sqrt(sound.flatness))),
        (sound.late_db > 1.0) + (sound.late_db > 3.0) + (sound.late_db > 7.0),
        (sound.sounding_s > 0.1) + (sound.sounding_s > 0.3) + (sound.sounding_s > 0.8) + (sound.sounding_s > 2.0),
        min(3, int(2.0 * sound.bandwidth_octaves)),
    )


def cell_number(place: Cell) -> int:
    """The number of a cell, 0 to ``CELLS - 1``."""
    kind, brightness, noisiness, liveliness, length, width = place
    by_brightness, by_noisiness, by_liveliness, by_length, by_width = _SIZES
    number = _KIND_NUMBERS[kind] * by_brightness + brightness
    number = (number * by_noisiness + noisiness) * by_liveliness + liveliness
    return (number * by_length + length) * by_width + width


class Shelf:
    """The best ``depth`` candidates of each cell."""

    def __init__(self, depth: int = 1, entries: Iterable[Entry] = ()) -> None:
        self.depth = depth
        self._cells: dict[int, list[Entry]] = {}
        # The least score of each full cell, in parts of 1, and which cells are full. The bars are made of them.
        self._least = np.zeros(CELLS, np.uint16)
        self._is_full = np.zeros(CELLS, bool)
        self._bars: Bars | None = Bars(b"", b"")
        self.merge(entries)

    def __len__(self) -> int:
        return sum(map(len, self._cells.values()))

    @property
    def entries(self) -> list[Entry]:
        """All that is kept, by index."""
        return sorted((e for kept in self._cells.values() for e in kept), key=lambda e: e.index)

    @property
    def cells(self) -> list[list[Entry]]:
        """What is kept in each cell, from the best on, by the number of the cell."""
        return [self._cells[number] for number in sorted(self._cells)]

    def add(self, entry: Entry, number: int | None = None) -> None:
        """Put a candidate in its cell, whose ``number`` may be known, if it is among the best there."""
        number = cell_number(cell(entry.sound)) if number is None else number
        kept = self._cells.setdefault(number, [])
        if len(kept) < self.depth or _rank(entry) < _rank(kept[-1]):
            insort(kept, entry, key=_rank)
            del kept[self.depth :]
            if len(kept) == self.depth:
                self._least[number] = _parts(kept[-1].score)
                self._is_full[number] = True
                self._bars = None

    def merge(self, entries: Iterable[Entry]) -> None:
        """Add another shelf's entries."""
        for entry in entries:
            self.add(entry)

    def bars(self) -> Bars:
        """What an entry must reach in each full cell; an equal score may still get in by a smaller index."""
        if self._bars is None:
            full = np.flatnonzero(self._is_full)
            self._bars = Bars(full.astype(np.uint16).tobytes(), self._least[full].tobytes())
        return self._bars

    def over(self, bars: Bars | None) -> dict[int, list[Entry]]:
        """The entries that reach ``bars``, by the numbers of their cells; all of them where there are no bars."""
        cells, scores = (np.frombuffer(part, np.uint16).tolist() for part in bars or (b"", b""))
        least = dict(zip(cells, scores, strict=True))
        reach = {
            number: [entry for entry in kept if _parts(entry.score) >= least.get(number, 0)]
            for number, kept in self._cells.items()
        }
        return {number: kept for number, kept in reach.items() if kept}


def _parts(score: float) -> int:
    return round(score * _SCORE_PARTS)


def _rank(entry: Entry) -> tuple[float, int]:
    return -entry.score, entry.index
