"""The findings of a run: which candidates were judged, why some were refused, and the best of the rest.

Results of units may be added in any order, and twice: the same candidates always make the same findings.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Literal

import msgspec
import numpy as np

from cnndsd.farm.drawing import BLOCK, SIBLINGS, Parent
from cnndsd.farm.generations import Generations
from cnndsd.farm.shelf import Entry, PackedEntries, Shelf, Stored, Thresholds, add_packed, pack_entries
from cnndsd.recipe import Recipe
from cnndsd.spec import Spec

# The reason under which candidates that could not be judged are counted.
SET_ASIDE = "set aside"
# Thresholds are made anew after so large a part of all candidates: they rise slowly, and old ones let little more pass.
_THRESHOLDS_SHARE = 32
# So many entries of an earlier time are unpacked at a time: they take more room than the shelf.
_TOGETHER = 256
Pick = Literal["keep", "drop"]


class Aside(msgspec.Struct, frozen=True):
    """A candidate that could not be judged, since its worker died or raised: how, and its recipe."""

    how: str
    recipe: Recipe


class UnitResult(msgspec.Struct, frozen=True):
    """What judging the candidates ``first`` to ``first + count - 1`` found.

    ``refused``: how many by reason. ``entries``: the best of each cell.
    """

    first: int
    count: int
    refused: dict[str, int]
    entries: PackedEntries = PackedEntries()
    aside: dict[int, Aside] = {}


class Findings:
    """All that was found so far.

    ``depth``: how many candidates the shelf keeps in each cell. ``generations``: None when all are drawn afresh.
    """

    def __init__(self, depth: int = 1, generations: Generations | None = None) -> None:
        self.generations = generations
        self.shelf = Shelf(depth, store=None if generations is None else generations.store)
        self._thresholds, self._thresholds_due = Thresholds(b"", b""), 0
        # Entries that stay although the shelf may drop them: picked by ear in an earlier process, or listed.
        self.pinned: dict[int, Entry] = {}
        self.refused: Counter[str] = Counter()
        self.aside: dict[int, Aside] = {}
        # What the user picked by ear.
        self.picks: dict[int, Pick] = {}
        # The candidates that were judged, as ranges [first, stop), ascending, with gaps between them.
        self.done: list[tuple[int, int]] = []

    @property
    def candidates(self) -> int:
        """How many were judged."""
        return sum(stop - first for first, stop in self.done)

    @property
    def passed(self) -> int:
        """Candidates that were not refused."""
        return self.candidates - self.refused.total()

    @property
    def kept(self) -> int:
        """How many are on the shelf."""
        return len(self.shelf)

    @property
    def entries(self) -> list[Entry]:
        """The candidates on the shelf that were not set aside, by index."""
        return [stored.entry for stored in self.stored]

    @property
    def stored(self) -> list[Stored]:
        """As ``entries``, in a tenth of the room; good until more is added."""
        return [stored for stored in self.shelf.stored if stored.index not in self.aside]

    def picked(self, pick: Pick) -> list[int]:
        """The candidates that the user kept, or dropped, ascending."""
        return sorted(index for index, said in self.picks.items() if said == pick and index not in self.aside)

    def known(self, indices: Collection[int]) -> dict[int, Entry]:
        """Those of these entries whose recipes are known, by index."""
        pinned = {index: self.pinned[index] for index in indices if index in self.pinned}
        return {entry.index: entry for entry in self.shelf.find(indices)} | pinned

    @property
    def reach(self) -> int:
        """One more than the last candidate that was judged."""
        return self.done[-1][1] if self.done else 0

    def add(self, result: UnitResult) -> None:
        """Add the result of a unit, unless it was added before. ``ValueError`` when only a part of it was."""
        first, stop = result.first, result.first + result.count
        if self._take(first, stop):
            self.refused.update(result.refused)
            slots = add_packed(self.shelf.store, result.entries)
            self.shelf.add_slots(slots)
            if self.generations is not None:
                self.generations.add_slots(first // BLOCK, slots)
            self.shelf.store.let_go(slots)
            for index, aside in result.aside.items():
                self._note_aside(index, aside)
            self._close_generations()

    def set_aside(self, index: int, aside: Aside) -> None:
        """Leave a candidate out, whether it was judged or not."""
        self._take(index, index + 1)
        self._note_aside(index, aside)
        self._close_generations()

    @property
    def horizon(self) -> int | None:
        """The candidates below this one may be judged; None: all."""
        return None if self.generations is None else self.generations.horizon

    @property
    def parents(self) -> dict[int, Parent]:
        """The parents of groups of siblings, as far as they are known and needed, by group."""
        return {} if self.generations is None else self.generations.parent_of

    def parents_of(self, first: int, count: int) -> dict[int, Parent]:
        """Those of ``parents`` that a unit needs."""
        parents = self.parents
        groups = range(first // SIBLINGS, -(-(first + count) // SIBLINGS))
        return {group: parents[group] for group in groups if group in parents}

    def thresholds(self) -> Thresholds:
        """The thresholds for workers. They may be a little old, which only lets too many entries pass."""
        if self.candidates >= self._thresholds_due:
            # Entries of open generations may be better than one that will be a parent before their time.
            self._thresholds = self.shelf.thresholds(None if self.generations is None else self.generations.parents)
            self._thresholds_due = self.candidates + self.candidates // _THRESHOLDS_SHARE
        return self._thresholds

    @property
    def needed(self) -> dict[int, Entry | int]:
        """All that the rest of the run needs, by index: on the shelf, for parents, and picked by ear.

        As entries or as slots in the shelf's store.
        """
        return {index: entry for index, entry in self.pinned.items() if index in self.picks} | self.shelf.store.slots

    def restore(self, done: list[tuple[int, int]], entries: Iterable[Entry], parents: Mapping[int, Parent]) -> None:
        """Go on from what was ``done`` and ``needed`` and the ``parents`` of an earlier time."""
        self.done = done
        store, rest, parts = self.shelf.store, iter(entries), [np.empty(0, np.int32)]
        while some := list(islice(rest, _TOGETHER)):
            self.pinned.update((entry.index, entry) for entry in some if entry.index in self.picks)
            parts.append(add_packed(store, pack_entries(some)))
        slots = np.concatenate(parts)
        self.shelf.add_slots(slots)
        if self.generations is not None:
            self.generations.restore(done[0][1] if done and done[0][0] == 0 else 0, slots, parents)
        store.let_go(slots)

    def missing(self, stop: int, most: int, start: int = 0) -> Iterator[tuple[int, int]]:
        """The candidates from ``start`` to ``stop - 1`` that are not judged yet.

        As ``(first, count)``, ``most`` at most, ascending.
        """
        at = start
        for low, high in [*self.done, (stop, stop)]:
            for first in range(at, min(low, stop), most):
                yield first, min(most, min(low, stop) - first)
            at = max(at, high)

    def _close_generations(self) -> None:
        if self.generations is not None and self.done and self.done[0][0] == 0:
            self.generations.reached(self.done[0][1])

    def _note_aside(self, index: int, aside: Aside) -> None:
        if index not in self.aside:
            self.aside[index] = aside
            self.refused[SET_ASIDE] += 1

    def _take(self, first: int, stop: int) -> bool:
        """Mark a range as judged; False when it was already."""
        for low, high in self.done:
            if low <= first and stop <= high:
                return False
            if first < high and low < stop:
                raise ValueError(f"candidates {first}..{stop - 1} overlap {low}..{high - 1}, which were judged")
        spans: list[tuple[int, int]] = []
        for low, high in sorted([*self.done, (first, stop)]):
            if spans and spans[-1][1] == low:
                spans[-1] = spans[-1][0], high
            else:
                spans.append((low, high))
        self.done = spans
        return True


def no_findings(spec: Spec, depth: int | None = None) -> Findings:
    """The findings of a search for this spec before it begins; ``depth``: of the shelf, if not ``shelf_depth``."""
    depth = shelf_depth(spec) if depth is None else depth
    return Findings(depth, None if spec.luck == 1.0 else Generations(spec))


def shelf_depth(spec: Spec) -> int:
    """How many candidates of each cell a search for this spec keeps.

    A short run, or a narrow spec, fills few cells. With one candidate of each a large pack would lack sounds. All of a
    family may be in one cell.
    """
    return max(4, -(-spec.count // 50)) if spec.family is None else spec.count


def refusals_in_words(refused: dict[str, int]) -> str:
    """How many were refused for each reason, as ``silent 3, too short 2``."""
    return ", ".join(f"{reason} {count}" for reason, count in sorted(refused.items())) or "none"
