"""The findings of a run: which candidates were judged, why some were refused, and the best of the rest.

Results of units may be added in any order, and twice: the same candidates always make the same findings.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Literal

import msgspec

from cnndsd.farm.shelf import Entry, Packed, Shelf
from cnndsd.recipe import Recipe
from cnndsd.spec import Spec

# The reason under which candidates that could not be judged are counted.
SET_ASIDE = "set aside"
Pick = Literal["keep", "drop"]


class Aside(msgspec.Struct, frozen=True):
    """A candidate that could not be judged, since its worker died or raised: how, and its recipe."""

    how: str
    recipe: Recipe


class UnitResult(msgspec.Struct, frozen=True):
    """What judging the candidates ``first`` to ``first + count - 1`` found.

    ``refused``: how many by reason. ``entries``: the best, by the numbers of their cells.
    """

    first: int
    count: int
    refused: dict[str, int]
    entries: dict[int, list[Packed]]
    aside: dict[int, Aside] = {}


class Findings:
    """All that was found so far; ``depth``: how many candidates the shelf keeps in each cell."""

    def __init__(self, depth: int = 1) -> None:
        self.shelf = Shelf(depth)
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
        return [entry for entry in self.shelf.entries if entry.index not in self.aside]

    def picked(self, pick: Pick) -> list[int]:
        """The candidates that the user kept, or dropped, ascending."""
        return sorted(index for index, said in self.picks.items() if said == pick and index not in self.aside)

    @property
    def reach(self) -> int:
        """One more than the last candidate that was judged."""
        return self.done[-1][1] if self.done else 0

    def add(self, result: UnitResult) -> None:
        """Add the result of a unit, unless it was added before. ``ValueError`` when only a part of it was."""
        first, stop = result.first, result.first + result.count
        if self._take(first, stop):
            self.refused.update(result.refused)
            for number, entries in result.entries.items():
                self.shelf.add_packed(number, entries)
            for index, aside in result.aside.items():
                self._note_aside(index, aside)

    def set_aside(self, index: int, aside: Aside) -> None:
        """Leave a candidate out, whether it was judged or not."""
        self._take(index, index + 1)
        self._note_aside(index, aside)

    def missing(self, stop: int, most: int) -> Iterator[tuple[int, int]]:
        """The candidates below ``stop`` that are not judged yet, as ``(first, count)``, ``most`` at most, ascending."""
        ends = [0, *(end for span in self.done for end in span if end < stop), stop]
        # The gaps lie between the ends of the ranges; one end is left over when ``stop`` lies inside a range.
        for low, high in zip(ends[::2], ends[1::2], strict=False):
            for first in range(low, high, most):
                yield first, min(most, high - first)

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


def shelf_depth(spec: Spec) -> int:
    """How many candidates of each cell a search for this spec keeps.

    A short run, or a narrow spec, fills few cells. With one candidate of each a large pack would lack sounds. All of a
    family may be in one cell.
    """
    return max(4, -(-spec.count // 50)) if spec.family is None else spec.count


def refusals_in_words(refused: dict[str, int]) -> str:
    """How many were refused for each reason, as ``silent 3, too short 2``."""
    return ", ".join(f"{reason} {count}" for reason, count in sorted(refused.items())) or "none"
