"""The shelf keeps the best candidates of each cell of what sounds can be like (MAP-Elites, Mouret and Clune 2015).

A shelf is a set cut down by a total order (score, then the smaller index), so adding and merging commute: any order,
from any number of workers, gives the same shelf. It has at most ``CELLS`` times its depth entries.

The thresholds of a shelf are the least scores that its full cells ask for. A worker that knows them returns only
entries that may still get in. Thresholds only rise, so old ones let too much pass and never too little.
"""

import functools
import math
from collections.abc import Collection, Iterable, Sequence
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.description import AT, ROW, Description, from_row, to_row
from cnndsd.ear.kinds import KINDS, kind_number
from cnndsd.ear.scoring import score_row
from cnndsd.farm.drawing import as_parent
from cnndsd.farm.storage import HEAD, Heads, Rows, Slots, Store, lengthen
from cnndsd.recipe import Recipe, packed_fields, unpack_recipe
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


class Thresholds(NamedTuple):
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
    score: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
    sound: Description
    recipe: Recipe


class PackedEntries(NamedTuple):
    """Entries as workers return them: heads (``HEAD``) and descriptions (``description.AT``) as bytes, and packed
    templates.

    Only what is needed is unpacked.
    """

    heads: bytes = b""
    rows: bytes = b""
    templates: tuple[bytes, ...] = ()


def pack_entries(entries: Sequence[Entry]) -> PackedEntries:
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
    return PackedEntries(heads.tobytes(), rows, tuple(parent.template for parent in parents))


def make_heads(
    cells: Sequence[int],
    templates: int | Sequence[int],
    scores: Sequence[float],
    indices: Sequence[int],
    last_seeds: Sequence[int],
) -> Heads:
    """The heads of entries, from their parts."""
    heads = np.empty(len(cells), HEAD)
    heads["cell"], heads["template"], heads["score"] = cells, templates, scores
    heads["index"], heads["last_seed"] = indices, last_seeds
    return heads


def unpack_entries(packed: PackedEntries) -> list[Entry]:
    """The entries that were packed."""
    store = Store()
    return [Stored(store, slot).entry for slot in add_packed(store, packed).tolist()]


def add_packed(store: Store, packed: PackedEntries) -> Slots:
    """Store entries that were packed; see ``Store.add``."""
    return store.add(np.frombuffer(packed.heads, HEAD), _as_rows(packed.rows), packed.templates)


class Stored:
    """An entry in a store. What is asked of it is unpacked, and not kept: unpacked entries take some kB each."""

    __slots__ = ("_slot", "_store", "index", "score")

    def __init__(self, store: Store, slot: int) -> None:
        self._store, self._slot = store, slot
        self.index, self.score = int(store.heads["index"][slot]), float(store.heads["score"][slot])

    @property
    def sound(self) -> Description:
        """The description of its sound."""
        return from_row(self._store.rows[self._slot].tolist())

    @property
    def recipe(self) -> Recipe:
        """Its recipe."""
        (parent,) = self._store.parents([self._slot])
        return _unpack_template(parent.template).reseeded(parent.last_seed)

    @property
    def entry(self) -> Entry:
        """All of it."""
        return Entry(self.index, self.score, self.sound, self.recipe)

    @property
    def json(self) -> bytes:
        """``entry`` as JSON."""
        (parent,) = self._store.parents([self._slot])
        fields = packed_fields(parent.template, parent.last_seed)
        return msgspec.json.encode({"index": self.index, "score": self.score, "sound": self.sound, "recipe": fields})


def as_entry(entry: Entry | Stored) -> Entry:
    """An entry, unpacked if it is not yet."""
    return entry.entry if isinstance(entry, Stored) else entry


# Siblings, which are unpacked one after the other, share their template.
_unpack_template = functools.lru_cache(maxsize=64)(unpack_recipe)


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
    """The best ``depth`` candidates of each cell.

    ``store``: where their parts are; shelves that have one in common store an entry once.
    """

    def __init__(self, depth: int = 1, entries: Iterable[Entry] = (), store: Store | None = None) -> None:
        self.depth = depth
        self.store = Store() if store is None else store
        # Filled cells have places, in the order in which they were filled. Of each cell its place, or -1; of each place
        # the number of its cell, the slots of its entries from best to worst, how many these are, and the least score
        # that the cell asks for, in parts, 0 until it is full.
        self._places = np.full(CELLS, -1, np.int32)
        self._cells, self._least = np.empty(0, np.uint32), np.empty(0, np.uint16)
        self._order, self._filled = np.empty((0, depth), np.int32), np.empty(0, np.int32)
        # How many places are in use, and how many entries are kept.
        self._used = np.zeros(2, np.int64)
        self.merge(entries)

    def __len__(self) -> int:
        return int(self._used[1])

    @property
    def slots(self) -> Slots:
        """The slots of all that is kept, in the order of their cells' places."""
        count = self._used[0]
        return self._order[:count][np.arange(self.depth) < self._filled[:count, None]]

    @property
    def by_index(self) -> Slots:
        """The slots of all that is kept, by index."""
        slots = self.slots
        return slots[np.argsort(self.store.heads["index"][slots])]

    @property
    def stored(self) -> list[Stored]:
        """All that is kept, by index. It is not to be used any more when other entries are added."""
        return [Stored(self.store, slot) for slot in self.by_index.tolist()]

    @property
    def entries(self) -> list[Entry]:
        """All that is kept, by index."""
        return [stored.entry for stored in self.stored]

    def find(self, indices: Collection[int]) -> list[Entry]:
        """Those of these candidates that are kept, by index."""
        slots = self.by_index
        is_one = np.isin(self.store.heads["index"][slots], [*indices])
        return [Stored(self.store, slot).entry for slot in slots[is_one].tolist()]

    def best(self) -> tuple[NDArray[np.int64], Slots]:
        """The numbers of the filled cells, ascending, and the slots of the best in each."""
        numbers = np.flatnonzero(self._places >= 0)
        return numbers, self._order[self._places[numbers], 0]

    @property
    def best_scores(self) -> NDArray[np.float64]:
        """The score of the best of each filled cell, by the number of the cell."""
        scores: NDArray[np.float64] = self.store.heads["score"][self.best()[1]]
        return scores

    @property
    def best_entries(self) -> list[Entry]:
        """The best of each filled cell, by the number of the cell."""
        return [Stored(self.store, slot).entry for slot in self.best()[1].tolist()]

    def add(self, entry: Entry) -> None:
        """Put a candidate, which was not added before, in its cell, if it is among the best there."""
        self.merge([entry])

    def merge(self, entries: Iterable[Entry]) -> None:
        """Add entries, none of which was added before."""
        self.add_packed(pack_entries([*entries]))

    def add_packed(self, packed: PackedEntries) -> None:
        """As ``merge``."""
        self._add_and_let_go(add_packed(self.store, packed))

    def put(self, heads: Heads, rows: Rows, templates: Sequence[bytes]) -> None:
        """As ``merge``, for entries in parts; ``template`` of a head is a place in ``templates``."""
        self._add_and_let_go(self.store.add(heads, rows, templates))

    def _add_and_let_go(self, slots: Slots) -> None:
        self.add_slots(slots)
        self.store.let_go(slots)

    def add_slots(self, slots: Slots) -> None:
        """As ``merge``, for entries that are in the store."""
        if not len(slots):
            return
        used = int(self._used[0])
        if used + len(slots) > len(self._filled):
            lengthen(self, ("_cells", "_order", "_filled", "_least"), used, len(slots))
        left = np.empty(len(slots), np.int32)
        places = (self._places, self._cells, self._order, self._filled, self._least, self._used)
        count = _add_slots(slots, self.store.heads, self.store.users, *places, left)
        self.store.let_go(left[:count])

    def add_shelf(self, other: "Shelf") -> None:
        """Add what is kept on another shelf of the same store, which is not used any more."""
        self._add_and_let_go(other.slots)

    def least(self, cells: NDArray[np.uint32]) -> NDArray[np.uint16]:
        """The least scores that cells with these numbers ask for, in parts; 0 where they are not full."""
        places = self._places[cells]
        least = self._least[places] if len(self) else np.zeros(len(cells), np.uint16)
        least[places < 0] = 0
        return least

    def thresholds(self, also: "Shelf | None" = None) -> Thresholds:
        """What an entry must reach in each full cell; an equal score may still get in by a smaller index.

        ``also``: another shelf that it might get on, instead of this one.
        """
        full = np.flatnonzero(self._filled[: self._used[0]] == self.depth)
        cells, least = self._cells[full], self._least[full]
        if also is not None:
            least = np.minimum(least, also.least(cells))
            cells, least = cells[least > 0], least[least > 0]
        return Thresholds(cells.tobytes(), least.tobytes())

    def over(self, thresholds: Thresholds | None) -> PackedEntries:
        """The entries that reach ``thresholds``, by index; all of them where there are no thresholds."""
        slots, store = self.by_index, self.store
        heads = store.heads[slots]
        if thresholds is not None:
            reach = score_parts(heads["score"]) >= thresholds.least()[heads["cell"]]
            slots, heads = slots[reach], heads[reach]
        numbers: dict[bytes, int] = {}
        heads["template"] = [numbers.setdefault(template, len(numbers)) for template in store.templates[slots]]
        return PackedEntries(heads.tobytes(), store.rows[slots].tobytes(), tuple(numbers))


@compiled
def _add_slots(slots, heads, users, places, cells, order, filled, least, used, left):  # type: ignore[no-untyped-def]
    """Put entries on a shelf, whose arrays these are, and those that lose their places in ``left``.

    Returns how many these are. Two entries have never one index.
    """
    depth, count = order.shape[1], 0
    for n in range(len(slots)):
        slot = slots[n]
        number, score, index = heads[slot].cell, heads[slot].score, heads[slot].index
        place = places[number]
        if place < 0:
            place = used[0]
            used[0] += 1
            places[number], cells[place], filled[place], least[place] = place, number, 0, 0
        at = filled[place]
        if at == depth:
            at -= 1
            if not _is_better(score, index, heads[order[place, at]]):
                continue
            left[count] = order[place, at]
            count += 1
        else:
            used[1] += 1
            filled[place] += 1
        while at > 0 and _is_better(score, index, heads[order[place, at - 1]]):
            order[place, at] = order[place, at - 1]
            at -= 1
        order[place, at] = slot
        users[slot] += 1
        if filled[place] == depth:
            least[place] = round(heads[order[place, depth - 1]].score * _SCORE_PARTS)
    return count


@inlined
def _is_better(score, index, head):  # type: ignore[no-untyped-def]
    return score > head.score or (score == head.score and index < head.index)


def score_parts(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Scores in the unit of thresholds."""
    return np.rint(scores * _SCORE_PARTS).astype(np.int64)
