"""The shelf keeps the best candidates of each cell of what sounds can be like (MAP-Elites, Mouret and Clune 2015).

A shelf is a set cut down by a total order (score, then the smaller index), so adding and merging commute: any order,
from any number of workers, gives the same shelf. It has at most ``CELLS`` times its depth entries.

The bars of a shelf are the least scores that its full cells ask for. A worker that knows them returns only entries that
may still get in. Bars only rise, so old ones let too much pass and never too little.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.description import AT, ROW, Description, from_row, to_row
from cnndsd.ear.kinds import KINDS, kind_number
from cnndsd.ear.scoring import score_row
from cnndsd.farm.drawing import Parent, as_parent
from cnndsd.recipe import Recipe
from cnndsd.sound.compiler import compiled, inlined
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

    def least(self) -> NDArray[np.uint16]:
        """The least score of each cell in parts of 10,000, 0 where the cell is not full; shape ``(CELLS,)``."""
        least = np.zeros(CELLS, np.uint16)
        least[np.frombuffer(self.cells, np.uint32)] = np.frombuffer(self.scores, np.uint16)
        return least


class Entry(msgspec.Struct, frozen=True):
    """A candidate that passed: its index, its score, the description of its sound, and its recipe."""

    index: int
    score: float
    sound: Description
    recipe: Recipe


# An entry without its description and the shape of its recipe: the number of its cell, which of several shapes it has,
# and what else tells it from its neighbours.
HEAD = np.dtype(
    [("cell", np.int32), ("shape", np.int32), ("score", np.float64), ("index", np.int64), ("last_seed", np.int64)]
)
Heads = NDArray[np.void]
Rows = NDArray[np.float64]


class Packed(NamedTuple):
    """Entries as workers return them: heads (``HEAD``) and descriptions (``description.AT``) as bytes, packed shapes.

    Only what is needed is unpacked.
    """

    heads: bytes = b""
    rows: bytes = b""
    shapes: tuple[bytes, ...] = ()


def pack(entries: Sequence[Entry]) -> Packed:
    """Entries in the form in which they travel from process to process."""
    parents = [as_parent(entry.recipe) for entry in entries]
    heads = make_heads(
        [cell_number(cell(entry.sound)) for entry in entries],
        range(len(entries)),
        [entry.score for entry in entries],
        [entry.index for entry in entries],
        [parent.last_seed for parent in parents],
    )
    rows = b"".join(to_row(entry.sound).tobytes() for entry in entries)
    return Packed(heads.tobytes(), rows, tuple(parent.shape for parent in parents))


def make_heads(
    cells: Sequence[int],
    shapes: int | Sequence[int],
    scores: Sequence[float],
    indices: Sequence[int],
    last_seeds: Sequence[int],
) -> Heads:
    """The heads of entries, from their parts."""
    heads = np.empty(len(cells), HEAD)
    heads["cell"], heads["shape"], heads["score"] = cells, shapes, scores
    heads["index"], heads["last_seed"] = indices, last_seeds
    return heads


def unpack(packed: Packed) -> list[Entry]:
    """The entries that were packed."""
    return [
        _entry(head, row, packed.shapes[int(head["shape"])])
        for head, row in zip(np.frombuffer(packed.heads, HEAD), _as_rows(packed.rows), strict=True)
    ]


def _entry(head: Any, row: Rows, shape: bytes) -> Entry:
    recipe = Parent(shape, int(head["last_seed"])).recipe
    return Entry(int(head["index"]), float(head["score"]), from_row(row.tolist()), recipe)


def _as_rows(rows: bytes) -> Rows:
    return np.frombuffer(rows, np.float64).reshape(-1, ROW)


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


def cells_of_kind(kind: Kind) -> tuple[int, int]:
    """The numbers of the cells of a kind, as the first and one more than the last."""
    of_kind = CELLS // len(KINDS)
    first = KINDS.index(kind) * of_kind
    return first, first + of_kind


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
        # Filled cells have places, in the order in which they were filled, and entries have slots. Of each cell its
        # place, or -1; of each place the number of its cell, its slots from best to worst, how many these are, and the
        # least score that the cell asks for, in parts, 0 until it is full.
        self._places = np.full(CELLS, -1, np.int32)
        self._cells, self._least = np.empty(0, np.uint32), np.empty(0, np.uint16)
        self._order, self._filled = np.empty((0, depth), np.int32), np.empty(0, np.int32)
        self._heads, self._rows = np.empty(0, HEAD), np.empty((0, ROW))
        self._shapes: NDArray[np.object_] = np.empty(0, object)
        self._entries: dict[int, Entry] = {}
        # How many places and slots are in use.
        self._used = np.zeros(2, np.int64)
        self.merge(entries)

    def __len__(self) -> int:
        return int(self._used[1])

    @property
    def entries(self) -> list[Entry]:
        """All that is kept, by index."""
        slots = np.argsort(self._heads["index"][: len(self)]).tolist()
        self._entries.update((slot, self.entry(slot)) for slot in slots)
        return [self._entries[slot] for slot in slots]

    @property
    def slots(self) -> dict[int, int]:
        """The slot of each candidate that is kept, by index."""
        return {index: slot for slot, index in enumerate(self._heads["index"][: len(self)].tolist())}

    def entry(self, slot: int) -> Entry:
        """The entry in a slot."""
        return self._entries.get(slot) or _entry(self._heads[slot], self._rows[slot], self._shapes[slot])

    def parent(self, slot: int) -> Parent:
        """The recipe of the entry in a slot."""
        return Parent(self._shapes[slot], int(self._heads["last_seed"][slot]))

    def best(self) -> tuple[NDArray[np.uint32], NDArray[np.int32], Heads]:
        """The numbers of the filled cells, ascending, and of the best in each the slot and the head."""
        count = self._used[0]
        by_number = np.argsort(self._cells[:count])
        slots = self._order[by_number, 0]
        return self._cells[by_number], slots, self._heads[slots]

    @property
    def best_entries(self) -> list[Entry]:
        """The best of each filled cell, by the number of the cell."""
        return [self.entry(slot) for slot in self.best()[1].tolist()]

    def add(self, entry: Entry) -> None:
        """Put a candidate, which was not added before, in its cell, if it is among the best there."""
        self.merge([entry])

    def merge(self, entries: Iterable[Entry]) -> None:
        """Add entries, none of which was added before."""
        self.add_packed(pack([*entries]))

    def add_packed(self, packed: Packed) -> None:
        """As ``merge``."""
        self.put(np.frombuffer(packed.heads, HEAD), _as_rows(packed.rows), packed.shapes)

    def put(self, heads: Heads, rows: Rows, shapes: Sequence[bytes]) -> None:
        """As ``merge``, for entries in parts; the heads count the shapes."""
        if not len(heads):
            return
        self._reserve(len(heads))
        # Those that come as bytes cannot be written. For those that can the compiler would make another variant.
        heads, rows = heads.view(), rows.view()
        heads.flags.writeable = rows.flags.writeable = False
        slots = np.empty(len(heads), np.int32)
        places = (self._places, self._cells, self._order, self._filled, self._least, self._used)
        _put(heads, rows, self._heads, self._rows, *places, slots)
        entered = np.flatnonzero(slots >= 0)
        slots = slots[entered]
        # Of several that entered the same slot the last one is kept.
        self._shapes[slots] = np.array(shapes, object)[heads["shape"][entered]]
        if self._entries:
            for slot in slots.tolist():
                self._entries.pop(slot, None)

    def _reserve(self, more: int) -> None:
        places, slots = self._used.tolist()
        if places + more > len(self._filled):
            self._cells, self._order, self._filled, self._least = (
                _longer(array, places, more) for array in (self._cells, self._order, self._filled, self._least)
            )
        if slots + more > len(self._heads):
            self._heads, self._rows, self._shapes = (
                _longer(array, slots, more) for array in (self._heads, self._rows, self._shapes)
            )

    def least(self, cells: NDArray[np.uint32]) -> NDArray[np.uint16]:
        """The least scores that cells with these numbers ask for, in parts; 0 where they are not full."""
        places = self._places[cells]
        least = self._least[places] if len(self) else np.zeros(len(cells), np.uint16)
        least[places < 0] = 0
        return least

    def bars(self, also: "Shelf | None" = None) -> Bars:
        """What an entry must reach in each full cell; an equal score may still get in by a smaller index.

        ``also``: another shelf that it might get on, instead of this one.
        """
        full = np.flatnonzero(self._filled[: self._used[0]] == self.depth)
        cells, least = self._cells[full], self._least[full]
        if also is not None:
            least = np.minimum(least, also.least(cells))
            cells, least = cells[least > 0], least[least > 0]
        return Bars(cells.tobytes(), least.tobytes())

    def over(self, bars: Bars | None) -> Packed:
        """The entries that reach ``bars``, by index; all of them where there are no bars."""
        heads = self._heads[: len(self)]
        reach = np.arange(len(self))
        if bars is not None:
            reach = np.flatnonzero(score_parts(heads["score"]) >= bars.least()[heads["cell"]])
        slots = reach[np.argsort(heads["index"][reach])]
        numbers: dict[bytes, int] = {}
        heads = heads[slots]
        heads["shape"] = [numbers.setdefault(self._shapes[slot], len(numbers)) for slot in slots.tolist()]
        return Packed(heads.tobytes(), self._rows[slots].tobytes(), tuple(numbers))


def _longer(array: Any, used: int, more: int) -> Any:
    """An array with room for more, twice as much if that is not enough."""
    longer = np.empty((max(2 * len(array), used + more), *array.shape[1:]), array.dtype)
    longer[:used] = array[:used]
    return longer


@compiled
def _put(new, new_rows, heads, rows, places, cells, order, filled, least, used, slots):  # type: ignore[no-untyped-def]
    """Put entries on a shelf, whose arrays these are, and fill in the slot of each, or -1. Two have never one index."""
    depth = order.shape[1]
    for n in range(len(new)):
        number, score, index = new[n].cell, new[n].score, new[n].index
        place = places[number]
        if place < 0:
            place = used[0]
            used[0] += 1
            places[number], cells[place], filled[place], least[place] = place, number, 0, 0
        at = filled[place]
        slot = used[1]
        if at == depth:
            at -= 1
            slot = order[place, at]
            if not _is_better(score, index, heads[slot]):
                slots[n] = -1
                continue
        else:
            used[1] += 1
            filled[place] += 1
        while at > 0 and _is_better(score, index, heads[order[place, at - 1]]):
            order[place, at] = order[place, at - 1]
            at -= 1
        order[place, at] = slot
        heads[slot] = new[n]
        rows[slot] = new_rows[n]
        slots[n] = slot
        if filled[place] == depth:
            least[place] = round(heads[order[place, depth - 1]].score * _SCORE_PARTS)


@inlined
def _is_better(score, index, head):  # type: ignore[no-untyped-def]
    return score > head.score or (score == head.score and index < head.index)


def score_parts(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Scores in the unit of bars."""
    return np.rint(scores * _SCORE_PARTS).astype(np.int64)
