"""The shelf keeps the best candidates of each cell of what sounds can be like (MAP-Elites, Mouret and Clune 2015).

A shelf is a set cut down by a total order (score, then the smaller index), so adding and merging commute: any order,
from any number of workers, gives the same shelf. It has at most ``CELLS`` times its depth entries.

The bars of a shelf are the least scores that its full cells ask for. A worker that knows them returns only entries that
may still get in. Bars only rise, so old ones let too much pass and never too little.
"""

import itertools
import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.description import AT, Description, from_row, to_row
from cnndsd.ear.kinds import KINDS, kind_number
from cnndsd.ear.scoring import score_row
from cnndsd.recipe import Recipe, pack_recipe
from cnndsd.sound.compiler import compiled
from cnndsd.spec import Kind


class Cell(NamedTuple):
    """A kind of sound, and how bright, noisy, active, long, wide and rhythmic it is, each as one of a few classes."""

    kind: Kind
    brightness: int
    noisiness: int
    activity: int
    length: int
    width: int
    rhythm: int


# How many values each part of a cell has.
SIZES = (len(KINDS), 10, 4, 4, 5, 4, 4)
CELLS = math.prod(SIZES)
# Scores are rounded to so many parts of 1.
_SCORE_PARTS = 10_000


class Bars(NamedTuple):
    """Numbers of full cells as bytes of uint32, and the least score in each in parts of 10,000 as bytes of uint16."""

    cells: bytes
    scores: bytes

    def least(self) -> dict[int, int]:
        """The least score in each full cell."""
        return dict(zip(array("I", self.cells), array("H", self.scores), strict=True))


class Entry(msgspec.Struct, frozen=True):
    """A candidate that passed: its index, its score, the description of its sound, and its recipe."""

    index: int
    score: float
    sound: Description
    recipe: Recipe


# An entry as workers return it: its score with the sign changed, its index, and the rest as bytes, which are unpacked
# only when they are needed. Smaller tuples are better. On a shelf the entry itself may be in place of the bytes.
Packed = tuple[float, int, bytes]
Item = tuple[float, int, bytes | Entry]
_UNPACK = msgspec.msgpack.Decoder(tuple[bytes, Recipe])
_TAKE_APART = msgspec.msgpack.Decoder(tuple[msgspec.Raw, msgspec.Raw])


def pack(entry: Entry) -> Packed:
    """An entry in the form in which it travels from process to process."""
    return pack_row(entry.index, entry.score, to_row(entry.sound), entry.recipe)


def pack_row(index: int, score: float, row: NDArray[np.float64], recipe: Recipe) -> Packed:
    """As ``pack``, of an entry whose sound is described as a row of numbers (see ``description.AT``)."""
    return -score, index, msgspec.msgpack.encode((row.tobytes(), recipe))


def unpack(item: Item) -> Entry:
    """The entry of an item."""
    negative_score, index, rest = item
    if isinstance(rest, Entry):
        return rest
    sound, recipe = _UNPACK.decode(rest)
    return Entry(index, -negative_score, from_row(np.frombuffer(sound).tolist()), recipe)


def packed_recipe(item: Item) -> bytes:
    """The recipe of an item, as ``pack_recipe`` packs it; an item that is packed is not unpacked for it."""
    rest = item[2]
    return pack_recipe(rest.recipe) if isinstance(rest, Entry) else bytes(_TAKE_APART.decode(rest)[1])


def cell(sound: Description) -> Cell:
    """The cell of a sound."""
    number, *classes = (int(place) for place in row_cell(to_row(sound)))
    return Cell(KINDS[number], *classes)


@compiled
def row_cell(row):  # type: ignore[no-untyped-def]
    """``cell`` of a description as a row of numbers (see ``description.AT``); the kind is its place in ``KINDS``."""
    activity, sounding_s, rhythm_db = row[AT.activity], row[AT.sounding_s], row[AT.rhythm_db]
    return (
        kind_number(row),
        # Classes of 0.8 octaves from 60 Hz.
        min(9, max(0, int(1.25 * math.log2(max(row[AT.brightness_hz], 60.0) / 60.0)))),
        min(3, int(4.0 * math.sqrt(row[AT.flatness]))),
        (activity > 0.2) + (activity > 0.4) + (activity > 0.6),
        (sounding_s > 0.1) + (sounding_s > 0.3) + (sounding_s > 0.8) + (sounding_s > 2.0),
        min(3, int(2.0 * row[AT.bandwidth_octaves])),
        (rhythm_db > 1.0) + (rhythm_db > 2.0) + (rhythm_db > 4.0),
    )


def cell_number(place: Cell) -> int:
    """The number of a cell, 0 to ``CELLS - 1``."""
    return int(_number(KINDS.index(place.kind), *place[1:]))


@compiled
def _number(kind, brightness, noisiness, activity, length, width, rhythm):  # type: ignore[no-untyped-def]
    _, by_brightness, by_noisiness, by_activity, by_length, by_width, by_rhythm = SIZES
    number = kind * by_brightness + brightness
    number = (number * by_noisiness + noisiness) * by_activity + activity
    return ((number * by_length + length) * by_width + width) * by_rhythm + rhythm


def kind_of_cell(number: int) -> Kind:
    """The kind of the sounds in the cell of this number."""
    return KINDS[number * len(KINDS) // CELLS]


def appraise_all(rows: Sequence[NDArray[np.float64]]) -> tuple[list[float], list[int]]:
    """The scores, and the numbers of the cells, of descriptions as rows of numbers."""
    scores, cells = np.empty(len(rows)), np.empty(len(rows), np.int64)
    if len(rows):
        appraise_rows(np.stack(rows), scores, cells)
    return scores.tolist(), cells.tolist()


@compiled
def appraise_rows(rows, scores, cells):  # type: ignore[no-untyped-def]
    """Fill in the score and the number of the cell of each description as a row of numbers."""
    for n in range(rows.shape[0]):
        scores[n] = score_row(rows[n])
        kind, brightness, noisiness, activity, length, width, rhythm = row_cell(rows[n])
        cells[n] = _number(kind, brightness, noisiness, activity, length, width, rhythm)


class Shelf:
    """The best ``depth`` candidates of each cell."""

    def __init__(self, depth: int = 1, entries: Iterable[Entry] = ()) -> None:
        self.depth = depth
        # From best to worst. The last parts of two items are never compared, as no two have the same index.
        self._cells: dict[int, list[Item]] = {}
        # The full cells in the order in which they became full, the place of each in it, and the least score in each.
        self._full, self._places, self._least = array("I"), dict[int, int](), array("H")
        self.merge(entries)

    def __len__(self) -> int:
        return sum(map(len, self._cells.values()))

    @property
    def entries(self) -> list[Entry]:
        """All that is kept, by index."""
        entries = []
        for kept in self._cells.values():
            for place, item in enumerate(kept):
                entry = unpack(item)
                kept[place] = item[0], item[1], entry
                entries.append(entry)
        return sorted(entries, key=attrgetter("index"))

    @property
    def items(self) -> Iterator[Item]:
        """All that is kept, in any order, not unpacked."""
        return itertools.chain.from_iterable(self._cells.values())

    @property
    def best(self) -> list[tuple[int, Item]]:
        """The number of each filled cell and the best in it, not unpacked, by number."""
        return [(number, self._cells[number][0]) for number in sorted(self._cells)]

    def add(self, entry: Entry) -> None:
        """Put a candidate, which was not added before, in its cell, if it is among the best there."""
        self._put(cell_number(cell(entry.sound)), [(-entry.score, entry.index, entry)])

    def add_packed(self, number: int, entries: Iterable[Packed]) -> None:
        """As ``add``, for candidates of one cell, whose number is known."""
        self._put(number, entries)

    def takes(self, number: int, score: float, index: int) -> bool:
        """Whether a candidate in the cell of this number would stay on the shelf."""
        kept = self._cells.get(number, [])
        return len(kept) < self.depth or (-score, index) < kept[-1][:2]

    def _put(self, number: int, new: Iterable[Item]) -> None:
        kept = self._cells.get(number)
        if kept is None:
            kept = self._cells[number] = []
        elif len(kept) == self.depth:
            # Most come too late: bars that workers know are older.
            new = [item for item in new if item < kept[-1]]
            if not new:
                return
        kept += new
        if len(kept) > 1:
            kept.sort()
        if len(kept) >= self.depth:
            del kept[self.depth :]
            least = score_parts(-kept[-1][0])
            place = self._places.setdefault(number, len(self._full))
            if place == len(self._full):
                self._full.append(number)
                self._least.append(least)
            else:
                self._least[place] = least

    def take(self, other: "Shelf") -> None:
        """Add all of another shelf, not unpacked."""
        for number, kept in other._cells.items():
            self._put(number, kept)

    def merge(self, entries: Iterable[Entry]) -> None:
        """Add another shelf's entries."""
        for entry in entries:
            self.add(entry)

    def bars(self) -> Bars:
        """What an entry must reach in each full cell; an equal score may still get in by a smaller index."""
        return Bars(self._full.tobytes(), self._least.tobytes())

    def over(self, bars: Bars | None) -> dict[int, list[Packed]]:
        """The entries that reach ``bars``, by the numbers of their cells; all of them where there are no bars."""
        least = {} if bars is None else bars.least()
        reach = {
            number: [
                (negative_score, index, rest) if isinstance(rest, bytes) else pack(rest)
                for negative_score, index, rest in kept
                if score_parts(-negative_score) >= least.get(number, 0)
            ]
            for number, kept in self._cells.items()
        }
        return {number: kept for number, kept in reach.items() if kept}


def score_parts(score: float) -> int:
    """A score in the unit of bars."""
    return round(score * _SCORE_PARTS)
